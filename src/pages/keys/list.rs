//! The list of keys: what stands above it, its rows, and what takes their place when there are none.

use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};

use super::{
    asked::{Asked, AskedDialog, Done},
    blank::{NoKeys, NoMatch},
    bulk::{Acted, act, past},
    columns,
    picks::{PickAll, Picks},
    place::ListPlace,
    row::{RowAction, RowContext, row_view},
    shown::ShownSecrets,
    tabs::KeyTab,
    test::test,
    toolbar::Toolbar,
};
use crate::{
    api::keys::{key_rows, open_keys},
    grid::{
        rows::{Place, Rows, Source},
        view::DataGrid,
    },
    model::{
        account::Viewer,
        fault::Fault,
        key::{BULK_MAX, BulkAction, CreatedKey, KeyRow},
        listing::OpenedListing,
        policy::Revealed,
    },
    pages::secret::use_reveal,
    ui::{
        browser,
        leave::LeaveGuard,
        menu::{MenuList, SharedMenu},
        message::AlertWithRetry,
        toast::use_toasts,
        work::Work,
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
    let (toasts, reveal) = (use_toasts(), use_reveal());
    let may_manage = viewer.may(tab.policy().manage);

    // Data
    let rows = Rows::new(Source::new(move || open_keys(place.query(tab.kind)), key_rows), first);
    let picks = Picks::new(rows);
    let secrets = ShownSecrets::new();
    let asked = RwSignal::new(None::<Asked>);
    let testing = RwSignal::new(Vec::new());
    let menu = SharedMenu::new();
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
    let reload = Callback::new(move |()| spawn_local(rows.reopen(Place::Kept)));
    let reveal_new = move |created: CreatedKey| {
        if tab.policy().revealed == Revealed::InRow {
            secrets.show(created);
            toasts.say("Copy the new key from its row before you leave or refresh this page.".to_owned());
            return;
        }
        spawn_local(async move {
            // The first dialog gives the focus back to its button first, and the second will do the same.
            TimeoutFuture::new(0).await;
            reveal.show(created);
        });
    };
    let show_new = move |name: &str| {
        if !place.uncover(name) {
            spawn_local(rows.reopen(Place::Top));
        }
    };
    let acted = move |action: BulkAction, acted: Acted, name: Option<String>| {
        if action == BulkAction::Delete {
            secrets.forget(&acted.reached);
        }
        let words = match &name {
            Some(name) if acted.left == 0 => format!("“{name}” was {}.", past(action)),
            _ => acted.words(action),
        };
        toasts.say(acted.trouble.as_ref().map_or_else(|| words.clone(), |fault| format!("{words} {fault}")));
        match name {
            None => picks.keep(acted.remaining),
            Some(_) if action == BulkAction::Delete => picks.forget(&acted.reached),
            Some(_) => {}
        }
        reload.run(());
    };
    let act_now = move |action, ids, name| {
        spawn_local(async move {
            let outcome = act(action, ids, Work::new()).await;
            match outcome.trouble.clone().filter(|_| outcome.reached.is_empty()) {
                Some(fault) => toasts.say(fault.to_string()),
                None => acted(action, outcome, name),
            }
        });
    };
    let on_done = Callback::new(move |done: Done| {
        asked.set(None);
        match done {
            Done::Created(created) => {
                show_new(&created.key.name);
                reveal_new(created);
            }
            Done::Stored(row) => {
                show_new(&row.name);
                toasts.say(format!("“{}” was stored.", row.name));
            }
            Done::Rotated(created) => {
                reload.run(());
                reveal_new(created);
            }
            Done::Edited(before, row) => {
                toasts.say(if before == row.name {
                    format!("“{before}” was changed.")
                } else {
                    format!("The key is now called “{}”.", row.name)
                });
                reload.run(());
            }
            Done::Acted(action, outcome, name) => acted(action, outcome, name),
            Done::Exported(Ok(true)) => toasts.say("The file is in your downloads.".to_owned()),
            Done::Exported(Ok(false)) => toasts.say("The export was stopped.".to_owned()),
            Done::Exported(Err(fault)) => toasts.say(fault.to_string()),
        }
    });
    let ask = Callback::new(move |what| asked.set(Some(what)));
    let bulk = Callback::new(move |action| {
        if action == BulkAction::Delete || untrack(|| picks.count()) > BULK_MAX {
            return ask.run(Asked::Bulk(action));
        }
        spawn_local(async move {
            match picks.ids().await {
                Ok(ids) => act_now(action, ids, None),
                Err(fault) => toasts.say(fault.to_string()),
            }
        });
    });
    let on_action = Callback::new(move |(action, row): (RowAction, KeyRow)| match action {
        RowAction::Edit => ask.run(Asked::Edit(row)),
        RowAction::Delete => ask.run(Asked::Delete(row)),
        RowAction::Rotate => ask.run(Asked::Rotate(row)),
        RowAction::Act(action) => act_now(action, vec![row.id], Some(row.name)),
        RowAction::Test => test(row, testing, toasts, reload),
    });
    let create = Callback::new(move |()| ask.run(Asked::Create));

    // View
    let context = RowContext { tab, may_manage, picks, shown: secrets, testing, menu, on_action };
    let dismiss = Callback::new(move |()| asked.set(None));
    let viewer = StoredValue::new(viewer);
    let class = move || String::from(tab.class) + if may_manage { " grid-managed" } else { "" };
    let lead = may_manage.then(|| Callback::new(move |()| view! { <PickAll picks/> }.into_any()));
    let below = move || {
        match shown.get() {
        Shown::Rows => view! {
            <DataGrid label=tab.policy().label class=class() lead rows row_view=row_view(context)
                columns=context.columns().map(|(title, field)| field.column(title)).collect()
                order=Signal::derive(move || columns::order_of(place.get().sort)) on_order=Callback::new(move |order| { picks.forget_place(); place.order(order); })/>
        }
        .into_any(),
        Shown::Empty => view! { <NoKeys tab may_manage create/> }.into_any(),
        Shown::NoMatch => view! { <NoMatch place/> }.into_any(),
        Shown::Nothing => ().into_any(),
    }
    };
    view! {
        <Toolbar tab place rows picks may_manage reload create bulk export=Callback::new(move |format| ask.run(Asked::Export(format)))/>
        {move || rows.trouble().get().map(|fault| view! {
            <AlertWithRetry message=fault.to_string() on_retry=reload pending=rows.is_opening()/>
        })}
        {below}
        <MenuList menu id="row-menu"/>
        {move || asked.get().map(|asked| view! {
            <AskedDialog asked tab viewer=viewer.get_value() rows picks on_dismiss=dismiss on_done/>
        })}
        <LeaveGuard active=Signal::derive(move || secrets.any_uncopied()) title="Leave without copying the key?"
            text="You have not copied the new key yet. Once you leave, nothing brings it back." leave="Leave without copying"/>
    }
}
