//! One row of a list of keys, and what can be done with it.

use leptos::prelude::*;

use super::{
    cells,
    columns::Field,
    picks::{PickRow, Picks},
    shown::ShownSecrets,
    tabs::KeyTab,
};
use crate::{
    grid::view::RowView,
    model::{
        key::{BulkAction, ItemId, KeyRow},
        policy::{Editable, Status},
    },
    ui::{
        button::IconButton,
        icon::{Glyph, Icon},
        menu::{MenuAction, MenuButton, MenuItem, SharedMenu},
    },
};

/// What somebody wants to do with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowAction {
    /// Change it.
    Edit,
    /// Delete it.
    Delete,
    /// Give it another secret.
    Rotate,
    /// Put it to rest, or wake it.
    Act(BulkAction),
    /// Ask its provider whether it is good.
    Test,
}

/// What every row of a list knows.
#[derive(Clone, Copy)]
pub struct RowContext {
    /// The kind.
    pub tab: &'static KeyTab,
    /// Whether the reader may make, change and delete such keys.
    pub may_manage: bool,
    /// The rows that are picked.
    pub picks: Picks,
    /// New secrets that are shown in rows.
    pub shown: ShownSecrets,
    /// Those that are being tested.
    pub testing: RwSignal<Vec<ItemId>>,
    /// The menu of each row.
    pub menu: SharedMenu,
    /// Somebody wants to do something with a row.
    pub on_action: Callback<(RowAction, KeyRow)>,
}

/// How the rows of a list are drawn.
pub fn row_view(context: RowContext) -> RowView<KeyRow> {
    let cells = move |(place, row): (usize, KeyRow)| {
        let pick = context.may_manage.then(|| {
            view! { <td role="cell" class="cell-pick"><PickRow picks=context.picks place id=row.id name=row.name.clone()/></td> }
        });
        let cell = |(title, field): &(&'static str, Field)| {
            let class = format!("cell-{}", field.word());
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
    /// The columns that this reader sees: whoever may do nothing needs none for it.
    pub fn columns(self) -> impl Iterator<Item = &'static (&'static str, Field)> {
        self.tab.columns.iter().filter(move |(_, field)| self.may_manage || *field != Field::Action)
    }

    /// Whether anything of such a row can be changed by this reader.
    pub fn can_edit(self) -> bool {
        self.may_manage && self.tab.policy().editable != Editable::Nothing
    }

    /// The buttons of a row.
    pub fn actions(self, row: &KeyRow) -> AnyView {
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
        let has_buttons = self.tab.has_buttons;
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

    /// What can be done with a row.
    fn menu_items(self, row: &KeyRow) -> Vec<MenuItem> {
        let mut items = Vec::new();
        let mut add = |label, glyph, action| {
            let row = row.clone();
            let run = Callback::new(move |()| self.on_action.run((action, row.clone())));
            items.push(MenuItem { label, glyph, action: MenuAction::Run(run) });
        };
        match (self.tab.is_inbound(), row.status) {
            (true, Status::Active) => add("Disable", Glyph::Pause, RowAction::Act(BulkAction::Disable)),
            (true, Status::Disabled) => add("Enable", Glyph::Play, RowAction::Act(BulkAction::Enable)),
            (true, _) => {}
            (false, _) => add("Test connection", Glyph::Plug, RowAction::Test),
        }
        if self.tab.is_inbound() && matches!(row.status, Status::Active | Status::Disabled) {
            add("Rotate…", Glyph::Rotate, RowAction::Rotate);
        }
        if self.can_edit() {
            add("Edit", Glyph::Edit, RowAction::Edit);
        }
        add("Delete", Glyph::Trash, RowAction::Delete);
        items
    }
}
