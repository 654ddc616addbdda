//! One row of a list of keys.

use leptos::prelude::*;

use super::{columns::KeyColumn, tabs::KeyTab};
use crate::{
    grid::view::{Column, RowView},
    model::{key::KeyRow, policy::Status, time::Timestamp},
    ui::{
        button::IconButton,
        icon::Glyph,
        time::{Telling, Time},
    },
};

/// What can be done with a row; `None` where the reader's role, or the kind, does not allow it.
#[derive(Clone, Copy)]
pub struct RowActions {
    /// Changes it.
    pub edit: Option<Callback<KeyRow>>,
    /// Deletes it.
    pub delete: Option<Callback<KeyRow>>,
}

/// How rows of a kind are drawn.
pub fn row_view(tab: &'static KeyTab, actions: RowActions) -> RowView<KeyRow> {
    let cells = move |row: KeyRow| {
        let cell = |column: &&KeyColumn| {
            let Column { title, word, .. } = column.head;
            view! { <td role="cell" class=format!("cell-{word}") data-label=title>{(column.cell)(&row, actions)}</td> }
        };
        tab.columns.iter().map(cell).collect_view().into_any()
    };
    RowView { name: |row| row.name.clone(), cells: Callback::new(cells) }
}

pub fn name(row: &KeyRow, _: RowActions) -> AnyView {
    view! { <span title=row.name.clone()>{row.name.clone()}</span> }.into_any()
}

/// What the key is now. An expired one says what to do.
pub fn status(row: &KeyRow, _: RowActions) -> AnyView {
    let is_expired = row.status == Status::Expired;
    view! {
        <span class=format!("status status-{}", row.status.word())>{row.status.label()}</span>
        {is_expired.then(|| view! { <span class="status-hint">"Create a new key"</span> })}
    }
    .into_any()
}

pub fn mask(row: &KeyRow, _: RowActions) -> AnyView {
    view! { <code class="key-mask">{row.mask.clone()}</code> }.into_any()
}

pub fn created_at(row: &KeyRow, _: RowActions) -> AnyView {
    view! { <Time at=row.created_at/> }.into_any()
}

pub fn last_used_at(row: &KeyRow, _: RowActions) -> AnyView {
    moment(row.last_used_at, Telling::Relative)
}

pub fn created_by(row: &KeyRow, _: RowActions) -> AnyView {
    view! { <span title=row.created_by.clone()>{row.created_by.clone()}</span> }.into_any()
}

pub fn expires_at(row: &KeyRow, _: RowActions) -> AnyView {
    moment(row.expires_at, Telling::Date)
}

pub fn action(row: &KeyRow, actions: RowActions) -> AnyView {
    let button = |label, glyph, danger, action: Option<Callback<KeyRow>>| {
        let row = row.clone();
        action.map(|action| view! { <IconButton label glyph danger on_click=move |_| action.run(row.clone())/> })
    };
    view! {
        <div class="row-actions">
            {button("Edit", Glyph::Edit, false, actions.edit)}
            {button("Delete", Glyph::Trash, true, actions.delete)}
        </div>
    }
    .into_any()
}

/// A moment that may never come, or never have come.
fn moment(at: Option<Timestamp>, telling: Telling) -> AnyView {
    match at {
        Some(at) => view! { <Time at telling/> }.into_any(),
        None => view! { <span class="never">"Never"</span> }.into_any(),
    }
}
