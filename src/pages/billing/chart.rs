//! Requests per day, as bars.

use leptos::prelude::*;

use crate::{
    model::{billing::Month, money::Money},
    ui::number::{counted, grouped},
};

/// How wide a day is, its gap included, and how high the highest bar; in the drawing's own units.
const DAY_WIDTH: i64 = 10;
const HEIGHT: i64 = 100;

/// A bar for each day of a month.
#[component]
pub fn DaysChart(
    /// The month.
    month: Month,
    /// Requests on each of its days.
    days: Vec<i64>,
    /// What they cost.
    costs: Vec<Money>,
    /// The currency: ISO 4217.
    currency: String,
) -> impl IntoView {
    let top = round_up(days.iter().copied().max().unwrap_or_default());
    let count = i64::try_from(days.len()).unwrap_or_default();
    let bar = |(at, (requests, cost)): (i64, (i64, Money))| {
        // What is not nothing is seen.
        let height = if requests == 0 { 0 } else { (requests * HEIGHT / top).max(1) };
        let says = format!("{} {}: {}, {cost} {currency}", at + 1, month.name(), counted(requests, "request", "requests"));
        view! {
            <g class="chart-day">
                <title>{says}</title>
                <rect class="chart-ground" x=at * DAY_WIDTH y="0" width=DAY_WIDTH height=HEIGHT></rect>
                <rect class="chart-bar" x=at * DAY_WIDTH + 1 y=HEIGHT - height width=DAY_WIDTH - 2 height=height></rect>
            </g>
        }
    };
    let summary = summary(month, &days);
    view! {
        <figure class="chart">
            <p class="chart-top" aria-hidden="true"><span>{grouped(top)}</span></p>
            <svg viewBox=format!("0 0 {} {HEIGHT}", count * DAY_WIDTH) preserveAspectRatio="none" role="img" aria-label=summary>
                {(0..).zip(days.into_iter().zip(costs)).map(bar).collect_view()}
            </svg>
            <p class="chart-days" aria-hidden="true"><span>"1"</span><span>{count / 2 + 1}</span><span>{count}</span></p>
        </figure>
    }
}

/// What the bars show, for those who can't see them.
fn summary(month: Month, days: &[i64]) -> String {
    let (day, most) = (1..).zip(days).max_by_key(|(day, requests)| (**requests, -*day)).map_or((1, 0), |(day, requests)| (day, *requests));
    format!("Requests per day in {}: the most, {}, on day {day}", month.name(), grouped(most))
}

/// The next number above that people like at the end of an axis: 1, 2 or 5 and zeros.
fn round_up(number: i64) -> i64 {
    let mut ten = 1_i64;
    loop {
        for step in [1, 2, 5] {
            if ten.saturating_mul(step) >= number {
                return ten.saturating_mul(step);
            }
        }
        ten = ten.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number() {
        for (number, top) in [(0, 1), (1, 1), (3, 5), (7, 10), (11, 20), (4_321, 5_000), (i64::MAX, i64::MAX)] {
            assert_eq!(round_up(number), top);
        }
    }

    #[test]
    fn the_first_of_equal_days_is_named() {
        let month: Month = "2026-11".parse().unwrap();
        assert_eq!(summary(month, &[0, 7, 7, 1]), "Requests per day in November 2026: the most, 7, on day 2");
    }
}
