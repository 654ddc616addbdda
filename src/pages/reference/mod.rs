//! `/api-reference`: documentation of the REST API, with a form to send requests.

mod api_key_input;
mod document;
mod example;
mod json;
mod markdown;
mod operation;
mod request;
mod response;

use leptos::{html, prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::hooks::use_location;

use super::viewer::use_viewer;
use crate::routes;
use api_key_input::ApiKeyInput;
use document::{Document, Group, Operation, capital};
use latchkey_types::permission::Permission;
use latchkey_ui::{fetch::fetch, message::AlertWithRetry};
use markdown::Markdown;
use operation::OperationBody;

/// The `OpenAPI` document.
const OPENAPI_PATH: &str = "/api/v1/openapi.json";

#[derive(Clone)]
enum LoadState {
    Pending,
    Failed,
    Loaded(Document),
}

#[component]
pub fn ReferencePage() -> impl IntoView {
    let state = RwSignal::new(LoadState::Pending);
    let key = ApiKeyInput::new();
    let read = Callback::new(move |()| {
        state.set(LoadState::Pending);
        spawn_local(async move {
            let response = fetch("GET", OPENAPI_PATH, &[], None).await.filter(|response| response.status == 200);
            let document = response.and_then(|response| document::read(&response.body));
            // The page may be closed by now.
            let _ = state.try_set(document.map_or(LoadState::Failed, LoadState::Loaded));
        });
    });
    Effect::new(move || read.run(()));
    let content = move || match state.get() {
        LoadState::Pending => view! { <p class="reference-loading" role="status">"Loading the API reference…"</p> }.into_any(),
        LoadState::Failed => view! { <AlertWithRetry message="Couldn’t load the API reference." on_retry=read/> }.into_any(),
        LoadState::Loaded(document) => view! { <Reference document key/> }.into_any(),
    };
    view! {
        <Title text=routes::REFERENCE.label/>
        <div class="page">
            <h1>"API reference"</h1>
            <p class="reference-lead">
                "Browse and try every endpoint against your organization’s live data. Machine-readable: "
                <a href=OPENAPI_PATH rel="external">"openapi.json"</a> "."
            </p>
            {content}
        </div>
    }
}

#[component]
fn Reference(document: Document, key: ApiKeyInput) -> impl IntoView {
    let contents = document.groups.iter().map(contents_of).collect_view();
    let groups = document.groups.into_iter().map(|group| view! { <GroupView group key/> }).collect_view();
    view! {
        <div class="reference">
            <nav class="reference-contents" aria-label="Contents"><ul>{contents}</ul></nav>
            <div class="reference-main">
                <Markdown text=document.description/>
                <KeyField key/>
                {groups}
            </div>
        </div>
    }
}

fn group_id(group: &Group) -> String {
    format!("about-{}", group.name.to_lowercase().replace(' ', "-"))
}

fn contents_of(group: &Group) -> impl IntoView + use<> {
    let link = |operation: &Operation| view! { <li><a href=format!("#{}", operation.id)>{title_of(operation)}</a></li> };
    view! {
        <li>
            <a class="reference-group" href=format!("#{}", group_id(group))>{capital(&group.name)}</a>
            <ul>{group.operations.iter().map(link).collect_view()}</ul>
        </li>
    }
}

/// The summary, or method and path without one.
fn title_of(operation: &Operation) -> String {
    if operation.summary.is_empty() { format!("{} {}", operation.method, operation.path) } else { operation.summary.clone() }
}

/// The key input, shared by all requests.
#[component]
fn KeyField(key: ApiKeyInput) -> impl IntoView {
    let shown = RwSignal::new(false);
    let viewer = use_viewer();
    // The link is only for viewers who can create a key.
    let create_link = Suspend::new(async move {
        let can_create = viewer.await.is_ok_and(|viewer| viewer.can(Permission::ManageApiKeys));
        can_create.then(|| view! { "Create one under " <a href=routes::INTERNAL_KEYS.path>{routes::INTERNAL_KEYS.label}</a> ". " })
    });
    let type_in = move |text| {
        key.typed.set(text);
        key.is_missing.set(false);
    };
    view! {
        <div class="field reference-key">
            <label for="reference-key">"Internal key"</label>
            <div class="field-input">
                <input id="reference-key" node_ref=key.field type=move || if shown.get() { "text" } else { "password" } autocomplete="off" spellcheck="false"
                    autocapitalize="none" aria-invalid=move || key.is_missing.get().then_some("true") aria-describedby="reference-key-wrong reference-key-hint"
                    on:input:target=move |event| type_in(event.target().value())/>
                <button type="button" class="field-show" on:click=move |_| shown.update(|shown| *shown = !*shown)>
                    {move || if shown.get() { "Hide" } else { "Show" }}
                </button>
            </div>
            <p class="field-error" id="reference-key-wrong" aria-live="polite">{move || key.is_missing.get().then_some("Enter an internal key to send requests.")}</p>
            <p class="field-hint" id="reference-key-hint">
                <Suspense>{create_link}</Suspense>
                "Kept in memory until you leave this page. Only sent to this server."
            </p>
        </div>
    }
}

#[component]
fn GroupView(group: Group, key: ApiKeyInput) -> impl IntoView {
    let id = group_id(&group);
    let operations = group.operations.into_iter().map(|operation| view! { <OperationView operation key/> }).collect_view();
    view! {
        <section class="operations" aria-labelledby=id.clone()>
            <h2 id=id.clone()>{capital(&group.name)}</h2>
            <Markdown text=group.description/>
            {operations}
        </section>
    }
}

/// A collapsed operation. The URL fragment can open one.
#[component]
fn OperationView(operation: Operation, key: ApiKeyInput) -> impl IntoView {
    let details = NodeRef::<html::Details>::new();
    let opened = RwSignal::new(false);
    let (id, hash) = (operation.id.clone(), use_location().hash);
    Effect::new({
        let id = id.clone();
        move || {
            let is_target = hash.with(|hash| hash.strip_prefix('#') == Some(&id));
            if let Some(details) = details.get().filter(|_| is_target) {
                details.set_open(true);
                details.scroll_into_view();
            }
        }
    });
    let title = title_of(&operation);
    let class = format!("method method-{}", operation.method.to_lowercase());
    let (method, path) = (operation.method.clone(), operation.path.clone());
    // Rendered when first opened: there are many operations, and few are opened.
    let on_toggle = move |_| {
        if details.get_untracked().is_some_and(|details| details.open()) {
            opened.set(true);
        }
    };
    let operation = StoredValue::new(operation);
    view! {
        <details class="operation" id=id node_ref=details on:toggle=on_toggle>
            <summary>
                <span class=class>{method}</span>
                <code class="operation-path">{path}</code>
                <h3>{title}</h3>
            </summary>
            {move || opened.get().then(|| view! { <OperationBody operation=operation.get_value() key/> })}
        </details>
    }
}
