//! `/projects/{id}/keys`: `API KEYS`, the key templates of a project and the access requests.

mod approval;
mod card;
mod context;
mod dialogs;
mod fields;
mod request_list;
mod requests;
mod role_chooser;
mod settings_fields;

use leptos::prelude::*;

use super::{
    frame::{ProjectPage, use_project, use_project_resource},
    unsaved_edits::UnsavedEditsGuard,
};
use crate::{
    api::key_templates::{create_template, templates_page},
    pages::error_page::LoadFailed,
    routes,
};
use card::Tile;
use context::TemplatesContext;
use dialogs::dialog;
use latchkey_types::{
    error::Error,
    key_template::{StandardField, TemplatesPageData},
};
use latchkey_ui::{
    browser,
    button::{Button, ButtonVariant},
    empty_state::EmptyState,
    icon::{Glyph, Icon},
    inline_edit::UnsavedEdits,
    message::AlertWithRetry,
    pending_action::PendingAction,
    rows::ForRows,
    skeleton::TableSkeleton,
    suspend::suspend,
};
use requests::Requests;

#[component]
pub fn TemplatesPage() -> impl IntoView {
    let first = use_project_resource(templates_page);
    let content = move |_| {
        view! { <Suspense fallback=TableSkeleton>{move || suspend(first, |first| view! { <Templates first/> }, |error| view! { <LoadFailed error/> })}</Suspense> }
            .into_any()
    };
    view! { <ProjectPage page=&routes::PROJECT_KEYS content/> }
}

#[component]
fn Templates(first: TemplatesPageData) -> impl IntoView {
    let open = use_project();

    // Data
    let context = TemplatesContext::new(first);
    let addition = PendingAction::new();
    let pending = addition.pending();
    let add_error = RwSignal::new(None::<Error>);
    let unsaved = UnsavedEdits::provide();
    context.stay_up_to_date();
    // The count on the tab follows the list.
    Effect::new(move || open.set_pending_requests(context.pending_requests()));

    // Actions
    let add = Callback::new(move |()| {
        addition.run(create_template(context.project), move |created| match created {
            Ok(template) => {
                let _ = add_error.try_set(None);
                context.open_next(format!("{}-name", template.id));
                context.change(|data| data.templates.push(template));
            }
            Err(Error::SignedOut) => browser::go_to_sign_in(),
            Err(error) => {
                let _ = add_error.try_set(Some(error));
            }
        });
    });

    // View
    let templates = context.templates();
    let is_empty = Memo::new(move |_| templates.is_empty());
    let list = move || {
        if is_empty.get() {
            return view! {
                <EmptyState glyph=Glyph::Template title="No templates yet"
                    text="A template sets a key’s role, price and expiry. Members request it on About Project; you approve with one click.">
                    <Button label="Add template" variant=ButtonVariant::Primary on_click=add pending/>
                </EmptyState>
            }
            .into_any();
        }
        view! {
            <Tip/>
            <div class="tiles">
                <ForRows rows=templates let(template)>
                    <Tile context template/>
                </ForRows>
                <button type="button" class="tile-add" aria-busy=move || pending.get().then_some("true")
                    on:click=move |_| add.run(())>
                    <Icon glyph=Glyph::Plus/>
                    "Add template"
                </button>
            </div>
        }
        .into_any()
    };
    view! {
        {move || context.error().get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=move |()| context.reload()/> })}
        {move || add_error.get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=add pending/> })}
        // Above the templates, which fill many screens.
        {move || (!is_empty.get()).then(|| view! { <Requests context/> })}
        {list}
        {move || is_empty.get().then(|| view! { <Requests context/> })}
        {context.dialogs.render(move |open| dialog(context, open))}
        <UnsavedEditsGuard unsaved/>
    }
}

#[component]
fn Tip() -> impl IntoView {
    view! {
        <aside class="tip" aria-label="Tip">
            <strong>"Tip: "</strong>
            "give a template the fields " {joined_names()} ". They’re imported into the client project as secrets together with the key."
        </aside>
    }
}

/// The names of the standard fields as part of a sentence.
fn joined_names() -> String {
    let [first, second, third] = StandardField::ALL.map(StandardField::name);
    format!("{first}, {second} and {third}")
}
