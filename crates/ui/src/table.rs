//! Tables, for lists that are too short for the data grid.

use std::hash::Hash;

use leptos::{children::ViewFn, prelude::*};

use super::rows::{ForRows, RowList};

/// A column of a [`Table`], by its heading.
#[derive(Debug, Clone, Copy)]
pub enum Column {
    Text(&'static str),
    /// Aligned to the right.
    Number(&'static str),
    /// A column of buttons: only screen readers read the heading.
    Hidden(&'static str),
    /// The heading has its own CSS class.
    Styled {
        heading: &'static str,
        class: &'static str,
    },
}

impl Column {
    fn view(self) -> AnyView {
        match self {
            Self::Text(heading) => view! { <th scope="col">{heading}</th> }.into_any(),
            Self::Number(heading) => Self::Styled { heading, class: "cell-number" }.view(),
            Self::Hidden(heading) => view! { <th scope="col"><span class="visually-hidden">{heading}</span></th> }.into_any(),
            Self::Styled { heading, class } => view! { <th scope="col" class=class>{heading}</th> }.into_any(),
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
