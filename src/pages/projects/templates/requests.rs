//! The list of access requests.

use std::time::Duration;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use web_sys::HtmlElement;

use super::{
    approval::{ApproveSelected, approve_one, error_message},
    context::{OpenDialog, TemplatesContext},
    request_list::{ListedRequest, Outcome},
};
use latchkey_types::{
    id::{AccessRequestId, TemplateId},
    key_template::RequestRow,
    money::Money,
    permission::role_label,
};
use latchkey_ui::{
    browser,
    button::Button,
    checkbox::Checkbox,
    message::Alert,
    money::Price,
    number::pluralize,
    pending_action::PendingAction,
    table::{Column, Table},
    time::Time,
};

/// The id of the heading, which is also the fragment of links to the list.
const HEADING_ID: &str = "requests";

/// After the focus has left a decided request. A press of the mouse button moves the focus: the control below must not move before the button
/// is released.
const TIDY_DELAY: Duration = Duration::from_secs(1);

#[component]
pub(super) fn Requests(context: TemplatesContext) -> impl IntoView {
    let list = context.request_list;
    let query = use_query_map();

    // Data
    Effect::new(move || context.with(|data| list.update(&data.requests)));
    let ids = Memo::new(move |_| list.ids());
    // The request that a notification led to.
    let marked = Memo::new(move |_| query.with(|query| query.get_str("request").map(str::to_owned)));
    Effect::new(move || {
        marked.track();
        if window().location().hash().is_ok_and(|hash| hash.strip_prefix('#') == Some(HEADING_ID)) {
            set_timeout(|| browser::focus_id(HEADING_ID), Duration::ZERO);
        }
    });

    // View
    let columns = vec![Column::Hidden("Select"), "Requested".into(), "User".into(), "Template".into(), Column::Hidden("Action")];
    let leave = move |_| {
        list.set_hovered(false);
        if list.tidy() {
            focus_heading_soon();
        }
    };
    let is_empty = Memo::new(move |_| ids.with(Vec::is_empty));
    let row = move |id| untrack(|| list.find(id)).map(|listed| view! { <RequestTableRow context listed marked/> });
    let table = move || {
        if is_empty.get() {
            return view! { <p class="empty-text">"No pending requests. New ones appear here automatically."</p> }.into_any();
        }
        view! {
            <Table label="Requests" columns=columns.clone()>
                <For each=move || ids.get() key=|id| *id children=row/>
            </Table>
        }
        .into_any()
    };
    view! {
        <section class="requests" aria-labelledby=HEADING_ID on:pointerenter=move |_| list.set_hovered(true)
            on:pointerdown=move |_| list.set_hovered(true) on:pointerleave=leave>
            <div class="requests-head">
                <h2 id=HEADING_ID tabindex="-1">"Requests"</h2>
                <ApproveSelected context/>
            </div>
            {move || context.request_error.get().map(|error| view! { <Alert message=error_message(&error)/> })}
            {table}
        </section>
    }
}

#[component]
fn RequestTableRow(context: TemplatesContext, listed: ListedRequest, marked: Memo<Option<String>>) -> impl IntoView {
    let list = context.request_list;
    let RequestRow { id, ref user, template_id: template, requested_at, .. } = listed.request;
    let user = user.clone();
    // Updated in place, so that its buttons keep the focus.
    let listed = Memo::new(move |before: Option<&ListedRequest>| list.find(id).unwrap_or_else(|| before.unwrap_or(&listed).clone()));
    let text = move |pick: fn(&RequestRow) -> String| move || listed.with(|listed| pick(&listed.request));
    let outcome = Memo::new(move |_| listed.with(|listed| listed.outcome));
    let is_marked = move || marked.with(|marked| marked.as_deref() == Some(id.to_string().as_str()));
    let is_selected = Signal::derive(move || Some(list.is_selected(id)));
    let on_focusout = move |_| {
        if outcome.try_get_untracked().flatten().is_some() {
            set_timeout(move || tidy_if_left(context), TIDY_DELAY);
        }
    };
    let select = move || {
        let label = format!("Select {user}");
        outcome.get().is_none().then(|| view! { <Checkbox label checked=is_selected on_click=move |_| list.toggle(id)/> })
    };
    let decision = move || match outcome.get() {
        Some(outcome) => view! { <span class=outcome.class() id=result_id(id) tabindex="-1">{outcome.label()}</span> }.into_any(),
        None => view! { <Decide context id/> }.into_any(),
    };
    view! {
        <tr aria-label=text(|request| request.user.clone()) class:request-marked=is_marked class:request-decided=move || outcome.get().is_some()
            on:focusout=on_focusout>
            <td class="cell-check">{select}</td>
            <td class="cell-soft" data-label="Requested"><Time at=requested_at/></td>
            <td class="cell-text" data-label="User">
                <span class="cell-person">
                    <span class="cell-text" dir="auto">{text(|request| request.user.clone())}</span> " "
                    <span class="cell-email">{text(|request| request.email.clone())}</span>
                </span>
            </td>
            <td class="cell-text" data-label="Template">
                <span class="cell-person">
                    <span class="cell-text" dir="auto">{text(|request| request.template.clone())}</span> " "
                    <Terms context template/>
                </span>
            </td>
            <td class="cell-approval">{decision}</td>
        </tr>
    }
}

/// What an approval grants: role, price and expiry.
#[component]
fn Terms(context: TemplatesContext, template: TemplateId) -> impl IntoView {
    let terms = Memo::new(move |_| {
        context.with(|data| {
            let template = data.templates.iter().find(|each| each.id == template)?;
            let role =
                data.roles.iter().find(|role| role.id == template.role).map_or_else(|| "Deleted role".to_owned(), |role| role_label(&role.name));
            Some((role, template.price, template.duration_days))
        })
    });
    let currency = untrack(|| context.with(|data| data.currency.clone()));
    move || {
        let currency = currency.clone();
        let (role, price, days) = terms.get()?;
        let price = if price == Money::default() {
            view! { <span>"Free"</span> }.into_any()
        } else {
            view! { <Price amount=price currency/> " per request" }.into_any()
        };
        let expiry = days.map_or_else(|| "Never expires".to_owned(), |days| format!("Expires after {}", pluralize(days, "day", "days")));
        Some(view! { <span class="cell-email">{role} " · " {price} " · " {expiry}</span> })
    }
}

#[component]
fn Decide(context: TemplatesContext, id: AccessRequestId) -> impl IntoView {
    let approval = PendingAction::new();
    let reject = move |()| {
        if let Some(listed) = untrack(|| context.request_list.find(id)) {
            context.dialogs.open(OpenDialog::Reject(listed.request));
        }
    };
    view! {
        <Button label="Approve" pending=approval.pending() on_click=move |()| approve_one(context, approval, id)/>
        <Button label="Reject" disabled=approval.pending() on_click=reject/>
    }
}

fn result_id(id: AccessRequestId) -> String {
    format!("{id}-result")
}

/// Records a decision, and focuses its result instead of a button of the next request.
pub(super) fn show_decision(context: TemplatesContext, id: AccessRequestId, outcome: Outcome) {
    context.close_request(id, outcome);
    set_timeout(
        move || {
            if browser::focused().is_none_or(|element| is_in_list(&element)) {
                browser::focus_id(&result_id(id));
            }
        },
        Duration::ZERO,
    );
}

fn is_in_list(element: &HtmlElement) -> bool {
    matches!(element.closest(".requests"), Ok(Some(_)))
}

/// Removes the decided requests once neither the pointer nor the focus is on them.
fn tidy_if_left(context: TemplatesContext) {
    let is_on_result = browser::focused().is_some_and(|element| matches!(element.closest(".request-decided"), Ok(Some(_))));
    if !context.request_list.is_hovered() && !is_on_result {
        context.request_list.tidy();
    }
}

/// Focuses the heading if the focused element was removed. Without scrolling: the user is looking elsewhere.
fn focus_heading_soon() {
    set_timeout(
        || {
            if let Some(heading) = browser::element_by_id(HEADING_ID).filter(|_| browser::focused().is_none()) {
                browser::focus_without_scrolling(&heading);
            }
        },
        Duration::ZERO,
    );
}
