//! `/projects/{id}/keys`: `API KEYS`, the key templates of a project and the access requests.

mod card;
mod context;
mod dialogs;
mod fields;
mod requests;
mod role_chooser;
mod settings_fields;

use leptos::{prelude::*, task::spawn_local};

use super::frame::{ProjectPage, use_project, use_project_resource};
use crate::{
    api::key_templates::{create_template, templates_page},
    pages::error_page::LoadFailed,
    routes,
};
use card::Tile;
use context::TemplatesContext;
use dialogs::dialog;
use latchkey_types::{error::Error, key_template::TemplatesPageData};
use latchkey_ui::{
    browser,
    button::{Button, ButtonVariant},
    icon::{Glyph, Icon},
    inline_edit::UnsavedEdits,
    message::{Alert, EmptyState},
    navigation_guard::NavigationGuard,
    rows::ForRows,
    suspend::suspend,
};
use requests::Requests;

#[component]
pub fn TemplatesPage() -> impl IntoView {
    let first = use_project_resource(templates_page);
    let content = move |_| {
        view! { <Suspense>{move || suspend(first, |first| view! { <Templates first/> }, |error| view! { <LoadFailed error/> })}</Suspense> }
            .into_any()
    };
    view! { <ProjectPage page=&routes::PROJECT_KEYS content/> }
}

#[component]
fn Templates(first: TemplatesPageData) -> impl IntoView {
    let open = use_project();

    // Data
    let context = TemplatesContext::new(first);
    let pending = RwSignal::new(false);
    let add_error = RwSignal::new(None::<Error>);
    let unsaved = UnsavedEdits::provide();
    context.stay_up_to_date();
    // The count on the tab follows the list.
    Effect::new(move || open.set_pending_requests(context.pending_requests()));

    // Actions
    let add = Callback::new(move |()| {
        pending.set(true);
        spawn_local(async move {
            let created = create_template(context.project).await;
            let _ = pending.try_set(false);
            match created {
                Ok(template) => {
                    let _ = add_error.try_set(None);
                    context.open_next(template.id.to_string());
                    context.change(|data| data.templates.push(template));
                }
                Err(Error::SignedOut) => browser::go_to_sign_in(),
                Err(error) => {
                    let _ = add_error.try_set(Some(error));
                }
            }
        });
    });

    // View
    let templates = context.templates();
    let is_empty = Memo::new(move |_| templates.is_empty());
    let list = move || {
        if is_empty.get() {
            return view! {
                <EmptyState glyph=Glyph::Key title="No templates yet"
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
                    on:click=move |_| if !pending.get_untracked() { add.run(()) }>
                    <Icon glyph=Glyph::Plus/>
                    "Add template"
                </button>
            </div>
        }
        .into_any()
    };
    view! {
        {move || context.error().get().or(add_error.get()).map(|error| view! { <Alert message=error.to_string()/> })}
        {list}
        <Requests context/>
        {context.dialogs.render(move |open| dialog(context, open))}
        <NavigationGuard active=unsaved.any() title="Leave with unsaved changes?" confirm_label="Leave anyway"
            text="Some changes on this page are not saved yet, or were rejected. If you leave now, they may be lost."/>
    }
}

#[component]
fn Tip() -> impl IntoView {
    view! {
        <aside class="tip" aria-label="Tip">
            <p>
                <strong>"Tip. "</strong>
                "Give a template the fields " <em>"Project ID"</em> ", " <em>"Input Node ID"</em> " and " <em>"Output Node ID"</em>
                ". They’re imported into the client’s project as secrets along with the key."
            </p>
        </aside>
    }
}
