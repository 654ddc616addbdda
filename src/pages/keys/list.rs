//! The list of keys: toolbar, rows, empty states and dialogs.

use leptos::{prelude::*, task::spawn_local};

use super::{
    actions::ListActions,
    columns,
    dialogs::{Asked, AskedDialog},
    empty::{NoKeys, NoMatch},
    query_state::ListPlace,
    revealed_secrets::ShownSecrets,
    row::{RowContext, row_view},
    selection::{PickAll, Picks},
    tabs::KeyTab,
    toolbar::Toolbar,
};
use crate::{
    api::keys::{key_rows, open_keys},
    pages::secret::use_reveal,
};
use latchkey_types::{account::Viewer, error::Fault, key::KeyRow, listing::OpenedListing};
use latchkey_ui::{
    browser,
    grid::{
        data_source::{Place, Rows, Source},
        view::DataGrid,
    },
    menu::{MenuList, SharedMenu},
    message::AlertWithRetry,
    navigation_guard::LeaveGuard,
    toast::use_toasts,
};

/// The content below the toolbar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Rows,
    Empty,
    NoMatch,
    Nothing,
}

#[component]
pub(super) fn KeyList(
    tab: &'static KeyTab,
    place: ListPlace,
    /// The result of the first opening.
    first: Result<OpenedListing<KeyRow>, Fault>,
    viewer: Viewer,
) -> impl IntoView {
    let may_manage = viewer.may(tab.policy().manage);

    // Data
    let rows = Rows::new(Source::new(move || open_keys(place.query(tab.kind)), key_rows), first);
    let picks = Picks::new(rows);
    let secrets = ShownSecrets::new();
    let asked = RwSignal::new(None::<Asked>);
    let testing = RwSignal::new(Vec::new());
    let content = Memo::new(move |before: Option<&Content>| match (rows.is_open(), rows.total()) {
        (false, _) => Content::Nothing,
        // Keep the previous content until the new list is loaded.
        (true, 0) if rows.is_opening().get() => before.copied().unwrap_or(Content::Empty),
        (true, 0) if place.get().is_open() => Content::Empty,
        (true, 0) => Content::NoMatch,
        (true, _) => Content::Rows,
    });
    Effect::new(move |before: Option<_>| {
        let query = place.get();
        if let Some(before) = before.filter(|before| *before != query) {
            if !query.same_filters(&before) {
                picks.clear();
            }
            spawn_local(rows.reopen(Place::Top));
        }
        query
    });
    Effect::new(move || {
        if rows.trouble().get() == Some(Fault::SignedOut) {
            browser::go_to_sign_in();
        }
    });

    // Actions
    let actions = ListActions { tab, place, rows, picks, secrets, asked, testing, reveal: use_reveal(), toasts: use_toasts() };
    let reload = Callback::new(move |()| actions.reload());
    let create = Callback::new(move |()| actions.ask(Asked::Create));
    let dismiss = Callback::new(move |()| asked.set(None));

    // View
    let menu = SharedMenu::new();
    let on_action = Callback::new(move |(action, row)| actions.on_row(action, row));
    let context = RowContext { tab, may_manage, picks, shown: secrets, testing, menu, on_action };
    let viewer = StoredValue::new(viewer);
    let class = move || String::from(tab.class) + if may_manage { " grid-managed" } else { "" };
    let lead = may_manage.then(|| Callback::new(move |()| view! { <PickAll picks/> }.into_any()));
    let below = move || match content.get() {
        Content::Rows => view! {
            <DataGrid label=tab.policy().label class=class() lead rows row_view=row_view(context)
                columns=context.columns().map(|(title, field)| field.column(title)).collect()
                order=Signal::derive(move || columns::order_of(place.get().sort)) on_order=Callback::new(move |order| place.order(order))/>
        }
        .into_any(),
        Content::Empty => view! { <NoKeys tab may_manage create/> }.into_any(),
        Content::NoMatch => view! { <NoMatch place/> }.into_any(),
        Content::Nothing => ().into_any(),
    };
    view! {
        <Toolbar tab place rows picks may_manage reload create
            bulk=Callback::new(move |action| actions.on_picked(action)) export=Callback::new(move |format| actions.ask(Asked::Export(format)))/>
        {move || rows.trouble().get().map(|fault| view! {
            <AlertWithRetry message=fault.to_string() on_retry=reload pending=rows.is_opening()/>
        })}
        {below}
        <MenuList menu id="row-menu"/>
        {move || asked.get().map(|asked| view! {
            <AskedDialog asked tab viewer=viewer.get_value() rows picks on_dismiss=dismiss on_done=Callback::new(move |done| actions.on_done(done))/>
        })}
        <LeaveGuard active=Signal::derive(move || secrets.any_uncopied()) title="Leave without copying the key?"
            text="You haven’t copied the new key. If you leave now, you’ll have to create another one." leave="Leave without copying"/>
    }
}
