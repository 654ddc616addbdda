//! The toolbar of a key list.

use leptos::prelude::*;

use super::{
    bulk::action_label,
    filters::{Filters, Search},
    query_state::QueryState,
    selection::{RowSelection, SelectionStatus},
    view_options::{ColumnsMenu, ViewOptions},
};
use crate::pages::export_file::Format;
use latchkey_types::{
    key::{BulkAction, KeyRow},
    key_kind::{CreateAction, KindSpec},
};
use latchkey_ui::{
    button::{Button, IconButton},
    grid::data_source::Rows,
    icon::{Glyph, Icon},
    menu::{Menu, MenuAction, MenuChevron, MenuItem},
    number::{format_count, pluralize_count},
};

/// Search, filters and list actions. While rows are selected, the actions on them replace the filters.
#[component]
pub(super) fn Toolbar(
    spec: &'static KindSpec,
    query_state: QueryState,
    rows: Rows<KeyRow>,
    selection: RowSelection,
    /// Whether the user can create, edit and delete keys of this kind.
    may_manage: bool,
    view_options: ViewOptions,
    reload: Callback<()>,
    /// Runs an action on the selected rows.
    bulk: Callback<BulkAction>,
    export: Callback<Format>,
) -> impl IntoView {
    // After an error, the rows are those of an earlier search.
    let count = move || {
        let is_shown = rows.is_open() && rows.error().with(Option::is_none);
        is_shown.then(|| {
            if rows.is_total_exact() { pluralize_count(rows.total(), "key", "keys") } else { format!("{}+ keys", format_count(rows.total())) }
        })
    };
    view! {
        <div class="toolbar" class:toolbar-selecting=move || selection.count() != 0>
            <Search spec query_state/>
            <Filters spec query_state/>
            {may_manage.then(|| view! { <SelectionBar spec selection bulk/> })}
            <p class="count" class:count-of-all=move || query_state.get().is_unfiltered() role="status">{count}</p>
            <IconButton label="Reload" glyph=Glyph::Reload pending=rows.is_loading() on_click=move |_| reload.run(())/>
            <ColumnsMenu options=view_options/>
            <ExportMenu export/>
        </div>
    }
}

/// The actions on the selected rows. `Delete` is there, but disabled, also while no row is selected.
#[component]
pub(super) fn SelectionBar(spec: &'static KindSpec, selection: RowSelection, bulk: Callback<BulkAction>) -> impl IntoView {
    let is_empty = Memo::new(move |_| selection.count() == 0);
    let button = move |action| view! { <Button label=action_label(action) on_click=move |()| bulk.run(action)/> };
    view! {
        <div class="selection-bar" role="group" aria-label="Selected keys">
            <SelectionStatus selection/>
            <Show when=move || spec.is_inbound() && !is_empty.get()>
                {button(BulkAction::Disable)}
                {button(BulkAction::Enable)}
            </Show>
            <button type="button" class="button selection-delete" disabled=move || is_empty.get() on:click=move |_| bulk.run(BulkAction::Delete)>
                <Icon glyph=Glyph::Trash/>
                <span>{action_label(BulkAction::Delete)}</span>
            </button>
        </div>
    }
}

/// The create button. For some kinds it opens a menu first.
#[component]
pub(super) fn Create(spec: &'static KindSpec, create: Callback<()>) -> impl IntoView {
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
        <div class="export">
            <Menu id="export-menu" class="button" items=vec![item("CSV", Format::Csv), item("JSON", Format::Json)]>
                <Icon glyph=Glyph::Download/>
                <span class="export-label">"Export"</span>
                <MenuChevron/>
            </Menu>
        </div>
    }
}
