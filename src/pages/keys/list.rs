//! The list of keys: toolbar, rows, and what takes their place when there are none.

use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};

use super::{
    columns,
    delete::DeleteDialog,
    name::{CreateDialog, EditDialog},
    place::ListPlace,
    row::{RowActions, row_view},
    tabs::KeyTab,
    toolbar::Search,
};
use crate::{
    api::keys::{key_rows, open_keys},
    grid::{
        rows::{Place, Rows, Source},
        view::DataGrid,
    },
    model::{
        fault::Fault,
        key::{CreatedKey, KeyRow},
        listing::OpenedListing,
        policy::Editable,
    },
    pages::secret::use_reveal,
    ui::{
        browser,
        button::{Button, IconButton},
        icon::{Glyph, Icon},
        menu::{Menu, MenuAction, MenuAngle, MenuItem},
        message::{AlertWithRetry, Blank},
        toast::use_toasts,
    },
};

/// What somebody asked for, in a dialog over the list.
#[derive(Clone)]
enum Asked {
    Create,
    Edit(KeyRow),
    Delete(KeyRow),
}

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
    /// Search and order.
    place: ListPlace,
    /// The list as it was first opened.
    first: Result<OpenedListing<KeyRow>, Fault>,
    /// Whether the reader may make, change and delete such keys.
    may_manage: bool,
) -> impl IntoView {
    let (toasts, reveal) = (use_toasts(), use_reveal());

    // Data
    let rows = Rows::new(Source::new(move || open_keys(place.query(tab.kind)), key_rows), first);
    let asked = RwSignal::new(None::<Asked>);
    let shown = Memo::new(move |before: Option<&Shown>| match (rows.is_open(), rows.total()) {
        (false, _) => Shown::Nothing,
        // Until the new list is there, what is said of the old one stands.
        (true, 0) if rows.is_opening().get() => before.copied().unwrap_or(Shown::Empty),
        (true, 0) if place.get().search.is_empty() => Shown::Empty,
        (true, 0) => Shown::NoMatch,
        (true, _) => Shown::Rows,
    });
    Effect::new(move |before: Option<_>| {
        let wish = place.get();
        if before.is_some_and(|before| before != wish) {
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
    let dismiss = Callback::new(move |()| asked.set(None));
    let created = Callback::new(move |created: CreatedKey| {
        asked.set(None);
        if !place.uncover(&created.key.name) {
            spawn_local(rows.reopen(Place::Top));
        }
        spawn_local(async move {
            // The first dialog gives the focus back to its button first, and the second will do the same.
            TimeoutFuture::new(0).await;
            reveal.show(created);
        });
    });
    let renamed = Callback::new(move |key: KeyRow| {
        asked.set(None);
        toasts.say(format!("The key is now called “{}”.", key.name));
        reload.run(());
    });
    let deleted = move |name: String| {
        asked.set(None);
        toasts.say(format!("“{name}” was deleted."));
        reload.run(());
    };
    let create = Callback::new(move |()| asked.set(Some(Asked::Create)));
    let can_edit = may_manage && tab.policy().editable != Editable::Nothing;
    let actions = RowActions {
        edit: can_edit.then(|| Callback::new(move |key| asked.set(Some(Asked::Edit(key))))),
        delete: may_manage.then(|| Callback::new(move |key| asked.set(Some(Asked::Delete(key))))),
    };

    // View
    let dialog = move |asked| match asked {
        Asked::Create => view! { <CreateDialog policy=tab.policy() on_dismiss=dismiss on_done=created/> }.into_any(),
        Asked::Edit(key) => view! { <EditDialog key on_dismiss=dismiss on_done=renamed/> }.into_any(),
        Asked::Delete(key) => {
            let name = key.name.clone();
            view! { <DeleteDialog key on_dismiss=dismiss on_done=Callback::new(move |()| deleted(name.clone()))/> }.into_any()
        }
    };
    let below = move || {
        match shown.get() {
        Shown::Rows => view! {
            <DataGrid label=tab.policy().label class=tab.class columns=tab.columns.iter().map(|column| column.head).collect() rows row_view=row_view(tab, actions)
                order=Signal::derive(move || columns::order_of(place.get().sort)) on_order=Callback::new(move |order| place.order(order))/>
        }
        .into_any(),
        Shown::Empty => view! { <NoKeys may_manage create/> }.into_any(),
        Shown::NoMatch => view! { <NoMatch place/> }.into_any(),
        Shown::Nothing => ().into_any(),
    }
    };
    view! {
        <div class="toolbar">
            <Search place/>
            <p class="count" role="status">{move || rows.is_open().then(|| count(rows.total()))}</p>
            <IconButton label="Reload" glyph=Glyph::Reload pending=rows.is_opening() on_click=move |_| reload.run(())/>
            {may_manage.then(|| view! { <CreateMenu tab create/> })}
        </div>
        {move || rows.trouble().get().map(|fault| view! {
            <AlertWithRetry message=fault.to_string() on_retry=reload pending=rows.is_opening()/>
        })}
        {below}
        {move || asked.get().map(dialog)}
    }
}

/// The button that makes a key, and the menu of kinds to choose from.
#[component]
fn CreateMenu(tab: &'static KeyTab, create: Callback<()>) -> impl IntoView {
    let items = vec![MenuItem { label: tab.policy().label, glyph: Glyph::Key, action: MenuAction::Run(create) }];
    view! {
        <Menu id="create-menu" class="button button-primary" items>
            <Icon glyph=Glyph::Plus/>
            {tab.create}
            <MenuAngle/>
        </Menu>
    }
}

/// There is no key yet. The button's name is not the toolbar's, so that each can be told by its name.
#[component]
fn NoKeys(may_manage: bool, create: Callback<()>) -> impl IntoView {
    let text = if may_manage {
        "Make one for each agent: then each can be told apart, and taken back alone."
    } else {
        "Somebody whose role allows it can make one."
    };
    view! {
        <Blank glyph=Glyph::Key title="No keys yet" text>
            {may_manage.then(|| view! { <Button label="Make the first key" on_click=create/> })}
        </Blank>
    }
}

/// No key's name holds what is searched for.
#[component]
fn NoMatch(place: ListPlace) -> impl IntoView {
    let text = format!("No key's name contains “{}”.", place.get_untracked().search);
    view! {
        <Blank glyph=Glyph::Search title="No match" text>
            <Button label="Clear search" on_click=move |()| place.search("")/>
        </Blank>
    }
}

/// How many keys, with the thousands apart. The server's HTML says the same, so the browser's language stays out of it.
fn count(total: usize) -> String {
    let digits = total.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + if total == 1 { " key" } else { " keys" }
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(count(0), "0 keys");
        assert_eq!(count(1), "1 key");
        assert_eq!(count(999), "999 keys");
        assert_eq!(count(1_000), "1,000 keys");
        assert_eq!(count(1_234_567), "1,234,567 keys");
    }
}
