//! `/settings/services`

mod authentication;
mod callers;
mod card;
mod delete;
mod limits;
mod service;

use leptos::prelude::*;

use super::{SettingsPage, card_search::CardSearch, loaded_view};
use crate::{api::services::list_services, code_samples::server_url, routes};
use card::ServiceCard;
use delete::DeleteDialog;
use latchkey_types::{
    error::Error,
    names::lowercase,
    service::{LinkableCredential, ServiceList, ServiceRow},
};
use latchkey_ui::{
    button::{Button, ButtonVariant},
    dialog::use_dialogs,
    empty_state::EmptyState,
    icon::Glyph,
    message::AlertWithRetry,
    page::{PageActions, PageLead},
    resource::Refetchable,
    rows::ForRows,
    toast::{ToastText, use_toasts},
};
use service::ServiceDialog;

type ServicesResource = OnceResource<Result<ServiceList, Error>>;

#[derive(Clone)]
enum OpenDialog {
    Add,
    Edit(ServiceRow),
    Delete(ServiceRow),
}

/// The APIs that are called through the gateway, and the credentials linked to them.
#[component]
pub fn ServicesPage() -> impl IntoView {
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    provide_context(ServicesResource::new(list_services()));
    let content = |_| loaded_view(expect_context::<ServicesResource>(), |first| view! { <Services first/> });
    view! { <SettingsPage page=&routes::SERVICES content/> }
}

#[component]
fn Services(first: ServiceList) -> impl IntoView {
    let toasts = use_toasts();

    // Data
    let list = Refetchable::new(first);
    let search = RwSignal::new(String::new());
    let dialogs = use_dialogs::<OpenDialog>();
    let origin = server_url();

    // Actions
    let reload = Callback::new(move |()| list.refetch(list_services));
    let done = dialogs.done(move |message: ToastText| {
        toasts.success(message);
        reload.run(());
    });
    let add = dialogs.opener(OpenDialog::Add);

    // View
    let services = list.rows(|list| &list.services, |service| service.id);
    let count = Memo::new(move |_| list.with(|list| list.services.len()));
    let matching = Memo::new(move |_| search.with(|search| list.with(|list| list.services.iter().filter(|row| matches(row, search)).count())));
    let credentials = move || untrack(|| list.with(|list| list.credentials.clone()));
    view! {
        <PageActions><Button label="Add service" variant=ButtonVariant::Primary on_click=add/></PageActions>
        <PageLead text="Let your keys call any API through Latchkey. It adds the stored key, so callers never need it." docs="/docs/services"/>
        {move || list.error().get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=reload/> })}
        <CardSearch search placeholder="Name or base URL" count matching nouns=("service", "services")/>
        <Show when=move || !services.is_empty() fallback=move || view! { <NoServices origin add/> }>
            <div class="providers">
                <ForRows rows=services let(service)><ServiceCard service search origin dialogs/></ForRows>
            </div>
        </Show>
        {dialogs.render(move |open| dialog(open, credentials(), dialogs.dismiss, done))}
    }
}

#[component]
fn NoServices(origin: RwSignal<String>, add: Callback<()>) -> impl IntoView {
    let code = move || format!("curl {} \\\n  -H \"Authorization: Bearer lkc_…\"", gateway_url(&origin.get(), "github") + "user");
    let sample = view! { <pre class="empty-state-code"><code>{code}</code></pre> }.into_any();
    view! {
        <EmptyState glyph=Glyph::Plug title="No services yet" text="Add an API, link its key, and choose which of your keys may call it."
            sample=Some(sample)>
            <Button label="Add your first service" variant=ButtonVariant::Primary on_click=add/>
        </EmptyState>
    }
}

/// The URL at which a service is called, with a slash at its end.
fn gateway_url(origin: &str, name: &str) -> String {
    format!("{origin}/gateway/{name}/")
}

/// Whether the name or base URL of a service contains the search.
fn matches(service: &ServiceRow, search: &str) -> bool {
    let search = lowercase(search);
    [&service.name, &service.base_url].into_iter().any(|text| lowercase(text).contains(&search))
}

fn dialog(open: OpenDialog, credentials: Vec<LinkableCredential>, on_dismiss: Callback<()>, on_done: Callback<ToastText>) -> AnyView {
    match open {
        OpenDialog::Add => view! { <ServiceDialog service=None credentials on_dismiss on_done/> }.into_any(),
        OpenDialog::Edit(service) => view! { <ServiceDialog service=Some(service) credentials on_dismiss on_done/> }.into_any(),
        OpenDialog::Delete(service) => view! { <DeleteDialog service on_dismiss on_done/> }.into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::{
        service::{Injection, ServiceLink},
        time::Timestamp,
    };

    #[test]
    fn services_are_found_by_name_and_base_url() {
        let service = ServiceRow {
            id: "svc_0193456789ab7cdef0123456789abcde".parse().unwrap(),
            name: "github".to_owned(),
            base_url: "https://api.example.com/v3".to_owned(),
            injection: Injection::Bearer,
            link: ServiceLink::Nothing,
            allow: Vec::new(),
            callers: Vec::new(),
            timeout_seconds: 60,
            body_max: 0,
            created_at: Timestamp(0),
            created_by: String::new(),
        };
        for (search, is_found) in [("", true), ("GitHub", true), ("example.com", true), ("stripe", false)] {
            assert_eq!(matches(&service, search), is_found, "{search}");
        }
    }
}
