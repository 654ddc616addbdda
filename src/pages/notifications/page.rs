//! `/notifications`

use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;

use super::{
    LIST_MAX,
    entry::{EntryItem, single},
    use_notifications,
};
use crate::{api::notifications::notifications, pages::error_page::LoadFailed, routes};
use latchkey_types::{error::Error, notification::Notification};
use latchkey_ui::{
    browser, button::Button, empty_state::EmptyState, icon::Glyph, page::PageActions, pending_action::PendingAction, skeleton::PageSkeleton,
    suspend::suspend, toast::use_toasts,
};

/// All notifications of the viewer, newest first.
#[component]
pub fn NotificationsPage() -> impl IntoView {
    let first = OnceResource::new(notifications(None));
    view! {
        <Title text=routes::NOTIFICATIONS.label/>
        <Suspense fallback=|| view! { <PageSkeleton heading=routes::NOTIFICATIONS.label/> }>
            {suspend(first, |first| view! { <All first/> }, |error| view! { <LoadFailed error/> })}
        </Suspense>
    }
}

#[component]
fn All(first: Vec<Notification>) -> impl IntoView {
    let (toasts, live) = (use_toasts(), use_notifications());
    let (loading, marking) = (PendingAction::new(), PendingAction::new());

    // Data
    let has_more = RwSignal::new(first.len() == LIST_MAX);
    let list = RwSignal::new(first);
    live.on_any_project(move || {
        spawn_local(async move {
            // A notification that could not be read here is in the next list.
            let Ok(newest) = notifications(None).await else { return };
            let (is_full, oldest) = (newest.len() == LIST_MAX, newest.last().map(|notification| notification.seq));
            let last = list.try_update(|list| {
                *list = with_newest(list, &newest);
                list.last().map(|notification| notification.seq)
            });
            if last == Some(oldest) {
                let _ = has_more.try_set(is_full);
            }
        });
    });

    // Actions
    let load_more = move |()| {
        let before = list.with_untracked(|list| list.last().map(|notification| notification.seq));
        loading.run(notifications(before), move |result| match result {
            Ok(older) => {
                let _ = has_more.try_set(older.len() == LIST_MAX);
                let _ = list.try_update(|list| list.extend(older));
            }
            Err(Error::SignedOut) => browser::go_to_sign_in(),
            Err(error) => toasts.error(error.to_string()),
        });
    };
    let mark_all = move |()| {
        let up_to = list.with_untracked(|list| list.first().map_or(0, |newest| newest.seq)).max(live.newest());
        marking.run(live.mark_read(0, up_to), move |result| match result {
            Ok(()) => {
                let _ = list.try_update(|list| list.iter_mut().for_each(|notification| notification.is_read |= notification.seq <= up_to));
            }
            Err(Error::SignedOut) => browser::go_to_sign_in(),
            Err(error) => toasts.error(error.to_string()),
        });
    };

    // View
    let is_empty = Memo::new(move |_| list.with(Vec::is_empty));
    let has_unread = Memo::new(move |_| list.with(|list| list.iter().any(|notification| !notification.is_read)));
    let empty = || view! { <EmptyState glyph=Glyph::Bell title="No notifications yet" text="Key requests and decisions appear here."/> };
    view! {
        <div class="page page-narrow">
            <h1>{routes::NOTIFICATIONS.label}</h1>
            <Show when=move || has_unread.get()>
                <PageActions><Button label="Mark all as read" on_click=mark_all pending=marking.pending()/></PageActions>
            </Show>
            <Show when=move || !is_empty.get() fallback=empty>
                <ul class="notification-list notification-page" aria-label="Notifications">
                    <For each=move || list.with(|list| single(list)) key=|entry| entry.key() let(entry)>
                        <EntryItem entry on_open=Callback::new(|()| ())/>
                    </For>
                </ul>
            </Show>
            <Show when=move || has_more.get()>
                <p><Button label="Show more" on_click=load_more pending=loading.pending()/></p>
            </Show>
        </div>
    }
}

/// The list with its newest part replaced. The response can be older than what is shown.
fn with_newest(shown: &[Notification], response: &[Notification]) -> Vec<Notification> {
    let (Some(first), Some(last)) = (response.first(), response.last()) else { return shown.to_vec() };
    let newer = &shown[..shown.partition_point(|notification| notification.seq > first.seq)];
    let older = &shown[shown.partition_point(|notification| notification.seq >= last.seq)..];
    // Without an overlap others can be missing in between: the older ones are dropped, and “Show more” loads them again.
    let is_adjacent = response.len() < LIST_MAX || newer.len() + older.len() < shown.len();
    [newer, response, if is_adjacent { older } else { &[] }].concat()
}

#[cfg(test)]
mod tests {
    use super::{super::tests::sample_list, *};

    #[test]
    fn newest_notifications_replace_those_shown() {
        let merged = |shown: &[(i64, bool)], newest: &[(i64, bool)]| {
            let merged = with_newest(&sample_list(shown), &sample_list(newest));
            merged.iter().map(|notification| (notification.seq, notification.is_read)).collect::<Vec<_>>()
        };
        assert_eq!(merged(&[(3, true), (2, true), (1, false)], &[(4, false), (3, false)]), [(4, false), (3, false), (2, true), (1, false)]);
        assert_eq!(merged(&[(1, true)], &[]), [(1, true)]);
        assert_eq!(merged(&[(5, false), (4, false)], &[(4, true), (3, true)]), [(5, false), (4, true), (3, true)]);
    }

    #[test]
    fn older_notifications_after_a_gap_are_dropped() {
        let newest: Vec<_> = (0..50).map(|i| (60 - i, false)).collect();
        let count = |shown: &[(i64, bool)]| with_newest(&sample_list(shown), &sample_list(&newest)).len();
        assert_eq!((count(&[(9, true)]), count(&[(11, true), (9, true)])), (50, 51));
    }
}
