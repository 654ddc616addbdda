//! The details of one event.

use leptos::prelude::*;

use super::{change::changes, query_state::AuditQueryState};
use latchkey_types::{
    audit::{ACTOR_CONSOLE, AuditEventRow, AuditQuery, action_label},
    names::capitalized,
};
use latchkey_ui::{button::Button, dialog::Dialog};

#[component]
pub(super) fn DetailsDialog(event: AuditEventRow, query_state: AuditQueryState, on_dismiss: Callback<()>) -> impl IntoView {
    let (actor, target) = (event.actor_id.clone(), event.object_id.clone());
    let show = move |query: AuditQuery| {
        on_dismiss.run(());
        query_state.change(|current| *current = query);
    };
    // The command line has no id.
    let of_actor = AuditQuery { actor: if actor.is_empty() { ACTOR_CONSOLE.to_owned() } else { actor }, ..AuditQuery::default() };
    let of_target = AuditQuery { search: target, ..AuditQuery::default() };
    view! {
        <Dialog title=action_label(&event.action) on_dismiss>
            <div class="dialog-content">{facts(event)}</div>
            <footer class="dialog-foot">
                <Button label="Events of this actor" on_click=move |()| show(of_actor.clone())/>
                <Button label="Events of this target" on_click=move |()| show(of_target.clone())/>
            </footer>
        </Dialog>
    }
}

fn facts(event: AuditEventRow) -> AnyView {
    let fact = |name: String, value: AnyView| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
    let changed = changes(&event).into_iter().map(|(name, value)| fact(name, view! { <span dir="auto">{value}</span> }.into_any())).collect_view();
    let actor = match event.auth_method {
        Some(method) => format!("{} ({method})", event.actor),
        None => event.actor,
    };
    let address = if event.address.is_empty() { "–".to_owned() } else { event.address };
    let target = view! { <span dir="auto">{event.object}</span> " " <code>{event.object_id}</code> }.into_any();
    view! {
        <dl class="log-facts">
            {fact("Time".to_owned(), view! { <time datetime=event.at.rfc3339()>{event.at.rfc3339()}</time> }.into_any())}
            {fact("Actor".to_owned(), view! { <span dir="auto">{actor}</span> }.into_any())}
            {fact(capitalized(&event.object_kind), target)}
            {changed}
            {fact("IP address".to_owned(), address.into_any())}
            {fact("Event".to_owned(), view! { <code>{event.action}</code> }.into_any())}
            {fact("Chain number".to_owned(), event.seq.into_any())}
        </dl>
    }
    .into_any()
}
