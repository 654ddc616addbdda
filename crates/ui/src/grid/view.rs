//! The grid component.

use leptos::{ev, html, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{HtmlElement, ResizeObserver};

use super::{
    data_source::{GridRow, Rows},
    row_cache::Slot,
    viewport::{Geometry, Measurements, VisibleRows},
};
use crate::{
    browser,
    icon::{Glyph, Icon},
};

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub title: &'static str,
    /// Its key in the sort order and in the class of its cells.
    pub key: &'static str,
    /// Whether the list can be sorted by it, and the initial direction.
    pub sortable: Sortable,
}

/// Whether a list can be sorted by a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sortable {
    /// Not sortable.
    No,
    /// Ascending on the first click, as for names.
    Ascending,
    /// Descending on the first click, as for times.
    Descending,
}

/// The sort column and direction of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// The column's key.
    pub column: &'static str,
    pub descending: bool,
}

pub struct RowView<Row: 'static> {
    /// Accessible name of the row.
    pub name: fn(&Row) -> String,
    /// Renders one `<td>` per column. The arguments are the row's index and data.
    pub cells: Callback<(usize, Row), AnyView>,
}

impl<Row> Clone for RowView<Row> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<Row> Copy for RowView<Row> {}

/// A scrollable table that fills the available height and renders only the visible rows.
///
/// The style sheet sets the column widths (`--columns`) and the row height (`--row-height`), and may lay out rows as cards, so every part
/// has an explicit ARIA role.
#[component]
pub fn DataGrid<Row: GridRow>(
    /// Accessible name of the table.
    label: &'static str,
    /// CSS classes, including the one that sets the column widths.
    #[prop(into)]
    class: String,
    /// A heading before the columns, such as a checkbox that selects all rows.
    #[prop(optional_no_strip)]
    lead: Option<Callback<(), AnyView>>,
    columns: Vec<Column>,
    /// The current order.
    #[prop(into)]
    order: Signal<Order>,
    /// Called with the requested order.
    on_order: Callback<Order>,
    rows: Rows<Row>,
    row_view: RowView<Row>,
) -> impl IntoView {
    let scroller = NodeRef::<html::Div>::new();
    let table = NodeRef::<html::Table>::new();
    let body = NodeRef::<html::Tbody>::new();
    let measures = RwSignal::new(Measurements::default());
    let scroll_top = RwSignal::new(0.0);

    let geometry = Memo::new(move |_| Geometry { total: rows.total(), measures: measures.get() });
    let window = Memo::new(move |_| geometry.get().window(scroll_top.get()));
    let drawn = Memo::new(move |_| (window.get().first, window.get().end()));

    Effect::new(move || {
        if let (Some(scroller), Some(table)) = (scroller.get(), table.get()) {
            watch_measures(scroller.into(), table.into(), measures);
        }
    });
    Effect::new(move || {
        if let (Some(table), Some(body)) = (table.get(), body.get()) {
            let header = table.t_head().map_or(0, |head| head.offset_height());
            browser::set_style(&table, "height", &px(f64::from(header) + geometry.get().height()));
            browser::set_style(&body, "transform", &translate(window.get()));
        }
    });
    Effect::new(move || rows.set_visible(drawn.get().0..drawn.get().1));
    Effect::new(move |before: Option<u32>| {
        let scroll_to_top = rows.scroll_to_top().get();
        if let Some(scroller) = scroller.get_untracked().filter(|_| before.is_some_and(|before| before != scroll_to_top)) {
            scroller.set_scroll_top(0);
        }
        scroll_to_top
    });

    let on_scroll = move |_| {
        if let Some(scroller) = scroller.get_untracked() {
            scroll_top.set(f64::from(scroller.scroll_top()));
        }
    };
    let on_keydown = move |event: ev::KeyboardEvent| {
        let (Some(scroller), false) = (scroller.get_untracked(), has_modifier(&event)) else { return };
        let geometry = geometry.get_untracked();
        let (at, page) = (geometry.row_at(scroll_top.get_untracked()), geometry.page());
        let to = match event.key().as_str() {
            "Home" => 0,
            "End" => geometry.total,
            "PageUp" => at.saturating_sub(page),
            "PageDown" => at + page,
            "ArrowUp" => at.saturating_sub(1),
            "ArrowDown" => at + 1,
            _ => return,
        };
        event.prevent_default();
        set_scroll_top(&scroller, geometry.scroll_to(to));
    };
    let heading = move |column| view! { <Heading column order on_order/> };
    let row_line = move |index: usize| view! { <GridRowView index rows row_view/> };
    view! {
        <div class=format!("grid {class}") node_ref=scroller tabindex="0" role="region" aria-label=label on:scroll=on_scroll on:keydown=on_keydown>
            <table role="table" aria-label=label node_ref=table aria-rowcount=move || (rows.total() + 1).to_string()
                aria-busy=move || rows.is_loading().get().then_some("true")>
                <thead role="rowgroup">
                    <tr role="row" class="grid-row" aria-rowindex="1">
                        {lead.map(|lead| view! { <th role="columnheader" scope="col" class="cell-select">{lead.run(())}</th> })}
                        {columns.into_iter().map(heading).collect_view()}
                    </tr>
                </thead>
                <tbody role="rowgroup" node_ref=body>
                    <For each=move || drawn.get().0..drawn.get().1 key=|index| *index children=row_line/>
                </tbody>
            </table>
        </div>
    }
}

/// The heading of a column, a button if the column is sortable.
#[component]
fn Heading(column: Column, order: Signal<Order>, on_order: Callback<Order>) -> impl IntoView {
    let is_sorted = move || order.get().column == column.key;
    let aria_sort = move || match (is_sorted(), order.get().descending) {
        (false, _) => None,
        (true, false) => Some("ascending"),
        (true, true) => Some("descending"),
    };
    let sort = move |_| {
        let descending = if is_sorted() { !order.get_untracked().descending } else { column.sortable == Sortable::Descending };
        on_order.run(Order { column: column.key, descending });
    };
    let content = if column.sortable == Sortable::No {
        view! { <span class="grid-title">{column.title}</span> }.into_any()
    } else {
        view! {
            <button type="button" class="grid-title grid-sort" on:click=sort>
                {column.title}
                <Icon glyph=Glyph::Up/>
            </button>
        }
        .into_any()
    };
    view! { <th role="columnheader" scope="col" class=format!("cell-{}", column.key) aria-sort=aria_sort>{content}</th> }
}

/// One row: its cells, or a placeholder for a deleted or loading row.
#[component]
fn GridRowView<Row: GridRow>(index: usize, rows: Rows<Row>, row_view: RowView<Row>) -> impl IntoView {
    let slot = Memo::new(move |_| rows.slot(index));
    let name = move || match slot.get() {
        Slot::Row(row) => Some((row_view.name)(&row)),
        Slot::Deleted | Slot::Loading => None,
    };
    let cells = move || match slot.get() {
        Slot::Row(row) => row_view.cells.run((index, row)),
        Slot::Deleted => view! { <td role="cell" class="cell-deleted">"Deleted"</td> }.into_any(),
        Slot::Loading => view! { <td role="cell" class="cell-loading"><span class="skeleton"></span></td> }.into_any(),
    };
    // The heading is row 1.
    let row_number = (index + 2).to_string();
    view! { <tr role="row" class="grid-row" aria-rowindex=row_number aria-label=name>{cells}</tr> }
}

/// Updates the measurements now and whenever the scroller is resized.
fn watch_measures(scroller: HtmlElement, table: HtmlElement, measures: RwSignal<Measurements>) {
    let measure = {
        let scroller = scroller.clone();
        move || {
            let header = table.query_selector("thead").ok().flatten().map_or(0, |head| head.client_height());
            let viewport = f64::from(scroller.client_height() - header).max(0.0);
            if let Some(row_height) = row_height(&scroller) {
                measures.set(Measurements { row_height, viewport });
            }
        }
    };
    measure();
    let on_resize = Closure::<dyn Fn()>::new(measure);
    if let Ok(observer) = ResizeObserver::new(on_resize.as_ref().unchecked_ref()) {
        observer.observe(&scroller);
        let stored = StoredValue::new_local((observer, on_resize));
        on_cleanup(move || stored.with_value(|(observer, _)| observer.disconnect()));
    }
}

/// `--row-height` of the style sheet, in pixels. An integer, because parsing floats adds 8 KB of code.
fn row_height(scroller: &HtmlElement) -> Option<f64> {
    let style = window().get_computed_style(scroller).ok()??;
    let pixels = style.get_property_value("--row-height").ok()?.trim().strip_suffix("px")?.parse::<u16>().ok()?;
    Some(f64::from(pixels))
}

/// Scrolls without animation, to a fraction of a pixel: in a scaled list one pixel is several rows.
fn set_scroll_top(scroller: &HtmlElement, to: f64) {
    scroller.scroll_to_with_x_and_y(f64::from(scroller.scroll_left()), to);
}

/// Formats integer pixels, because formatting floats adds 15 KB of code.
#[expect(clippy::cast_possible_truncation, reason = "browsers clip elements at 33.5 million pixels")]
fn px(length: f64) -> String {
    format!("{}px", length.round() as i64)
}

fn translate(window: VisibleRows) -> String {
    format!("translateY({})", px(window.top))
}

fn has_modifier(event: &ev::KeyboardEvent) -> bool {
    event.alt_key() || event.ctrl_key() || event.meta_key() || event.shift_key()
}
