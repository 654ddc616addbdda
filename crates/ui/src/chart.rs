//! Bar charts of counts over time, and sparklines.

use std::fmt::Write;

use leptos::{ev, html, prelude::*};

use super::number::{format_count, format_integer, pluralize};

/// Height of the plot, and width of a bar with its gap, in SVG user units.
const HEIGHT: i64 = 1000;
const WIDTH: usize = 10;

/// The least height of a count that is not zero, in a chart and in a sparkline, so that it is visible.
const BAR_MIN: i64 = 10;
const SPARKLINE_BAR_MIN: i64 = 40;

/// The number of bars that Page Up and Page Down pass.
const PAGE: usize = 6;

/// A series of a [`Chart`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChartSeries {
    /// Name in the legend and in the table: `Accepted`.
    pub label: &'static str,
    /// The CSS class of its color and pattern: `series-plain`, `series-good` or `series-danger`.
    pub class: &'static str,
}

/// An hour or a day of a [`Chart`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartPoint {
    /// `November 12`.
    pub label: String,
    /// Text below the bar; blank for most.
    pub tick: String,
    /// A count for each series; `None` if there are no counts of this time.
    pub values: Option<Vec<i64>>,
    /// The values in words: `1,204 requests, 3.01 USD`. See [`counts_in_words`].
    pub text: String,
    /// The cells of its row in the table that follow the counts, see [`ChartData::columns`].
    pub cells: Vec<String>,
    /// Whether it is the current hour or day, whose tick is emphasized.
    pub is_current: bool,
    pub is_future: bool,
}

/// What a [`Chart`] shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartData {
    /// `Requests per day`.
    pub title: &'static str,
    /// The period in the text alternative: `November 2026`.
    pub period: String,
    /// What a bar stands for: `Day`.
    pub step: &'static str,
    /// What is counted, one and many: `request`, `requests`.
    pub unit: (&'static str, &'static str),
    /// Headings of the columns of the table that follow the counts.
    pub columns: Vec<&'static str>,
    pub points: Vec<ChartPoint>,
    /// A remark below the chart: `Days are in UTC.`
    pub note: Option<String>,
}

/// Stacked bars, with the same values as a table. The values of a bar are shown on hover and touch, and of the bar that the arrow keys select.
#[component]
pub fn Chart(
    /// From bottom to top. More than one have a legend.
    series: &'static [ChartSeries],
    #[prop(into)] data: Signal<ChartData>,
) -> impl IntoView {
    let drawing = Memo::new(move |_| data.with(|data| draw(series, data)));
    let bars = NodeRef::<html::Div>::new();
    let shown = RwSignal::new(None::<usize>);
    let last = move || drawing.with(|drawing| drawing.last);
    let current = move || shown.get().map_or_else(last, |index| index.min(last()));
    let current_text = move || {
        let index = current();
        data.with(|data| data.points.get(index).map(point_in_words)).unwrap_or_default()
    };

    // Actions
    let on_keydown = move |event: ev::KeyboardEvent| {
        if let Some(to) = neighbor(&event.key(), untrack(current), untrack(last)) {
            event.prevent_default();
            shown.set(Some(to));
        }
    };
    let on_focus = move |_| {
        if shown.get_untracked().is_none() {
            shown.set(Some(untrack(last)));
        }
    };
    let on_pointer = move |event: ev::PointerEvent| {
        let Some(bars) = bars.get_untracked() else { return };
        let area = bars.get_bounding_client_rect();
        let (count, last) = drawing.with_untracked(|drawing| (drawing.count, drawing.last));
        let at = index_at(f64::from(event.client_x()) - area.left(), area.width(), count);
        // Nothing is known of the future.
        let at = Some(at).filter(|at| *at <= last);
        if shown.get_untracked() != at {
            shown.set(at);
        }
    };
    // After a touch the values stay.
    let on_pointerleave = move |event: ev::PointerEvent| {
        if event.pointer_type() == "mouse" {
            shown.set(None);
        }
    };

    // View
    let view_box = move || drawing.with(|drawing| format!("0 0 {} {HEIGHT}", drawing.count * WIDTH));
    let stroke_width = move || drawing.with(|drawing| bar_width(drawing.count));
    let layer = |(index, series): (usize, &ChartSeries)| {
        let path = move || drawing.with(|drawing| drawing.bars.get(index).cloned().unwrap_or_default());
        view! {
            <svg class=format!("chart-layer {}", series.class) viewBox=view_box preserveAspectRatio="none">
                <path d=path stroke-width=stroke_width></path>
            </svg>
        }
    };
    view! {
        <figure class="chart">
            <figcaption class="visually-hidden">{move || drawing.with(|drawing| drawing.summary.clone())}</figcaption>
            <div class="chart-body">
                <p class="chart-value" aria-hidden="true">
                    {move || if shown.get().is_some() { current_text() } else { data.with(|data| data.title.to_owned()) }}
                </p>
                // Its totals are in the caption.
                <ul class="chart-legend" aria-hidden="true">{move || drawing.with(|drawing| legend(series, drawing))}</ul>
                <div class="chart-plot">
                    <div class="chart-axis" aria-hidden="true">
                        <span>{move || drawing.with(|drawing| compact(drawing.top))}</span>
                        <span>{move || drawing.with(|drawing| half(drawing.top).map(compact))}</span>
                        <span>"0"</span>
                    </div>
                    <div class="chart-bars" role="slider" tabindex="0" aria-label=move || data.with(|data| data.step) aria-valuemin="1"
                        aria-valuemax=move || (last() + 1).to_string() aria-valuenow=move || (current() + 1).to_string() aria-valuetext=current_text
                        node_ref=bars on:keydown=on_keydown on:focus=on_focus on:blur=move |_| shown.set(None)
                        on:pointermove=on_pointer on:pointerdown=on_pointer on:pointerleave=on_pointerleave>
                        <div class="chart-lines" class:chart-lines-half=move || drawing.with(|drawing| half(drawing.top).is_some())></div>
                        <svg class="chart-layer" viewBox=view_box preserveAspectRatio="none">
                            <path class="chart-shown" d=move || if shown.get().is_some() { column(current()) } else { String::new() }></path>
                        </svg>
                        <svg class="chart-layer series-none" viewBox=view_box preserveAspectRatio="none">
                            <path d=move || drawing.with(|drawing| drawing.blank.clone())></path>
                        </svg>
                        {series.iter().enumerate().map(layer).collect_view()}
                        <p class="chart-empty">{move || drawing.with(|drawing| drawing.empty_text.clone())}</p>
                        <svg class="chart-ticks">{move || drawing.with(|drawing| drawing.ticks.iter().map(tick).collect_view())}</svg>
                    </div>
                </div>
                <p class="chart-note">{move || data.with(|data| data.note.clone())}</p>
                <DataTable series data/>
            </div>
        </figure>
    }
}

/// A sparkline; empty without counts.
#[component]
pub fn Sparkline(
    values: Vec<i64>,
    /// Text alternative.
    label: String,
) -> impl IntoView {
    let top = values.iter().copied().max().unwrap_or_default();
    (top > 0).then(|| {
        let bars = values.iter().enumerate().map(|(index, value)| (index, 0, bar_height(*value, top, SPARKLINE_BAR_MIN)));
        view! {
            <svg class="sparkline" viewBox=format!("0 0 {} {HEIGHT}", values.len() * WIDTH) preserveAspectRatio="none" role="img" aria-label=label>
                <path d=bar_path(bars)></path>
            </svg>
        }
    })
}

/// Counts in words: `1,204 requests` of a single series, `212 accepted, 3 limited` of several.
pub fn counts_in_words(series: &[ChartSeries], values: &[i64], unit: (&str, &str)) -> String {
    if let [value] = values {
        return pluralize(*value, unit.0, unit.1);
    }
    let counts = series.iter().zip(values).filter(|(_, value)| **value != 0);
    let texts: Vec<_> = counts.map(|(series, value)| format!("{} {}", format_integer(*value), series.label.to_ascii_lowercase())).collect();
    if texts.is_empty() { pluralize(0, unit.0, unit.1) } else { texts.join(", ") }
}

/// The table behind a chart.
#[component]
fn DataTable(series: &'static [ChartSeries], data: Signal<ChartData>) -> impl IntoView {
    let details = NodeRef::<html::Details>::new();
    // Rendered only while it is open: it has a row for each bar.
    let is_open = RwSignal::new(false);
    let update = move |_| is_open.set(details.get_untracked().is_some_and(|details| details.open()));
    // It may have been opened before hydration.
    Effect::new(move || is_open.set(details.get().is_some_and(|details| details.open())));
    view! {
        <details class="chart-data" node_ref=details on:toggle=update>
            <summary>"Show as table"</summary>
            {move || is_open.get().then(|| data.with(|data| table(series, data)))}
        </details>
    }
}

fn table(series: &[ChartSeries], data: &ChartData) -> impl IntoView + use<> {
    let headings = series.iter().map(|series| series.label).chain(data.columns.iter().copied());
    let headings = headings.map(|heading| view! { <th scope="col">{heading}</th> }).collect_view();
    let columns = series.len() + data.columns.len();
    let row = |point: &ChartPoint| {
        let cells = if let Some(values) = &point.values {
            let counts = values.iter().map(|value| format_integer(*value));
            counts.chain(point.cells.iter().cloned()).map(|cell| view! { <td>{cell}</td> }).collect_view().into_any()
        } else {
            view! { <td class="chart-uncounted" colspan=columns.to_string()>"Not counted"</td> }.into_any()
        };
        view! { <tr><th scope="row">{point.label.clone()}</th>{cells}</tr> }
    };
    view! {
        // Keys scroll it.
        <div class="chart-table-frame" role="region" tabindex="0" aria-label=data.title>
            <table class="chart-table" aria-label=data.title>
                <thead><tr><th scope="col">{data.step}</th>{headings}</tr></thead>
                <tbody>{data.points.iter().filter(|point| !point.is_future).map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}

/// The series that occur, with their totals; nothing if there is only one.
fn legend(series: &[ChartSeries], drawing: &Drawing) -> impl IntoView + use<> {
    let item = |class: &'static str, label: &'static str, total: String| {
        view! { <li><span class=format!("chart-swatch {class}")></span>{label}<span class="chart-total">{total}</span></li> }
    };
    let mut items = Vec::new();
    if series.len() > 1 {
        let occurring = series.iter().zip(&drawing.totals).filter(|(_, total)| **total != 0);
        items.extend(occurring.map(|(series, total)| item(series.class, series.label, format_integer(*total))));
    }
    if drawing.uncounted > 0 {
        items.push(item("series-none", "Not counted", String::new()));
    }
    items
}

fn tick(tick: &Tick) -> impl IntoView + use<> {
    view! { <text class:chart-tick-current=tick.is_current x=tick.x.clone() y="1.125rem">{tick.text.clone()}</text> }
}

/// What is drawn of the data.
#[derive(Debug, PartialEq, Eq)]
struct Drawing {
    /// The number of bars.
    count: usize,
    /// Index of the last bar that is not in the future.
    last: usize,
    /// The end of the axis.
    top: i64,
    /// A path for each series: few elements, however many bars there are.
    bars: Vec<String>,
    /// The columns without counts, in the past and in the future.
    blank: String,
    ticks: Vec<Tick>,
    /// The total of each series.
    totals: Vec<i64>,
    /// The number of bars of the past without counts.
    uncounted: usize,
    /// Shown instead of the bars if all are empty.
    empty_text: Option<String>,
    /// Text alternative.
    summary: String,
}

/// A text below a bar.
#[derive(Debug, PartialEq, Eq)]
struct Tick {
    /// Of its middle, in percent of the plot.
    x: String,
    text: String,
    is_current: bool,
}

fn draw(series: &[ChartSeries], data: &ChartData) -> Drawing {
    let points = &data.points;
    let count = points.len();
    let highest = points.iter().filter_map(|point| point.values.as_ref()).map(sum).max().unwrap_or_default();
    let top = round_up(highest);
    let stacks: Vec<_> = points.iter().map(|point| point.values.as_deref().map_or_else(Vec::new, |values| stack(values, top))).collect();
    let bars_of = |series: usize| {
        let parts = stacks.iter().enumerate().filter_map(|(index, stack)| stack.get(series).map(|(base, height)| (index, *base, *height)));
        bar_path(parts)
    };
    let total_of = |series: usize| sum(points.iter().filter_map(|point| point.values.as_ref()?.get(series)));
    let totals: Vec<i64> = (0..series.len()).map(total_of).collect();
    let uncounted = points.iter().filter(|point| point.values.is_none() && !point.is_future).count();
    Drawing {
        count,
        last: points.iter().rposition(|point| !point.is_future).unwrap_or_default(),
        top,
        bars: (0..series.len()).map(bars_of).collect(),
        blank: points.iter().enumerate().filter(|(_, point)| point.is_future || point.values.is_none()).map(|(index, _)| column(index)).collect(),
        ticks: ticks(points),
        uncounted,
        empty_text: (highest == 0).then(|| format!("No {}{} in this period", data.unit.1, if uncounted > 0 { " were counted" } else { "" })),
        summary: summary(data, &counts_in_words(series, &totals, data.unit), highest, uncounted),
        totals,
    }
}

/// `Requests per day, November 2026: 1,204 accepted, 3 refused. Highest: November 12, 212`. Of equal bars, the first one is the highest.
fn summary(data: &ChartData, totals: &str, highest: i64, uncounted: usize) -> String {
    let mut text = format!("{}, {}: {totals}", data.title, data.period);
    let is_highest = |point: &&ChartPoint| point.values.as_ref().is_some_and(|values| sum(values) == highest);
    if let Some(point) = data.points.iter().find(is_highest).filter(|_| highest > 0) {
        // Writing to a string never fails.
        let _ = write!(text, ". Highest: {}, {}", point.label, format_integer(highest));
    }
    if uncounted > 0 {
        let _ = write!(text, ". Not counted: {} of {}", format_count(uncounted), format_count(data.points.len()));
    }
    text
}

fn ticks(points: &[ChartPoint]) -> Vec<Tick> {
    let tick = |(index, point): (usize, &ChartPoint)| {
        // In hundredths of a percent.
        let x = (2 * index + 1) * 5_000 / points.len();
        Tick { x: format!("{}.{:02}%", x / 100, x % 100), text: point.tick.clone(), is_current: point.is_current }
    };
    points.iter().enumerate().filter(|(_, point)| !point.tick.is_empty()).map(tick).collect()
}

/// `November 12: 1,204 requests`.
fn point_in_words(point: &ChartPoint) -> String {
    format!("{}: {}", point.label, if point.values.is_some() { &point.text } else { "not counted" })
}

fn sum<'a>(values: impl IntoIterator<Item = &'a i64>) -> i64 {
    values.into_iter().fold(0, |sum: i64, value| sum.saturating_add(*value))
}

/// The lower end and the height of each part of a bar.
fn stack(values: &[i64], top: i64) -> Vec<(i64, i64)> {
    let mut heights: Vec<i64> = values.iter().map(|value| bar_height(*value, top, BAR_MIN)).collect();
    // Raised parts must not lift the others out of the plot.
    let excess = heights.iter().sum::<i64>() - HEIGHT;
    if excess > 0
        && let Some(highest) = heights.iter_mut().max()
    {
        *highest -= excess;
    }
    let mut base = 0;
    let part = |height: i64| {
        let part = (base, height);
        base += height;
        part
    };
    heights.into_iter().map(part).collect()
}

/// In proportion, but never less than `min`, except for 0.
fn bar_height(value: i64, top: i64, min: i64) -> i64 {
    if value <= 0 {
        return 0;
    }
    i64::try_from(i128::from(value) * i128::from(HEIGHT) / i128::from(top.max(1))).unwrap_or(HEIGHT).clamp(min, HEIGHT)
}

/// One path for all bars, each a line in its middle. A bar is its index, lower end and height.
fn bar_path(bars: impl Iterator<Item = (usize, i64, i64)>) -> String {
    let mut path = String::new();
    for (index, base, height) in bars.filter(|(_, _, height)| *height > 0) {
        // Writing to a string never fails.
        let _ = write!(path, "M{} {}v-{height}", index * WIDTH + WIDTH / 2, HEIGHT - base);
    }
    path
}

/// The area of a bar with its gap.
fn column(index: usize) -> String {
    format!("M{} 0h{WIDTH}v{HEIGHT}h-{WIDTH}z", index * WIDTH)
}

/// The width of the bars, as a share of the container: lines do not scale with the plot. Many bars have smaller gaps.
fn bar_width(count: usize) -> String {
    let share = if count > 60 { 84 } else { 72 };
    format!("min(1.5rem, {share}cqi / {})", count.max(1))
}

/// The bar below a pointer.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates: what is left of the bars is the first one")]
fn index_at(x: f64, width: f64, count: usize) -> usize {
    let bars = u32::try_from(count).map_or(f64::MAX, f64::from);
    let index = (x * bars / width) as usize;
    index.min(count.saturating_sub(1))
}

/// The bar that a key leads to.
fn neighbor(key: &str, at: usize, last: usize) -> Option<usize> {
    match key {
        "ArrowRight" | "ArrowUp" => Some((at + 1).min(last)),
        "ArrowLeft" | "ArrowDown" => Some(at.saturating_sub(1)),
        "PageUp" => Some((at + PAGE).min(last)),
        "PageDown" => Some(at.saturating_sub(PAGE)),
        "Home" => Some(0),
        "End" => Some(last),
        _ => None,
    }
}

/// The smallest number of the form 1, 2, 4, 6 or 8 times a power of ten that is not below `number`.
fn round_up(number: i64) -> i64 {
    let mut power = 1_i64;
    loop {
        for step in [1, 2, 4, 6, 8] {
            if power.saturating_mul(step) >= number {
                return power.saturating_mul(step);
            }
        }
        power = power.saturating_mul(10);
    }
}

/// The number in the middle of the axis, if it is an integer.
fn half(top: i64) -> Option<i64> {
    (top % 2 == 0).then_some(top / 2)
}

/// A number on the axis: `8,000`, `40K`, `1.2M`.
fn compact(number: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (1_000, "K")];
    match UNITS.iter().find(|(size, _)| number >= *size && number >= 10_000) {
        None => format_integer(number),
        Some((size, suffix)) => {
            let (whole, tenth) = (format_integer(number / size), number / (size / 10) % 10);
            if tenth == 0 { format!("{whole}{suffix}") } else { format!("{whole}.{tenth}{suffix}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[ChartSeries] = &[ChartSeries { label: "Requests", class: "series-plain" }];
    const TWO: &[ChartSeries] = &[ChartSeries { label: "Accepted", class: "series-good" }, ChartSeries { label: "Refused", class: "series-danger" }];

    fn data(series: &[ChartSeries], values: &[Option<&[i64]>]) -> ChartData {
        let point = |(index, values): (usize, Option<&[i64]>)| ChartPoint {
            label: format!("{index} PM"),
            tick: if index == 0 { "0".to_owned() } else { String::new() },
            values: values.map(<[i64]>::to_vec),
            text: values.map(|values| counts_in_words(series, values, ("request", "requests"))).unwrap_or_default(),
            cells: Vec::new(),
            is_current: false,
            is_future: false,
        };
        ChartData {
            title: "Requests per hour",
            period: "today".to_owned(),
            step: "Hour",
            unit: ("request", "requests"),
            columns: Vec::new(),
            points: values.iter().copied().enumerate().map(point).collect(),
            note: None,
        }
    }

    #[test]
    fn axis_maximum_is_a_round_number() {
        for (number, top) in [(0, 1), (1, 1), (3, 4), (5, 6), (7, 8), (9, 10), (11, 20), (4_321, 6_000), (i64::MAX, i64::MAX)] {
            assert_eq!(round_up(number), top);
        }
        assert_eq!([1, 2, 10].map(half), [None, Some(1), Some(5)]);
    }

    #[test]
    fn axis_numbers_are_short() {
        for (number, text) in
            [(0, "0"), (8_000, "8,000"), (10_000, "10K"), (400_000, "400K"), (1_200_000, "1.2M"), (20_000_000_000, "20B"), (i64::MAX, "9,223,372T")]
        {
            assert_eq!(compact(number), text);
        }
    }

    #[test]
    fn bars_are_in_proportion_and_visible() {
        assert_eq!([0, 1, 500, 2_000].map(|value| bar_height(value, 2_000, BAR_MIN)), [0, 10, 250, 1000]);
        assert_eq!(bar_height(1, 1_000_000, BAR_MIN), 10);
        assert_eq!(bar_height(i64::MAX, i64::MAX, BAR_MIN), 1000);
        assert_eq!(bar_path([(0, 0, 0), (1, 0, 40), (2, 40, 960)].into_iter()), "M15 1000v-40M25 960v-960");
    }

    #[test]
    fn parts_of_a_bar_fill_it_exactly() {
        assert_eq!(stack(&[3, 1], 4), [(0, 750), (750, 250)]);
        assert_eq!(stack(&[0, 1], 4), [(0, 0), (0, 250)]);
        assert_eq!(stack(&[999_999, 1], 1_000_000), [(0, 990), (990, 10)]);
    }

    #[test]
    fn a_series_is_one_path() {
        let drawing = draw(TWO, &data(TWO, &[Some(&[3, 1]), Some(&[0, 2]), None]));
        assert_eq!(drawing.bars, ["M5 1000v-750", "M5 250v-250M15 1000v-500"]);
        assert_eq!(drawing.blank, "M20 0h10v1000h-10z");
        assert_eq!((drawing.top, drawing.last, drawing.uncounted), (4, 2, 1));
        assert_eq!(drawing.totals, [3, 3]);
        assert_eq!(drawing.ticks, [Tick { x: "16.66%".to_owned(), text: "0".to_owned(), is_current: false }]);
    }

    #[test]
    fn summary_names_totals_and_the_first_of_equal_bars() {
        let summary = |series, values: &[Option<&[i64]>]| draw(series, &data(series, values)).summary;
        assert_eq!(summary(ONE, &[Some(&[0]), Some(&[7]), Some(&[7])]), "Requests per hour, today: 14 requests. Highest: 1 PM, 7");
        assert_eq!(
            summary(TWO, &[Some(&[1_204, 3]), None]),
            "Requests per hour, today: 1,204 accepted, 3 refused. Highest: 0 PM, 1,207. Not counted: 1 of 2"
        );
        assert_eq!(summary(TWO, &[Some(&[0, 0])]), "Requests per hour, today: 0 requests");
    }

    #[test]
    fn a_chart_may_have_no_points_and_no_counts() {
        let drawing = draw(ONE, &data(ONE, &[]));
        assert_eq!((drawing.count, drawing.last, drawing.top), (0, 0, 1));
        assert_eq!(drawing.empty_text.as_deref(), Some("No requests in this period"));
        let drawing = draw(ONE, &data(ONE, &[Some(&[0])]));
        assert_eq!(drawing.bars, [""]);
        assert_eq!(drawing.empty_text.as_deref(), Some("No requests in this period"));
        let drawing = draw(ONE, &data(ONE, &[Some(&[0]), None]));
        assert_eq!(drawing.empty_text.as_deref(), Some("No requests were counted in this period"));
    }

    #[test]
    fn a_single_count_and_the_highest_count_are_drawn() {
        for count in [1, 1_000_000, i64::MAX] {
            let drawing = draw(ONE, &data(ONE, &[Some(&[count])]));
            assert_eq!((drawing.bars, drawing.empty_text), (vec!["M5 1000v-1000".to_owned()], None));
        }
    }

    #[test]
    fn the_future_is_blank_and_is_not_selected() {
        let mut data = data(ONE, &[Some(&[1]), Some(&[2]), Some(&[0])]);
        data.points[2].is_future = true;
        let drawing = draw(ONE, &data);
        assert_eq!((drawing.last, drawing.uncounted), (1, 0));
        assert_eq!(drawing.blank, column(2));
    }

    #[test]
    fn values_in_words_leave_out_zeros() {
        let unit = ("request", "requests");
        assert_eq!(counts_in_words(ONE, &[1], unit), "1 request");
        assert_eq!(counts_in_words(ONE, &[0], unit), "0 requests");
        assert_eq!(counts_in_words(TWO, &[212, 3], unit), "212 accepted, 3 refused");
        assert_eq!(counts_in_words(TWO, &[0, 1], unit), "1 refused");
        assert_eq!(counts_in_words(TWO, &[0, 0], unit), "0 requests");
        let data = data(ONE, &[Some(&[2]), None]);
        assert_eq!(data.points.iter().map(point_in_words).collect::<Vec<_>>(), ["0 PM: 2 requests", "1 PM: not counted"]);
    }

    #[test]
    fn keys_stay_within_the_bars() {
        assert_eq!((neighbor("ArrowRight", 3, 3), neighbor("ArrowLeft", 0, 3)), (Some(3), Some(0)));
        assert_eq!((neighbor("PageUp", 3, 23), neighbor("PageUp", 20, 23), neighbor("PageDown", 4, 23)), (Some(9), Some(23), Some(0)));
        assert_eq!((neighbor("Home", 2, 3), neighbor("End", 0, 3), neighbor("Tab", 0, 3)), (Some(0), Some(3), None));
    }

    #[test]
    fn a_pointer_is_above_a_bar() {
        assert_eq!([-5.0, 0.0, 9.9, 10.0, 99.9, 100.0].map(|x| index_at(x, 100.0, 10)), [0, 0, 0, 1, 9, 9]);
        assert_eq!(index_at(5.0, 0.0, 10), 9);
        assert_eq!(index_at(5.0, 100.0, 0), 0);
    }
}
