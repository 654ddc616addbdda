//! The table of calls.

use leptos::prelude::*;

use super::text;
use latchkey_types::{
    id::RequestId,
    model_call::{CallEvent, CallOutcome, CallPage},
};
use latchkey_ui::{
    button::IconButton,
    dialog::Dialogs,
    icon::{Glyph, Icon},
    table::{Column, Table},
    time::Time,
};

#[component]
pub(super) fn CallTable(
    /// Newest first.
    page: RwSignal<CallPage>,
    /// The call whose details are open.
    details: Dialogs<CallEvent>,
    /// The call whose bodies are open; `None` if the viewer may not read them.
    bodies: Option<Dialogs<RequestId>>,
) -> impl IntoView {
    let columns = vec![
        "Time".into(),
        "Model".into(),
        "Key".into(),
        Column::Number("Tokens"),
        Column::Number("Cost"),
        "Status".into(),
        Column::Number("Duration"),
        Column::Hidden("Details"),
    ];
    view! {
        <Table label="Call log" class="table table-calls" columns>
            {move || page.with(|page| page.items.clone()).into_iter().map(|call| view! { <CallRow call details bodies/> }).collect_view()}
        </Table>
    }
}

#[component]
fn CallRow(call: CallEvent, details: Dialogs<CallEvent>, bodies: Option<Dialogs<RequestId>>) -> impl IntoView {
    let opened = call.clone();
    let id = call.id;
    let bodies_button = bodies
        .filter(|_| call.has_bodies)
        .map(|bodies| view! { <IconButton label="Bodies" glyph=Glyph::Documents on_click=move |_| bodies.open(id)/> });
    let name = call.model.clone();
    let target = (!call.target.is_empty() && call.target != call.model).then(|| view! { <span class="model-detail">{call.target.clone()}</span> });
    let caller = text::caller(&call);
    view! {
        <tr aria-label=name>
            <td class="cell-soft" data-label="Time"><Time at=call.at/></td>
            <td class="cell-name"><span class="model-name"><span dir="auto">{call.model.clone()}</span> {target}</span></td>
            <td class="cell-soft cell-text" data-label="Key"><span dir="auto">{caller}</span></td>
            <td class="cell-number" data-label="Tokens">{text::tokens(&call)}</td>
            <td class="cell-number" data-label="Cost">{text::cost(&call)}</td>
            <td data-label="Status">{status_view(&call)}</td>
            <td class="cell-number" data-label="Duration">{text::duration(call.duration_ms)}</td>
            <td class="cell-action">
                {bodies_button}
                <IconButton label="Details" glyph=Glyph::More on_click=move |_| details.open(opened.clone())/>
            </td>
        </tr>
    }
}

/// The status of the response, and Latchkey's code if the call was refused or failed here.
pub(super) fn status_view(call: &CallEvent) -> AnyView {
    let code = (!call.code.is_empty()).then(|| view! { " " <code>{call.code.clone()}</code> });
    match call.outcome() {
        CallOutcome::Succeeded => view! { <span>{call.status} {code}</span> }.into_any(),
        CallOutcome::Failed => {
            view! { <span class="provider-warning"><Icon glyph=Glyph::Warning/> <span>{call.status} {code}</span></span> }.into_any()
        }
    }
}
