//! A list in refetchable data, whose rows are rendered once and updated in place.

use std::hash::Hash;

use leptos::prelude::*;

use super::resource::Refetchable;

/// A list in the data of a page. Each row has an id.
pub struct RowList<T: Send + Sync + 'static, Row: 'static, Id: 'static> {
    data: Refetchable<T>,
    rows: fn(&T) -> &[Row],
    id: fn(&Row) -> Id,
}

impl<T: Send + Sync, Row, Id> Clone for RowList<T, Row, Id> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Send + Sync, Row, Id> Copy for RowList<T, Row, Id> {}

impl<T, Row, Id> RowList<T, Row, Id>
where
    T: Send + Sync,
    Row: Clone + PartialEq + Send + Sync,
    Id: Copy + PartialEq + Send + Sync,
{
    pub(super) const fn new(data: Refetchable<T>, rows: fn(&T) -> &[Row], id: fn(&Row) -> Id) -> Self {
        Self { data, rows, id }
    }

    pub fn is_empty(self) -> bool {
        self.data.with(|data| (self.rows)(data).is_empty())
    }

    fn ids(self) -> Vec<Id> {
        self.data.with(|data| (self.rows)(data).iter().map(self.id).collect())
    }

    fn row(self, id: Id) -> Option<Memo<Row>> {
        self.data.select(move |data| (self.rows)(data).iter().find(|row| (self.id)(row) == id).cloned())
    }
}

/// Renders each row of a list once. A row gets a memo and updates in place, so that its buttons keep the focus.
#[component]
pub fn ForRows<T, Row, Id, V, Render>(
    /// The list.
    rows: RowList<T, Row, Id>,
    /// Renders a row.
    children: Render,
) -> impl IntoView
where
    T: Send + Sync + 'static,
    Row: Clone + PartialEq + Send + Sync + 'static,
    Id: Copy + Eq + Hash + Send + Sync + 'static,
    V: IntoView + 'static,
    Render: Fn(Memo<Row>) -> V + Clone + Send + 'static,
{
    view! { <For each=move || rows.ids() key=|id| *id children=move |id| rows.row(id).map(|row| children(row).into_any())/> }
}
