//! `/api-reference`: the REST API, told and to be tried.

mod answer;
mod call;
mod document;
mod example;
mod operation;
mod prose;

use leptos::{html, prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::hooks::use_location;

use self::{
    document::{Document, Group, Operation, capital},
    operation::OperationBody,
    prose::Prose,
};
use super::frame::use_viewer;
use crate::{
    model::permission::Permission,
    ui::{browser, fetch::fetch, message::AlertWithRetry},
};

/// The page's address.
pub const PATH: &str = "/api-reference";
/// Where the API's description is.
const DESCRIPTION: &str = "/api/v1/openapi.json";

/// The key that calls are tried with. It is in this signal and in its field, nowhere else; both go with the page.
#[derive(Clone, Copy)]
pub struct Key {
    /// What was typed.
    typed: RwSignal<String>,
    /// Whether it was missed.
    missed: RwSignal<bool>,
    field: NodeRef<html::Input>,
}

impl Key {
    fn new() -> Self {
        Self { typed: RwSignal::new(String::new()), missed: RwSignal::new(false), field: NodeRef::new() }
    }

    fn is_there(self) -> bool {
        self.typed.with_untracked(|key| !key.trim().is_empty())
    }

    /// Says that it is missed, where it is to be typed.
    fn ask_for(self) {
        self.missed.set(true);
        if let Some(field) = self.field.get_untracked() {
            browser::focus(&field);
        }
    }
}

/// How far the reading of the description is.
#[derive(Clone)]
enum Reading {
    Pending,
    Failed,
    Read(Document),
}

/// The page.
#[component]
pub fn ReferencePage() -> impl IntoView {
    let reading = RwSignal::new(Reading::Pending);
    let key = Key::new();
    let read = Callback::new(move |()| {
        reading.set(Reading::Pending);
        spawn_local(async move {
            let answer = fetch("GET", DESCRIPTION, &[], None).await.filter(|answer| answer.status == 200);
            let document = answer.and_then(|answer| document::read(&answer.body));
            // The page may have been left meanwhile.
            let _ = reading.try_set(document.map_or(Reading::Failed, Reading::Read));
        });
    });
    Effect::new(move || read.run(()));
    let below = move || match reading.get() {
        Reading::Pending => view! { <p class="reference-waiting" role="status">"Loading the description of the API…"</p> }.into_any(),
        Reading::Failed => view! { <AlertWithRetry message="The description of the API could not be loaded." on_retry=read/> }.into_any(),
        Reading::Read(document) => view! { <Reference document key/> }.into_any(),
    };
    view! {
        <Title text="API reference"/>
        <div class="page">
            <h1>"API reference"</h1>
            <p class="reference-lead">
                "Every call of the REST API, to read and to try. It works on your organization's own data. The same for programs: "
                <a href=DESCRIPTION rel="external">"openapi.json"</a> "."
            </p>
            {below}
        </div>
    }
}

#[component]
fn Reference(document: Document, key: Key) -> impl IntoView {
    let contents = document.groups.iter().map(contents_of).collect_view();
    let groups = document.groups.into_iter().map(|group| view! { <GroupView group key/> }).collect_view();
    view! {
        <div class="reference">
            <nav class="reference-contents" aria-label="Contents"><ul>{contents}</ul></nav>
            <div class="reference-main">
                <Prose text=document.description/>
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

/// What an operation is called.
fn title_of(operation: &Operation) -> String {
    if operation.summary.is_empty() { format!("{} {}", operation.method, operation.path) } else { operation.summary.clone() }
}

/// Where the key is typed, once for all calls.
#[component]
fn KeyField(key: Key) -> impl IntoView {
    let shown = RwSignal::new(false);
    let viewer = use_viewer();
    // Who may make none has to be given one.
    let whence = Suspend::new(async move {
        let may_make = viewer.await.is_ok_and(|viewer| viewer.may(Permission::ManageApiKeys));
        may_make.then(|| view! { "Make one under " <a href="/keys/internal">"Internal"</a> ". " })
    });
    let type_in = move |text| {
        key.typed.set(text);
        key.missed.set(false);
    };
    view! {
        <div class="field reference-key">
            <label for="reference-key">"Platform key"</label>
            <div class="field-input">
                <input id="reference-key" node_ref=key.field type=move || if shown.get() { "text" } else { "password" } autocomplete="off" spellcheck="false"
                    autocapitalize="none" aria-invalid=move || key.missed.get().then_some("true") aria-describedby="reference-key-wrong reference-key-hint"
                    on:input:target=move |event| type_in(event.target().value())/>
                <button type="button" class="field-show" on:click=move |_| shown.update(|shown| *shown = !*shown)>
                    {move || if shown.get() { "Hide" } else { "Show" }}
                </button>
            </div>
            <p class="field-wrong" id="reference-key-wrong" aria-live="polite">{move || key.missed.get().then_some("Enter a platform key to send calls with.")}</p>
            <p class="field-hint" id="reference-key-hint">
                <Suspense>{whence}</Suspense>
                "It stays in this page's memory until you leave, and is sent to this server alone."
            </p>
        </div>
    }
}

#[component]
fn GroupView(group: Group, key: Key) -> impl IntoView {
    let id = group_id(&group);
    let operations = group.operations.into_iter().map(|operation| view! { <OperationView operation key/> }).collect_view();
    view! {
        <section class="operations" aria-labelledby=id.clone()>
            <h2 id=id.clone()>{capital(&group.name)}</h2>
            <Prose text=group.description/>
            {operations}
        </section>
    }
}

/// An operation, folded to a line until it is opened; the page's address may name it.
#[component]
fn OperationView(operation: Operation, key: Key) -> impl IntoView {
    let details = NodeRef::<html::Details>::new();
    let opened = RwSignal::new(false);
    let (id, hash) = (operation.id.clone(), use_location().hash);
    Effect::new({
        let id = id.clone();
        move || {
            let is_named = hash.with(|hash| hash.strip_prefix('#') == Some(&id));
            if let Some(details) = details.get().filter(|_| is_named) {
                details.set_open(true);
                details.scroll_into_view();
            }
        }
    });
    let title = title_of(&operation);
    let class = format!("method method-{}", operation.method.to_lowercase());
    let (method, path) = (operation.method.clone(), operation.path.clone());
    // Drawn when it is first opened: there are many, and few are.
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
