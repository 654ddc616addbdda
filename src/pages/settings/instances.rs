//! `/settings/instances`

use leptos::prelude::*;

use super::{SettingsPage, loaded_view};
use crate::{api::instances::list_instances, routes};
use latchkey_types::{
    error::Error,
    instance::{InstanceRow, LeaseState},
};
use latchkey_ui::{
    button::Button,
    message::AlertWithRetry,
    number::format_integer,
    page::{PageActions, PageLead},
    resource::Refetchable,
    table::{Column, RowTable},
    time::Time,
};

type InstancesResource = OnceResource<Result<Vec<InstanceRow>, Error>>;

/// The processes that share the database.
#[component]
pub fn InstancesPage() -> impl IntoView {
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    provide_context(InstancesResource::new(list_instances()));
    let content = |_| loaded_view(expect_context::<InstancesResource>(), |first| view! { <Instances first/> });
    view! { <SettingsPage page=&routes::INSTANCES content/> }
}

#[component]
fn Instances(first: Vec<InstanceRow>) -> impl IntoView {
    // Data
    let instances = Refetchable::new(first);

    // Actions
    let reload = Callback::new(move |()| instances.refetch(list_instances));

    // View
    let rows = instances.rows(|instances| instances, |instance| instance.id);
    let columns = vec!["Name".into(), "Version".into(), "Since".into(), "Lease".into(), Column::Number("Lag")];
    view! {
        <PageActions><Button label="Refresh" on_click=reload/></PageActions>
        <PageLead text="The Latchkey processes that share this database. A revoked key is refused by every instance that holds a lease; an instance \
            without one accepts no key."/>
        {move || instances.error().get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=reload/> })}
        <RowTable label="Instances" columns rows let(instance)>
            <InstanceTableRow instance/>
        </RowTable>
    }
}

#[component]
fn InstanceTableRow(instance: Memo<InstanceRow>) -> impl IntoView {
    let is_own = move || instance.with(|instance| instance.is_own);
    let lag = move || instance.with(|instance| instance.lag_ms).map_or_else(|| "–".to_owned(), |ms| format!("{} ms", format_integer(ms)));
    view! {
        <tr aria-label=move || instance.get().name>
            <td class="cell-name">
                <span class="name-with-tag">
                    <span class="cell-text" dir="auto">{move || instance.get().name}</span>
                    {move || is_own().then(|| view! { <span class="tag">"This instance"</span> })}
                </span>
            </td>
            <td class="cell-soft" data-label="Version">{move || instance.get().version}</td>
            <td class="cell-soft" data-label="Since">{move || view! { <Time at=instance.get().started_at/> }}</td>
            <td class="cell-soft" data-label="Lease">{move || lease_view(instance.get().lease)}</td>
            <td class="cell-soft cell-number" data-label="Lag">{lag}</td>
        </tr>
    }
}

fn lease_view(lease: LeaseState) -> AnyView {
    match lease {
        LeaseState::Held => view! { <span class="status status-active">"Held"</span> }.into_any(),
        LeaseState::Ended { at } => view! { <span class="status status-expired">"Ended " <Time at/></span> }.into_any(),
        LeaseState::NotNeeded => "Not needed".into_any(),
    }
}
