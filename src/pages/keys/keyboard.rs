//! What the keys of the list do, and what a screen reader says of it.

use leptos::prelude::*;

use super::{actions::ListActions, columns, query_state::QueryState, row_context::RowAction};
use latchkey_types::{
    key::{BulkAction, KeyRow},
    key_kind::{Editable, KindSpec},
};
use latchkey_ui::{grid::keyboard::RowCommand, menu::MenuShortcuts, shortcuts::on_shortcut};

/// The keys that do the same as items of a row's menu.
pub(super) const ROW_SHORTCUTS: MenuShortcuts = &[("Edit", "E"), ("Delete", "Del")];

impl ListActions {
    /// Runs a command of the keyboard on a row.
    pub(super) fn on_command(self, command: RowCommand<KeyRow>) {
        let can_edit = self.spec.editable != Editable::Nothing;
        match command {
            RowCommand::Toggle(index, row) => self.selection.toggle(index, row.id),
            RowCommand::Extend { anchor, from, to } => self.selection.extend(anchor, from, to),
            RowCommand::Open(row) | RowCommand::Edit(row) if can_edit => self.on_row(RowAction::Edit, row),
            RowCommand::Open(_) | RowCommand::Edit(_) => {}
            RowCommand::Delete(_) if untrack(|| self.selection.count()) > 0 => self.on_picked(BulkAction::Delete),
            RowCommand::Delete(row) => self.on_row(RowAction::Delete, row),
        }
    }

    /// Clears the selection on Escape.
    pub(super) fn watch_escape(self) {
        on_shortcut("Escape", move || self.selection.clear());
    }
}

/// Announces what a change of the list shows to those who see it: the new order, and that nothing matches.
#[component]
pub(super) fn Announcements(spec: &'static KindSpec, query_state: QueryState, #[prop(into)] is_no_match: Signal<bool>) -> impl IntoView {
    let text = RwSignal::new(String::new());
    Effect::new(move |before: Option<_>| {
        let sort = query_state.get().sort;
        if before.is_some_and(|before| before != sort) {
            let order = columns::order_of(sort);
            let column = spec.list_spec().columns.iter().find(|(_, field)| field.as_str() == order.column).map_or("", |(title, _)| *title);
            text.set(format!("Sorted by {column}, {}", if order.descending { "descending" } else { "ascending" }));
        }
        sort
    });
    Effect::new(move || text.set(if is_no_match.get() { "Nothing matches the search and filters".to_owned() } else { String::new() }));
    view! { <p class="visually-hidden" role="status">{move || text.get()}</p> }
}
