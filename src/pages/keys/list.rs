//! The list of keys: what stands above it, its rows, and what takes their place when there are none.

use leptos::{prelude::*, task::spawn_local};

use super::{
    actions::ListActions,
    asked::{Asked, AskedDialog},
    blank::{NoKeys, NoMatch},
    columns,
    picks::{PickAll, Picks},
    place::ListPlace,
    row::{RowContext, row_view},
    shown::ShownSecrets,
    tabs::KeyTab,
    toolbar::Toolbar,
};
use crate::{
    api::keys::{key_rows, open_keys},
    grid::{
        rows::{Place, Rows, Source},
        view::DataGrid,
    },
    model::{account::Viewer, fault::Fault, key::KeyRow, listing::OpenedListing},
    pages::secret::use_reveal,
    ui::{
        browser,
        leave::LeaveGuard,
        menu::{MenuList, SharedMenu},
        message::AlertWithRetry,
        toast::use_toasts,
    },
};

/// What stands below the toolbar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Rows,
    Empty,
    NoMatch,
    Nothing,
}

/// The list of one kind's keys.
#[component]
pub fn KeyList(
    /// The kind.
    tab: &'static KeyTab,
    /// Search, filters and order.
    place: ListPlace,
    /// The list as it was first opened.
    first: Result<OpenedListing<KeyRow>, Fault>,
    /// Who reads it.
    viewer: Viewer,
) -> impl IntoView {
    let may_manage = viewer.may(tab.policy().manage);

    // Data
    let rows = Rows::new(Source::new(move || open_keys(place.query(tab.kind)), key_rows), first);
    let picks = Picks::new(rows);
    let secrets = ShownSecrets::new();
    let asked = RwSignal::new(None::<Asked>);
    let testing = RwSignal::new(Vec::new());
    let shown = Memo::new(move |before: Option<&Shown>| match (rows.is_open(), rows.total()) {
        (false, _) => Shown::Nothing,
        // Until the new list is there, what is said of the old one stands.
        (true, 0) if rows.is_opening().get() => before.copied().unwrap_or(Shown::Empty),
        (true, 0) if place.get().is_open() => Shown::Empty,
        (true, 0) => Shown::NoMatch,
        (true, _) => Shown::Rows,
    });
    Effect::new(move |before: Option<_>| {
        let wish = place.get();
        if let Some(before) = before.filter(|before| *before != wish) {
            if !wish.same_filters(&before) {
                picks.clear();
            }
            spawn_local(rows.reopen(Place::Top));
        }
        wish
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
    let below = move || match shown.get() {
        Shown::Rows => view! {
            <DataGrid label=tab.policy().label class=class() lead rows row_view=row_view(context)
                columns=context.columns().map(|(title, field)| field.column(title)).collect()
                order=Signal::derive(move || columns::order_of(place.get().sort)) on_order=Callback::new(move |order| place.order(order))/>
        }
        .into_any(),
        Shown::Empty => view! { <NoKeys tab may_manage create/> }.into_any(),
        Shown::NoMatch => view! { <NoMatch place/> }.into_any(),
        Shown::Nothing => ().into_any(),
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
            text="You have not copied the new key yet. Once you leave, nothing brings it back." leave="Leave without copying"/>
    }
}
