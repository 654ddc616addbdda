//! What stands above a list of keys.

use leptos::prelude::*;

use super::{
    bulk::verb,
    export::Format,
    filters::{Filters, Search},
    picks::{PickedLine, Picks},
    place::ListPlace,
    tabs::KeyTab,
};
use crate::{
    grid::rows::Rows,
    model::{
        key::{BulkAction, KeyRow},
        policy::Making,
    },
    ui::{
        button::{Button, IconButton},
        icon::{Glyph, Icon},
        menu::{Menu, MenuAction, MenuAngle, MenuItem},
        number::count_of,
    },
};

/// Search, filters and what can be done with the list; below them what can be done with the rows that are picked.
#[component]
pub fn Toolbar(
    /// The kind.
    tab: &'static KeyTab,
    /// Search, filters and order.
    place: ListPlace,
    /// The list.
    rows: Rows<KeyRow>,
    /// The rows that are picked.
    picks: Picks,
    /// Whether the reader may make, change and delete such keys.
    may_manage: bool,
    /// Reads the list anew.
    reload: Callback<()>,
    /// Makes a key.
    create: Callback<()>,
    /// Does something with all that are picked.
    bulk: Callback<BulkAction>,
    /// Hands the list over as a file.
    export: Callback<Format>,
) -> impl IntoView {
    view! {
        <div class="toolbar">
            <Search place/>
            <Filters tab place/>
            <p class="count" role="status">{move || rows.is_open().then(|| count_of(rows.total(), "key", "keys"))}</p>
            <IconButton label="Reload" glyph=Glyph::Reload pending=rows.is_opening() on_click=move |_| reload.run(())/>
            <ExportMenu export/>
            {may_manage.then(|| view! { <Create tab create/> })}
        </div>
        {may_manage.then(|| view! { <PickedBar tab picks bulk/> })}
    }
}

/// What can be done with the rows that are picked.
#[component]
fn PickedBar(tab: &'static KeyTab, picks: Picks, bulk: Callback<BulkAction>) -> impl IntoView {
    let none = Signal::derive(move || picks.count() == 0);
    let button = |action| view! { <Button label=verb(action) disabled=none on_click=move |()| bulk.run(action)/> };
    view! {
        <div class="toolbar toolbar-picked" role="group" aria-label="Selected keys">
            {button(BulkAction::Delete)}
            {tab.is_inbound().then(|| view! { {button(BulkAction::Disable)} {button(BulkAction::Enable)} })}
            <PickedLine picks/>
        </div>
    }
}

/// The button that makes a key; for some kinds it opens a menu of kinds to choose from first.
#[component]
fn Create(tab: &'static KeyTab, create: Callback<()>) -> impl IntoView {
    if !matches!(tab.policy().making, Making::Menu(_)) {
        return view! {
            <button type="button" class="button button-primary" on:click=move |_| create.run(())>
                <Icon glyph=Glyph::Plus/>
                {tab.create()}
            </button>
        }
        .into_any();
    }
    let items = vec![MenuItem { label: tab.policy().label, glyph: Glyph::Key, action: MenuAction::Run(create) }];
    view! {
        <Menu id="create-menu" class="button button-primary" items>
            <Icon glyph=Glyph::Plus/>
            {tab.create()}
            <MenuAngle/>
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
            <MenuAngle/>
        </Menu>
    }
}
