//! One row of a list of keys.

use leptos::prelude::*;

use super::{columns, tabs::KeyTab};
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
        let cell = |column: &Column| {
            let label = column.title;
            view! { <td role="cell" class=format!("cell-{}", column.word) data-label=label>{content(column.word, &row, actions)}</td> }
        };
        tab.columns.iter().map(cell).collect_view().into_any()
    };
    RowView { name: |row| row.name.clone(), cells: Callback::new(cells) }
}

/// What stands in a column.
fn content(column: &str, row: &KeyRow, actions: RowActions) -> AnyView {
    if column == columns::NAME.word {
        view! { <span class="key-name" title=row.name.clone()>{row.name.clone()}</span> }.into_any()
    } else if column == columns::STATUS.word {
        view! { <StatusBadge status=row.status/> }.into_any()
    } else if column == columns::SECRET.word {
        view! { <code class="key-mask">{row.mask.clone()}</code> }.into_any()
    } else if column == columns::CREATED.word {
        view! { <Time at=row.created_at/> }.into_any()
    } else if column == columns::LAST_USED.word {
        moment(row.last_used_at, Telling::Relative)
    } else if column == columns::CREATED_BY.word {
        view! { <span title=row.created_by.clone()>{row.created_by.clone()}</span> }.into_any()
    } else if column == columns::EXPIRES.word {
        moment(row.expires_at, Telling::Date)
    } else {
        view! { <Actions row=row.clone() actions/> }.into_any()
    }
}

/// A moment that may never come, or never have come.
fn moment(at: Option<Timestamp>, telling: Telling) -> AnyView {
    match at {
        Some(at) => view! { <Time at telling/> }.into_any(),
        None => view! { <span class="never">"Never"</span> }.into_any(),
    }
}

/// What the key is now. An expired one says what to do.
#[component]
fn StatusBadge(status: Status) -> impl IntoView {
    let is_expired = status == Status::Expired;
    view! {
        <span class=format!("status status-{}", status.word())>{status.label()}</span>
        {is_expired.then(|| view! { <span class="status-hint">"Create a new key"</span> })}
    }
}

/// The buttons of a row.
#[component]
fn Actions(row: KeyRow, actions: RowActions) -> impl IntoView {
    let button = move |label, glyph, danger, action: Option<Callback<KeyRow>>, row: KeyRow| {
        action.map(|action| view! { <IconButton label glyph danger on_click=move |_| action.run(row.clone())/> })
    };
    view! {
        <div class="row-actions">
            {button("Edit", Glyph::Edit, false, actions.edit, row.clone())}
            {button("Delete", Glyph::Trash, true, actions.delete, row)}
        </div>
    }
}
