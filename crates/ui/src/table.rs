//! Tables, for lists that are too short for the data grid.

use std::hash::Hash;

use leptos::{children::ViewFn, prelude::*};

use super::{
    icon::{Glyph, Icon},
    rows::{ForRows, RowList},
};

/// A column of a [`Table`], by its heading.
#[derive(Clone, Copy)]
pub enum Column {
    Text(&'static str),
    /// Aligned to the right.
    Number(&'static str),
    /// A column of buttons: only screen readers read the heading.
    Hidden(&'static str),
    /// Its heading is a button that sorts the table.
    Sortable {
        heading: &'static str,
        is_number: bool,
        /// Whether the table is sorted by the column: then whether it is descending.
        order: Signal<Option<bool>>,
        on_sort: Callback<()>,
    },
}

impl Column {
    fn view(self) -> AnyView {
        match self {
            Self::Text(heading) => view! { <th scope="col">{heading}</th> }.into_any(),
            Self::Number(heading) => view! { <th scope="col" class="cell-number">{heading}</th> }.into_any(),
            Self::Hidden(heading) => view! { <th scope="col"><span class="visually-hidden">{heading}</span></th> }.into_any(),
            Self::Sortable { heading, is_number, order, on_sort } => {
                let sort = move || order.get().map(|is_descending| if is_descending { "descending" } else { "ascending" });
                view! {
                    <th scope="col" class:cell-number=is_number aria-sort=sort>
                        <button type="button" class="table-sort" on:click=move |_| on_sort.run(())>{heading} <Icon glyph=Glyph::Up/></button>
                    </th>
                }
                .into_any()
            }
        }
    }
}

impl From<&'static str> for Column {
    fn from(heading: &'static str) -> Self {
        Self::Text(heading)
    }
}

/// A table in a frame. On a phone it becomes a list of cards: give each cell its heading in `data-label`.
#[component]
pub fn Table<C: Into<Column>>(
    /// Accessible name.
    label: &'static str,
    /// CSS classes of the table.
    #[prop(default = "table")]
    class: &'static str,
    /// The columns, in order.
    columns: Vec<C>,
    /// The row of totals.
    #[prop(optional, into)]
    footer: Option<ViewFn>,
    /// The rows.
    children: Children,
) -> impl IntoView {
    let headings = columns.into_iter().map(|column| column.into().view()).collect_view();
    view! {
        <div class="table-frame">
            <table class=class aria-label=label>
                <thead><tr>{headings}</tr></thead>
                <tbody>{children()}</tbody>
                {footer.map(|footer| view! { <tfoot>{move || footer.run()}</tfoot> })}
            </table>
        </div>
    }
}

/// A [`Table`] of a list whose rows are updated in place.
#[component]
pub fn RowTable<C, T, Row, Id, V, Render>(
    /// Accessible name.
    label: &'static str,
    /// The columns, in order.
    columns: Vec<C>,
    /// The list, with a table row for each of its rows.
    rows: RowList<T, Row, Id>,
    /// Shown instead of the table while the list is empty; nothing by default.
    #[prop(optional, into)]
    empty: ViewFn,
    /// Renders a row.
    children: Render,
) -> impl IntoView
where
    C: Into<Column>,
    T: Send + Sync + 'static,
    Row: Clone + PartialEq + Send + Sync + 'static,
    Id: Copy + Eq + Hash + Send + Sync + 'static,
    V: IntoView + 'static,
    Render: Fn(Memo<Row>) -> V + Clone + Send + Sync + 'static,
{
    let columns: Vec<Column> = columns.into_iter().map(Into::into).collect();
    view! {
        <Show when=move || !rows.is_empty() fallback=empty>
            <Table label columns=columns.clone() clone:children>
                <ForRows rows children/>
            </Table>
        </Show>
    }
}
