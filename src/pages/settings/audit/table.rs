//! The table of audit events.

use leptos::prelude::*;

use super::day::{Day, by_day};
use latchkey_types::{
    audit::{AuditEventRow, AuditPage as Page},
    audit_action::Sentence,
};
use latchkey_ui::{button::IconButton, dialog::Dialogs, hydration::is_hydrated, icon::Glyph};

/// A page of the log, by day. Each event is one sentence; the rest is in its details.
#[component]
pub(super) fn EventTable(
    /// Newest first.
    page: RwSignal<Page>,
    /// The event whose details are open.
    details: Dialogs<AuditEventRow>,
) -> impl IntoView {
    // Only the browser has the user's time zone.
    let is_local = is_hydrated();
    let days = Memo::new(move |_| page.with(|page| by_day(&page.events, is_local.get())));
    view! {
        <table class="log" aria-label="Audit log">
            <thead>
                <tr>
                    <th scope="col">"Time"</th>
                    <th scope="col">"Event"</th>
                    <th scope="col">"IP address"</th>
                    <th scope="col"><span class="visually-hidden">"Details"</span></th>
                </tr>
            </thead>
            {move || days.get().into_iter().map(|day| day_view(day, details)).collect_view()}
        </table>
    }
}

fn day_view(day: Day, details: Dialogs<AuditEventRow>) -> impl IntoView {
    view! {
        <tbody>
            <tr class="log-day"><th scope="rowgroup" colspan="4">{day.label}</th></tr>
            {day.events.into_iter().map(|(time, event)| event_row(time, event, details)).collect_view()}
        </tbody>
    }
}

fn event_row(time: String, event: AuditEventRow, details: Dialogs<AuditEventRow>) -> impl IntoView {
    let opened = event.clone();
    let Sentence { verb, target, suffixes } = Sentence::of(&event);
    let target = target.map(|name| view! { " " <strong dir="auto">{name}</strong> });
    let suffixes = suffixes.into_iter().map(|(words, value)| view! { " " {words} " " <span dir="auto">{value}</span> }).collect_view();
    let auth_method = event.auth_method.map(|method| view! { " " <span class="tag">{method}</span> });
    view! {
        <tr>
            <td class="log-time"><time datetime=event.at.rfc3339() title=event.at.rfc3339()>{time}</time></td>
            <td class="log-event">
                <span title=event.action><strong dir="auto">{event.actor}</strong> {auth_method} " " {verb} {target} {suffixes}</span>
            </td>
            <td class="log-address">{event.address}</td>
            <td class="log-action">
                <IconButton label="Details" glyph=Glyph::More on_click=move |_| details.open(opened.clone())/>
            </td>
        </tr>
    }
}
