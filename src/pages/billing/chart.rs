//! Bar chart of requests per day.

use leptos::{ev, prelude::*};

use latchkey_types::{billing::Month, money::Money};
use latchkey_ui::number::{format_integer, pluralize};

/// Height of the tallest bar, in tenths of a percent.
const FULL_HEIGHT: i64 = 1000;

/// The usage of one day.
#[derive(Debug, Clone)]
struct Day {
    /// `November 12`.
    name: String,
    requests: i64,
    cost: Money,
    is_today: bool,
    is_future: bool,
    /// Number below the bar; empty for most days.
    tick: String,
}

impl Day {
    fn cost_text(&self, currency: &str) -> String {
        if self.cost == Money::default() { "–".to_owned() } else { format!("{} {currency}", self.cost) }
    }

    /// `November 12: 1,204 requests, 3.01 USD`.
    fn text(&self, currency: &str) -> String {
        let cost = if self.cost == Money::default() { String::new() } else { format!(", {}", self.cost_text(currency)) };
        let today = if self.is_today { " (today)" } else { "" };
        format!("{}{today}: {}{cost}", self.name, pluralize(self.requests, "request", "requests"))
    }
}

fn days_of(month: Month, requests: &[i64], costs: &[Money], today: Option<usize>) -> Vec<Day> {
    let day = |(index, (requests, cost)): (usize, (&i64, &Money))| Day {
        name: month.day_name(index + 1),
        requests: *requests,
        cost: *cost,
        is_today: today == Some(index),
        is_future: today.is_some_and(|today| index > today),
        tick: if has_tick(index, today) { (index + 1).to_string() } else { String::new() },
    };
    requests.iter().zip(costs).enumerate().map(day).collect()
}

/// Whether the number of a day is shown: of the first, of every fifth, and of today, if its neighbors leave space for it.
fn has_tick(index: usize, today: Option<usize>) -> bool {
    match today.map(|today| today.abs_diff(index)) {
        Some(0) => true,
        Some(1) => false,
        _ => index == 0 || (index + 1).is_multiple_of(5),
    }
}

/// The values of a day are shown on hover and touch, and of the day that the arrow keys select.
#[component]
pub(super) fn DaysChart(
    month: Month,
    /// Requests per day of the month.
    requests: Vec<i64>,
    /// Cost per day of the month.
    costs: Vec<Money>,
    /// ISO 4217 code.
    currency: String,
    /// Today's position, if it is in this month.
    today: Option<usize>,
) -> impl IntoView {
    let top = round_up(requests.iter().copied().max().unwrap_or_default());
    let summary = summary(month, &requests);
    let days = days_of(month, &requests, &costs, today);
    let last = today.unwrap_or(days.len().saturating_sub(1));
    let texts = StoredValue::new(days.iter().map(|day| day.text(&currency)).collect::<Vec<_>>());
    let text_of = move |index: usize| texts.with_value(|texts| texts.get(index).cloned().unwrap_or_default());
    let shown = RwSignal::new(None::<usize>);
    let current = move || shown.get().unwrap_or(last);

    // Actions
    let on_keydown = move |event: ev::KeyboardEvent| {
        if let Some(to) = neighbor(&event.key(), shown.get_untracked().unwrap_or(last), last) {
            event.prevent_default();
            shown.set(Some(to));
        }
    };
    let on_focus = move |_| {
        if shown.get_untracked().is_none() {
            shown.set(Some(last));
        }
    };
    // After a touch the values stay.
    let on_pointerleave = move |event: ev::PointerEvent| {
        if event.pointer_type() == "mouse" {
            shown.set(None);
        }
    };

    // View
    let bar = |(index, day): (usize, &Day)| {
        let height = bar_height(day.requests, top);
        let show = move |_| shown.set(Some(index));
        view! {
            <div class="chart-day" class:chart-today=day.is_today class:chart-future=day.is_future class:chart-shown=move || shown.get() == Some(index)
                on:pointerenter=show on:pointerdown=show>
                <svg><rect width="100%" rx="2" y=tenths(FULL_HEIGHT - height) height=tenths(height)></rect></svg>
                <span>{day.tick.clone()}</span>
            </div>
        }
    };
    view! {
        <figure class="chart">
            <figcaption class="visually-hidden">{summary}</figcaption>
            <p class="chart-value" aria-hidden="true">{move || shown.get().map_or_else(|| "Requests per day".to_owned(), text_of)}</p>
            <div class="chart-plot">
                <div class="chart-axis" aria-hidden="true">
                    <span>{format_integer(top)}</span>
                    <span>{if top > 1 { format_integer(top / 2) } else { String::new() }}</span>
                    <span>"0"</span>
                </div>
                <div class="chart-days" role="slider" tabindex="0" aria-label="Day" aria-valuemin="1" aria-valuemax=(last + 1).to_string()
                    aria-valuenow=move || (current() + 1).to_string() aria-valuetext=move || text_of(current())
                    on:keydown=on_keydown on:focus=on_focus on:blur=move |_| shown.set(None) on:pointerleave=on_pointerleave>
                    {days.iter().enumerate().map(bar).collect_view()}
                </div>
            </div>
            <DaysTable days currency/>
        </figure>
    }
}

/// The same values for screen readers.
#[component]
fn DaysTable(days: Vec<Day>, currency: String) -> impl IntoView {
    let row = |day: &Day| {
        view! {
            <tr>
                <th scope="row">{day.name.clone()}</th>
                <td>{format_integer(day.requests)}</td>
                <td>{day.cost_text(&currency)}</td>
            </tr>
        }
    };
    view! {
        <div class="visually-hidden">
            <table class="chart-table" aria-label="Requests per day">
                <thead><tr><th scope="col">"Day"</th><th scope="col">"Requests"</th><th scope="col">"Cost"</th></tr></thead>
                <tbody>{days.iter().filter(|day| !day.is_future).map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}

/// Text alternative of the chart.
fn summary(month: Month, requests: &[i64]) -> String {
    let (day, highest) = (1..).zip(requests).max_by_key(|(day, requests)| (**requests, -*day)).map_or((1, 0), |(day, requests)| (day, *requests));
    format!("Requests per day in {}: highest {} on day {day}", month.name(), format_integer(highest))
}

/// A bar that is not empty is always visible.
const fn bar_height(requests: i64, top: i64) -> i64 {
    match requests.saturating_mul(FULL_HEIGHT) / top {
        0 if requests > 0 => FULL_HEIGHT / 100,
        height => height,
    }
}

/// Tenths of a percent as an attribute: `12.5%`.
fn tenths(number: i64) -> String {
    format!("{}.{}%", number / 10, number % 10)
}

/// The day that a key leads to.
fn neighbor(key: &str, at: usize, last: usize) -> Option<usize> {
    match key {
        "ArrowRight" | "ArrowUp" => Some((at + 1).min(last)),
        "ArrowLeft" | "ArrowDown" => Some(at.saturating_sub(1)),
        "Home" => Some(0),
        "End" => Some(last),
        _ => None,
    }
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
    fn bars_are_in_proportion_and_visible() {
        assert_eq!([0, 1, 500, 2_000].map(|requests| bar_height(requests, 2_000)), [0, 10, 250, 1000]);
        assert_eq!(bar_height(1, 1_000_000), 10);
        assert_eq!((tenths(1000), tenths(255)), ("100.0%".to_owned(), "25.5%".to_owned()));
    }

    #[test]
    fn summary_names_the_first_of_equal_days() {
        let month: Month = "2026-11".parse().unwrap();
        assert_eq!(summary(month, &[0, 7, 7, 1]), "Requests per day in November 2026: highest 7 on day 2");
    }

    #[test]
    fn days_have_texts_and_ticks() {
        let month: Month = "2026-11".parse().unwrap();
        let days = days_of(month, &[0, 1_204, 1, 0, 0, 0], &[Money(0), Money(3_010_000), Money(0), Money(0), Money(0), Money(0)], Some(3));
        let texts: Vec<_> = days.iter().map(|day| day.text("USD")).collect();
        assert_eq!(texts[1], "November 2: 1,204 requests, 3.01 USD");
        assert_eq!(texts[3], "November 4 (today): 0 requests");
        assert_eq!(days.iter().map(|day| day.tick.as_str()).collect::<Vec<_>>(), ["1", "", "", "4", "", ""]);
        assert_eq!(days.iter().map(|day| day.is_future).collect::<Vec<_>>(), [false, false, false, false, true, true]);
    }

    #[test]
    fn arrow_keys_stay_within_the_days() {
        assert_eq!((neighbor("ArrowRight", 3, 3), neighbor("ArrowLeft", 0, 3)), (Some(3), Some(0)));
        assert_eq!((neighbor("Home", 2, 3), neighbor("End", 0, 3), neighbor("Tab", 0, 3)), (Some(0), Some(3), None));
    }
}
