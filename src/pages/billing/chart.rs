//! The requests of each day of a month, as a chart.

use latchkey_types::{billing::Month, money::Money};
use latchkey_ui::chart::{ChartData, ChartPoint, ChartSeries, counts_in_words};

pub(super) const SERIES: &[ChartSeries] = &[ChartSeries { label: "Requests", class: "series-plain" }];

const UNIT: (&str, &str) = ("request", "requests");

/// A bar for each day, with its cost in the currency with this ISO 4217 code. `today` is its position, if it is in this month.
pub(super) fn chart_data(month: Month, requests: &[i64], costs: &[Money], currency: &str, today: Option<usize>) -> ChartData {
    let day = |(index, (requests, cost)): (usize, (&i64, &Money))| {
        let is_today = today == Some(index);
        let cost = (*cost != Money::default()).then(|| format!("{cost} {currency}"));
        let count = counts_in_words(SERIES, &[*requests], UNIT);
        ChartPoint {
            label: month.day_name(index + 1) + if is_today { " (today)" } else { "" },
            tick: if has_tick(index, today) { (index + 1).to_string() } else { String::new() },
            values: Some(vec![*requests]),
            text: cost.as_ref().map_or_else(|| count.clone(), |cost| format!("{count}, {cost}")),
            cells: vec![cost.unwrap_or_else(|| "–".to_owned())],
            is_current: is_today,
            is_future: today.is_some_and(|today| index > today),
        }
    };
    ChartData {
        title: "Requests per day",
        period: month.name(),
        step: "Day",
        unit: UNIT,
        columns: vec!["Cost"],
        points: requests.iter().zip(costs).enumerate().map(day).collect(),
        note: None,
    }
}

/// Whether the number of a day is shown: of the first, of every fifth, and of today, if its neighbors leave space for it.
fn has_tick(index: usize, today: Option<usize>) -> bool {
    match today.map(|today| today.abs_diff(index)) {
        Some(0) => true,
        Some(1) => false,
        _ => index == 0 || (index + 1).is_multiple_of(5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_texts_costs_and_ticks() {
        let month: Month = "2026-11".parse().unwrap();
        let costs = [Money(0), Money(3_010_000), Money(0), Money(0), Money(0), Money(0)];
        let data = chart_data(month, &[0, 1_204, 1, 0, 0, 0], &costs, "USD", Some(3));
        let points = &data.points;
        assert_eq!((points[1].label.as_str(), points[1].text.as_str()), ("November 2", "1,204 requests, 3.01 USD"));
        assert_eq!((points[2].text.as_str(), points[2].cells.as_slice()), ("1 request", &["–".to_owned()][..]));
        assert_eq!((points[3].label.as_str(), points[3].text.as_str()), ("November 4 (today)", "0 requests"));
        assert_eq!(points.iter().map(|day| day.tick.as_str()).collect::<Vec<_>>(), ["1", "", "", "4", "", ""]);
        assert_eq!(points.iter().map(|day| day.is_future).collect::<Vec<_>>(), [false, false, false, false, true, true]);
    }
}
