//! The table of audit events.

use leptos::prelude::*;

use latchkey_types::audit::{AuditEventRow, action_label};
use latchkey_ui::{table::Table, time::Time};

#[component]
pub(super) fn EventTable(
    /// Newest first.
    events: RwSignal<Vec<AuditEventRow>>,
) -> impl IntoView {
    view! {
        <Table label="Audit log" class="table table-log" columns=vec!["When", "Actor", "Action", "Target", "Details", "IP address"]>
            <For each=move || events.get() key=|event| event.seq let(event)>
                {event_row(event)}
            </For>
        </Table>
    }
}

fn event_row(event: AuditEventRow) -> impl IntoView {
    let details =
        event.details.into_iter().map(|(name, value)| view! { <li><span class="detail-name">{name} ": "</span>{value}</li> }).collect_view();
    view! {
        <tr>
            <td class="cell-soft cell-time" data-label="When"><Time at=event.at/></td>
            <td data-label="Actor">
                <span class="cell-text">
                    {event.actor}
                    {event.auth_method.map(|auth_method| view! { <span class="tag">{auth_method}</span> })}
                </span>
            </td>
            <td class="cell-event" data-label="Action"><span class="cell-text" title=event.action.clone()>{action_label(&event.action)}</span></td>
            <td class="cell-object" data-label="Target"><span class="cell-text" title=event.object_id>{event.object}</span></td>
            <td class="cell-soft" data-label="Details"><ul class="details">{details}</ul></td>
            <td class="cell-soft cell-address" data-label="IP address"><span class="cell-text">{event.address}</span></td>
        </tr>
    }
}
