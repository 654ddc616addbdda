//! The grid component.

use leptos::{html, prelude::*};

use super::{
    data_source::{GridRow, Rows},
    keyboard::{Movement, RowCommand},
    keydown::keydown_handler,
    measure,
    row_cache::Slot,
    row_focus::{RowFocus, aria_row_index},
    row_scope, scroll_memory,
    viewport::{Geometry, Measurements, VisibleRows},
};
use crate::{
    browser,
    icon::{Glyph, Icon},
    shortcuts::on_shortcut,
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
///
/// The arrow keys, J, K, Home, End and the page keys move the focus from row to row, and other keys are commands for the focused row. Each
/// history entry keeps its scroll position.
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
    /// Called with a command for a row. Without it, keys only move the focus.
    #[prop(optional_no_strip)]
    on_command: Option<Callback<RowCommand<Row>>>,
) -> impl IntoView {
    let scroller = NodeRef::<html::Div>::new();
    let probe = NodeRef::<html::Div>::new();
    let table = NodeRef::<html::Table>::new();
    let body = NodeRef::<html::Tbody>::new();
    let measures = RwSignal::new(Measurements::default());
    let scroll_top = RwSignal::new(0.0);

    let geometry = Memo::new(move |_| Geometry { total: rows.total(), measures: measures.get() });
    let window = Memo::new(move |_| geometry.get().window(scroll_top.get()));
    let drawn = Memo::new(move |_| (window.get().first, window.get().end()));
    let focus = RowFocus::new(scroller, geometry, scroll_top, drawn);

    Effect::new(move || {
        if let (Some(scroller), Some(probe)) = (scroller.get(), probe.get()) {
            measure::watch(scroller.into(), probe.into(), measures);
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
            focus.reset();
            scroller.set_scroll_top(0);
        }
        scroll_to_top
    });
    // After the effect that sets the height. A list that was reopened is another one than that in which the position was saved. A long list gets its
    // height only when its rows are counted: until then, the position may not be reachable.
    let is_counted = Memo::new(move |_| rows.is_total_exact());
    Effect::new(move |is_restored: Option<bool>| {
        let is_last_try = is_counted.get();
        let is_first = rows.scroll_to_top().get_untracked() == 0;
        let Some(scroller) = scroller.get().filter(|_| is_first && is_restored != Some(true)) else { return is_restored == Some(true) };
        let Some(saved) = scroll_memory::saved() else { return true };
        scroller.set_scroll_top(saved);
        let is_reached = scroller.scroll_top() >= saved;
        if is_last_try && !is_reached {
            // The effect that sets the height may run later.
            request_animation_frame(move || scroller.set_scroll_top(saved));
        }
        is_last_try || is_reached
    });
    // Also while nothing in the list is focused.
    let go = move |movement| {
        rows.keep_position();
        focus.go(movement);
    };
    on_shortcut("j", move || go(Movement::Down));
    on_shortcut("k", move || go(Movement::Up));

    let on_scroll = move |_| {
        if let Some(scroller) = scroller.get_untracked() {
            // In a scaled list, a pixel is several rows.
            let to = browser::scroll_top(&scroller);
            focus.before_scroll(to);
            scroll_top.set(to);
        }
    };
    let on_scrollend = move |_| {
        if let Some(scroller) = scroller.get_untracked() {
            scroll_memory::save(scroller.scroll_top());
        }
    };
    let heading = move |column| view! { <Heading column order on_order/> };
    let row_line = move |index: usize| view! { <GridRowView index rows row_view focus/> };
    view! {
        // Its name differs from that of the table in it, which a screen reader says next.
        <div class=format!("grid {class}") node_ref=scroller tabindex="-1" role="region" aria-label=format!("{label}, list")
            on:scroll=on_scroll on:scrollend=on_scrollend
            on:keydown=keydown_handler(rows, focus, on_command) on:focusin=move |event| focus.on_focusin(&event)>
            <div class="grid-probe" node_ref=probe></div>
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
fn GridRowView<Row: GridRow>(index: usize, rows: Rows<Row>, row_view: RowView<Row>, focus: RowFocus) -> impl IntoView {
    let slot = Memo::new(move |_| rows.slot(index));
    let is_current = Memo::new(move |_| focus.is_current(index));
    let name = move || match slot.get() {
        Slot::Row(row) => Some((row_view.name)(&row)),
        Slot::Deleted | Slot::Loading => None,
    };
    let cells = move || match slot.get() {
        Slot::Row(row) => row_view.cells.run((index, row)),
        Slot::Deleted => view! { <td role="cell" class="cell-deleted">"Deleted"</td> }.into_any(),
        Slot::Loading => view! { <td role="cell" class="cell-loading"><span class="skeleton"></span></td> }.into_any(),
    };
    let tab_index = move || if is_current.get() { "0" } else { "-1" };
    let id = format!("grid-row-{index}");
    row_scope::provide(is_current, id.clone());
    view! {
        <tr role="row" class="grid-row" id=id tabindex=tab_index aria-rowindex=aria_row_index(index).to_string() aria-label=name>{cells}</tr>
    }
}

/// Formats integer pixels, because formatting floats adds 15 KB of code.
#[expect(clippy::cast_possible_truncation, reason = "browsers clip elements at 33.5 million pixels")]
fn px(length: f64) -> String {
    format!("{}px", length.round() as i64)
}

fn translate(window: VisibleRows) -> String {
    format!("translateY({})", px(window.top))
}
