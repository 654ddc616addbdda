//! One row of a key list and its actions.

use super::row_context::{RowAction, RowContext};
use leptos::prelude::*;

use super::{cells, selection::RowCheckbox};
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
pub(super) fn row_view(context: RowContext) -> RowView<KeyRow> {
    let cells = move |(index, row): (usize, KeyRow)| {
        let pick = context.may_manage.then(|| {
            view! { <td role="cell" class="cell-select"><RowCheckbox selection=context.selection index id=row.id name=row.name.clone()/></td> }
        });
        let cell = |(title, field): &(&'static str, KeyField)| {
            let class = format!("cell-{}", field.as_str());
            view! { <td role="cell" class=class data-label=*title>{cells::cell(*field, &row, context)}</td> }
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
        self.spec.list_spec().columns.iter().filter(move |(_, field)| self.may_manage || *field != KeyField::Action)
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
        let button = |label, glyph, action| {
            let run = run(action);
            view! { <IconButton label glyph danger=action == RowAction::Delete on_click=move |_| run.run(())/> }
        };
        let items = {
            let row = row.clone();
            Callback::new(move |()| self.menu_items(&row))
        };
        let has_buttons = self.spec.list_spec().has_buttons;
        view! {
            <div class="row-actions">
                {(has_buttons && self.can_edit()).then(|| button("Edit", Glyph::Edit, RowAction::Edit))}
                {has_buttons.then(|| button("Delete", Glyph::Trash, RowAction::Delete))}
                <MenuButton menu=self.menu id=format!("actions-{}", row.id) class="icon-button" label="Actions" items>
                    <Icon glyph=Glyph::More/>
                </MenuButton>
            </div>
        }
        .into_any()
    }

    fn menu_items(self, row: &KeyRow) -> Vec<MenuItem> {
        let mut items = Vec::new();
        let mut add = |label, glyph, action| {
            let row = row.clone();
            let run = Callback::new(move |()| self.on_action.run((action, row.clone())));
            items.push(MenuItem { label, glyph, action: MenuAction::Run(run) });
        };
        match (self.spec.is_inbound(), row.status) {
            (true, Status::Active) => add("Disable", Glyph::Pause, RowAction::Act(BulkAction::Disable)),
            (true, Status::Disabled) => add("Enable", Glyph::Play, RowAction::Act(BulkAction::Enable)),
            (true, _) => {}
            (false, _) => add("Test connection", Glyph::Plug, RowAction::Test),
        }
        if self.spec.is_inbound() && matches!(row.status, Status::Active | Status::Disabled) {
            add("Rotate…", Glyph::Rotate, RowAction::Rotate);
        }
        if self.can_edit() {
            add("Edit", Glyph::Edit, RowAction::Edit);
        }
        add("Delete", Glyph::Trash, RowAction::Delete);
        items
    }
}
