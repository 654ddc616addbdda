//! Bar chart of requests per day.

use leptos::prelude::*;

use latchkey_types::{billing::Month, money::Money};
use latchkey_ui::number::{format_integer, pluralize};

/// Width of a day including its gap, and height of the tallest bar, in SVG user units.
const DAY_WIDTH: i64 = 10;
const HEIGHT: i64 = 100;

#[component]
pub(super) fn DaysChart(
    month: Month,
    /// Requests per day of the month.
    days: Vec<i64>,
    /// Cost per day of the month.
    costs: Vec<Money>,
    /// ISO 4217 code.
    currency: String,
) -> impl IntoView {
    let top = round_up(days.iter().copied().max().unwrap_or_default());
    let count = i64::try_from(days.len()).unwrap_or_default();
    let bar = |(index, (requests, cost)): (i64, (i64, Money))| {
        // A nonzero count is always visible.
        let height = if requests == 0 { 0 } else { (requests * HEIGHT / top).max(1) };
        let label = format!("{} {}: {}, {cost} {currency}", index + 1, month.name(), pluralize(requests, "request", "requests"));
        view! {
            <g class="chart-day">
                <title>{label}</title>
                <rect class="chart-background" x=index * DAY_WIDTH y="0" width=DAY_WIDTH height=HEIGHT></rect>
                <rect class="chart-bar" x=index * DAY_WIDTH + 1 y=HEIGHT - height width=DAY_WIDTH - 2 height=height></rect>
            </g>
        }
    };
    let summary = summary(month, &days);
    view! {
        <figure class="chart">
            <p class="chart-top" aria-hidden="true"><span>{format_integer(top)}</span></p>
            <svg viewBox=format!("0 0 {} {HEIGHT}", count * DAY_WIDTH) preserveAspectRatio="none" role="img" aria-label=summary>
                {(0..).zip(days.into_iter().zip(costs)).map(bar).collect_view()}
            </svg>
            <p class="chart-days" aria-hidden="true"><span>"1"</span><span>{count / 2 + 1}</span><span>{count}</span></p>
        </figure>
    }
}

/// Text alternative of the chart.
fn summary(month: Month, days: &[i64]) -> String {
    let (day, highest) = (1..).zip(days).max_by_key(|(day, requests)| (**requests, -*day)).map_or((1, 0), |(day, requests)| (day, *requests));
    format!("Requests per day in {}: highest {} on day {day}", month.name(), format_integer(highest))
}

/// The smallest number of the form 1, 2 or 5 times a power of ten that is not below `number`.
fn round_up(number: i64) -> i64 {
    let mut power = 1_i64;
    loop {
        for step in [1, 2, 5] {
            if power.saturating_mul(step) >= number {
                return power.saturating_mul(step);
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axis_maximum_is_a_round_number() {
        for (number, top) in [(0, 1), (1, 1), (3, 5), (7, 10), (11, 20), (4_321, 5_000), (i64::MAX, i64::MAX)] {
            assert_eq!(round_up(number), top);
        }
    }

    #[test]
    fn summary_names_the_first_of_equal_days() {
        let month: Month = "2026-11".parse().unwrap();
        assert_eq!(summary(month, &[0, 7, 7, 1]), "Requests per day in November 2026: highest 7 on day 2");
    }
}
