//! One row of a key list and its actions.

use leptos::prelude::*;

use super::{
    cells,
    row_context::{RowAction, RowContext},
    selection::RowCheckbox,
};
use latchkey_types::{
    key::{BulkAction, KeyRow},
    key_kind::{Editable, KeyField, Status},
};
use latchkey_ui::{
    button::IconButton,
    grid::view::RowView,
    icon::{Glyph, Icon},
    menu::{MenuAction, MenuButton, MenuItem},
};

/// Renders the rows of a list.
pub(super) fn row_view(context: &RowContext) -> RowView<KeyRow> {
    let context = *context;
    let cells = move |(index, row): (usize, KeyRow)| {
        let pick = context.may_manage.then(|| {
            view! { <td role="cell" class="cell-select"><RowCheckbox selection=context.selection index id=row.id name=row.name.clone()/></td> }
        });
        let cell = |(title, field): &(&'static str, KeyField)| {
            let class = format!("cell-{}", field.as_str());
            view! { <td role="cell" class=class data-label=*title>{cells::cell(*field, &row, &context)}</td> }
        };
        view! {
            {pick}
            {context.columns().map(cell).collect_view()}
        }
        .into_any()
    };
    RowView { name: |row| row.name.clone(), cells: Callback::new(cells) }
}

impl RowContext {
    /// The columns for this user. The action column is omitted without the permission to manage keys.
    pub(super) fn columns(self) -> impl Iterator<Item = &'static (&'static str, KeyField)> {
        let is_shown = move |field: KeyField| if field == KeyField::Action { self.may_manage } else { self.view_options.shows(field) };
        self.spec.list_spec().columns.iter().filter(move |(_, field)| is_shown(*field))
    }

    /// Whether the user can edit keys of this kind.
    pub(super) fn can_edit(self) -> bool {
        self.may_manage && self.spec.editable != Editable::Nothing
    }

    pub(super) fn actions(self, row: &KeyRow) -> AnyView {
        let run = |action| {
            let row = row.clone();
            Callback::new(move |()| self.on_action.run((action, row.clone())))
        };
        let button = |label, shortcut, glyph, action| {
            let run = run(action);
            view! { <IconButton label shortcut glyph danger=action == RowAction::Delete on_click=move |_| run.run(())/> }
        };
        let items = {
            let row = row.clone();
            Callback::new(move |()| self.menu_items(&row))
        };
        let has_buttons = self.spec.list_spec().has_buttons;
        view! {
            <div class="row-actions">
                {has_buttons.then(|| view! {
                    <div class="row-buttons">
                        {self.can_edit().then(|| button("Edit", "E", Glyph::Edit, RowAction::Edit))}
                        {button("Delete", "Del", Glyph::Trash, RowAction::Delete)}
                    </div>
                })}
                <MenuButton menu=self.menu id=format!("actions-{}", row.id) class="icon-button" label="Actions" items>
                    <Icon glyph=Glyph::More/>
                </MenuButton>
            </div>
        }
        .into_any()
    }

    fn menu_items(self, row: &KeyRow) -> Vec<MenuItem> {
        let item = |label, glyph, action, kind: fn(Callback<()>) -> MenuAction| {
            let row = row.clone();
            MenuItem { label, glyph, action: kind(Callback::new(move |()| self.on_action.run((action, row.clone())))) }
        };
        let run = |label, glyph, action| item(label, glyph, action, MenuAction::Run);
        let is_inbound = self.spec.is_inbound();
        let can_rotate = is_inbound && matches!(row.status, Status::Active | Status::Disabled);
        let switch = match row.status {
            Status::Active if is_inbound => Some(run("Disable", Glyph::Pause, RowAction::Act(BulkAction::Disable))),
            Status::Disabled if is_inbound => Some(run("Enable", Glyph::Play, RowAction::Act(BulkAction::Enable))),
            _ => None,
        };
        let items = [
            self.can_edit().then(|| run("Edit", Glyph::Edit, RowAction::Edit)),
            (!is_inbound).then(|| run("Test connection", Glyph::Plug, RowAction::Test)),
            Some(run("Copy ID", Glyph::Copy, RowAction::CopyId)),
            can_rotate.then(|| run("Rotate…", Glyph::Rotate, RowAction::Rotate)),
            row.provider.map(|_| run("Replace…", Glyph::Rotate, RowAction::Replace)),
            switch,
            Some(item("Delete", Glyph::Trash, RowAction::Delete, MenuAction::Danger)),
        ];
        items.into_iter().flatten().collect()
    }
}
