//! `/projects/{id}/keys`: `API KEYS`, the key templates of a project and the access requests.

mod card;
mod context;
mod dialogs;
mod fields;
mod requests;
mod role_chooser;
mod settings_fields;

use leptos::{prelude::*, task::spawn_local};

use super::frame::{KEYS, ProjectPage, of_project, use_project};
use crate::{
    api::key_templates::{create_template, read_desk},
    pages::error_page::Unread,
};
use card::Tile;
use context::Desk;
use dialogs::{Asked, dialog};
use latchkey_types::{error::Fault, key_template::TemplateDesk};
use latchkey_ui::{
    browser,
    button::{Button, Weight},
    icon::{Glyph, Icon},
    inline_edit::Unsaved,
    message::{Alert, Blank},
    navigation_guard::LeaveGuard,
};
use requests::Requests;

#[component]
pub fn TemplatesPage() -> impl IntoView {
    let first = of_project(read_desk);
    let content = move |_| {
        view! {
            <Suspense>
                {move || Suspend::new(async move {
                    match first.await {
                        Ok(first) => view! { <Templates first/> }.into_any(),
                        Err(fault) => view! { <Unread fault/> }.into_any(),
                    }
                })}
            </Suspense>
        }
        .into_any()
    };
    view! { <ProjectPage tab=&KEYS content/> }
}

#[component]
fn Templates(first: TemplateDesk) -> impl IntoView {
    let open = use_project();

    // Data
    let desk = Desk::new(first);
    let pending = RwSignal::new(false);
    let add_error = RwSignal::new(None::<Fault>);
    let unsaved = Unsaved::provide();
    desk.stay_up_to_date();
    // The count on the tab follows the list.
    Effect::new(move || open.set_waiting(desk.waiting()));

    // Actions
    let add = Callback::new(move |()| {
        pending.set(true);
        spawn_local(async move {
            let created = create_template(desk.project).await;
            let _ = pending.try_set(false);
            match created {
                Ok(template) => {
                    let _ = add_error.try_set(None);
                    desk.open_next(template.id.to_string());
                    desk.change(|data| data.templates.push(template));
                }
                Err(Fault::SignedOut) => browser::go_to_sign_in(),
                Err(fault) => {
                    let _ = add_error.try_set(Some(fault));
                }
            }
        });
    });

    // View
    let ids = move || desk.with(|data| data.templates.iter().map(|template| template.id).collect::<Vec<_>>());
    let is_empty = Memo::new(move |_| desk.with(|data| data.templates.is_empty()));
    let templates = move || {
        if is_empty.get() {
            return view! {
                <Blank glyph=Glyph::Key title="No templates yet"
                    text="A template sets a key’s role, price and expiry. Members request it on About Project; you approve with one click.">
                    <Button label="Add template" weight=Weight::Primary on_click=add pending/>
                </Blank>
            }
            .into_any();
        }
        view! {
            <Tip/>
            <div class="tiles">
                <For each=ids key=|id| *id let(id)>
                    <Tile desk id/>
                </For>
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
        {move || desk.trouble().get().or(add_error.get()).map(|fault| view! { <Alert message=fault.to_string()/> })}
        {templates}
        <Requests desk/>
        {move || desk.asked.get().map(|asked: Asked| dialog(desk, asked))}
        <LeaveGuard active=unsaved.any() title="Leave with unsaved changes?" leave="Leave anyway"
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
