//! `/api-reference`: documentation of the REST API, with a form to send requests.

mod api_key_input;
mod body;
mod document;
mod example;
mod fields;
mod json;
mod markdown;
mod operation;
mod parameters;
mod request;
mod response;
mod samples;

use leptos::{ev, html, prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::hooks::use_location;

use super::viewer::use_viewer;
use crate::routes;
use api_key_input::ApiKeyInput;
use document::{Document, Group, Operation, capital};
use latchkey_types::permission::Permission;
use latchkey_ui::{browser, fetch::fetch, message::AlertWithRetry};
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
            <h1>{routes::REFERENCE.label}</h1>
            <p class="page-lead">
                "Browse and try every endpoint against your organization’s live data. Machine-readable: "
                <a href=OPENAPI_PATH rel="external">"openapi.json"</a> "."
            </p>
            {content}
        </div>
    }
}

#[component]
fn Reference(document: Document, key: ApiKeyInput) -> impl IntoView {
    let contents = NodeRef::<html::Nav>::new();
    let section = section_in_view(document.groups.iter().map(group_id).collect());
    Effect::new(move || {
        let address = format!("#{}", section.get());
        if let Some(contents) = contents.get() {
            let links = browser::find_all(&contents, ".reference-group");
            if let Some(link) = links.iter().find(|link| link.get_attribute("href").as_ref() == Some(&address)) {
                browser::scroll_within(&contents, link);
            }
        }
    });
    let links = document.groups.iter().map(|group| contents_of(group, section)).collect_view();
    let groups = document.groups.into_iter().map(|group| view! { <GroupView group key/> }).collect_view();
    view! {
        <div class="reference">
            <nav class="reference-contents" aria-label="Contents" node_ref=contents><ul>{links}</ul></nav>
            <div class="reference-main">
                <Markdown text=document.description/>
                <KeyField key/>
                {groups}
            </div>
        </div>
    }
}

fn group_id(group: &Group) -> String {
    format!("about-{}", group.name.to_ascii_lowercase().replace(' ', "-"))
}

/// The section whose heading was scrolled to last.
fn section_in_view(ids: Vec<String>) -> Signal<String> {
    /// A heading below this line is not read yet.
    const LINE_PX: f64 = 120.0;
    let section = RwSignal::new(ids.first().cloned().unwrap_or_default());
    let on_scroll = move || {
        let found = browser::last_above(&ids, LINE_PX).or(ids.first());
        if let Some(found) = found.filter(|found| section.with_untracked(|section| section != *found)) {
            section.set(found.clone());
        }
    };
    Effect::new(move || {
        let on_scroll = on_scroll.clone();
        let listener = window_event_listener(ev::scroll, move |_| on_scroll());
        on_cleanup(move || listener.remove());
    });
    section.into()
}

fn contents_of(group: &Group, section: Signal<String>) -> impl IntoView + use<> {
    let id = group_id(group);
    let address = format!("#{id}");
    let is_in_view = move || section.with(|section| *section == id);
    let link = |operation: &Operation| view! { <li><a href=format!("#{}", operation.id)>{title_of(operation)}</a></li> };
    view! {
        <li>
            <a class="reference-group" href=address aria-current=move || is_in_view().then_some("true")>{capital(&group.name)}</a>
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
    let class = format!("method method-{}", operation.method.to_ascii_lowercase());
    let (method, path) = (operation.method.clone(), operation.path.clone());
    let requirement = operation.requirement();
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
                <span class="operation-key">{requirement}</span>
            </summary>
            {move || opened.get().then(|| view! { <OperationBody operation=operation.get_value() key/> })}
        </details>
    }
}
