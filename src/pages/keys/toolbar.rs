//! The toolbar of a key list.

use leptos::prelude::*;

use super::{
    bulk::action_label,
    export::Format,
    filters::{Filters, Search},
    query_state::QueryState,
    selection::{RowSelection, SelectionStatus},
};
use latchkey_types::{
    key::{BulkAction, KeyRow},
    key_kind::{CreateAction, KindSpec},
};
use latchkey_ui::{
    button::{Button, IconButton},
    grid::data_source::Rows,
    icon::{Glyph, Icon},
    menu::{Menu, MenuAction, MenuChevron, MenuItem},
    number::pluralize_count,
};

/// Search, filters and list actions; below them the actions on the selected rows.
#[component]
pub(super) fn Toolbar(
    spec: &'static KindSpec,
    query_state: QueryState,
    rows: Rows<KeyRow>,
    selection: RowSelection,
    /// Whether the user can create, edit and delete keys of this kind.
    may_manage: bool,
    reload: Callback<()>,
    create: Callback<()>,
    /// Runs an action on the selected rows.
    bulk: Callback<BulkAction>,
    export: Callback<Format>,
) -> impl IntoView {
    view! {
        <div class="toolbar">
            <Search query_state/>
            <Filters spec query_state/>
            <p class="count" role="status">{move || rows.is_open().then(|| pluralize_count(rows.total(), "key", "keys"))}</p>
            <IconButton label="Reload" glyph=Glyph::Reload pending=rows.is_loading() on_click=move |_| reload.run(())/>
            <ExportMenu export/>
            {may_manage.then(|| view! { <Create spec create/> })}
        </div>
        {may_manage.then(|| view! { <SelectionBar spec selection bulk/> })}
    }
}

/// The actions on the selected rows.
#[component]
fn SelectionBar(spec: &'static KindSpec, selection: RowSelection, bulk: Callback<BulkAction>) -> impl IntoView {
    let none = Signal::derive(move || selection.count() == 0);
    let button = |action| view! { <Button label=action_label(action) disabled=none on_click=move |()| bulk.run(action)/> };
    view! {
        <div class="toolbar toolbar-selection" role="group" aria-label="Selected keys">
            {button(BulkAction::Delete)}
            {spec.is_inbound().then(|| view! { {button(BulkAction::Disable)} {button(BulkAction::Enable)} })}
            <SelectionStatus selection/>
        </div>
    }
}

/// The create button. For some kinds it opens a menu first.
#[component]
fn Create(spec: &'static KindSpec, create: Callback<()>) -> impl IntoView {
    if !matches!(spec.create_action, CreateAction::Menu(_)) {
        return view! {
            <button type="button" class="button button-primary" on:click=move |_| create.run(())>
                <Icon glyph=Glyph::Plus/>
                {spec.create_label()}
            </button>
        }
        .into_any();
    }
    let items = vec![MenuItem { label: spec.label, glyph: Glyph::Key, action: MenuAction::Run(create) }];
    view! {
        <Menu id="create-menu" class="button button-primary" items>
            <Icon glyph=Glyph::Plus/>
            {spec.create_label()}
            <MenuChevron/>
        </Menu>
    }
    .into_any()
}

#[component]
fn ExportMenu(export: Callback<Format>) -> impl IntoView {
    let item = |label, format| MenuItem { label, glyph: Glyph::Download, action: MenuAction::Run(Callback::new(move |()| export.run(format))) };
    view! {
        <Menu id="export-menu" class="button" items=vec![item("CSV", Format::Csv), item("JSON", Format::Json)]>
            "Export"
            <MenuChevron/>
        </Menu>
    }
}
