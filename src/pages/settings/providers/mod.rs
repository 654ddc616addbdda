//! `/settings/providers`

mod card;
mod delete;
mod model;
mod provider;

use leptos::{prelude::*, task::spawn_local};

use super::{PROVIDERS, SettingsPage};
use crate::{api::providers::list_providers, pages::error_page::Unread};
use card::ProviderCard;
use delete::{DeleteDialog, Doomed};
use latchkey_types::{
    error::Fault,
    provider::{GeneralKey, ModelRow, ProviderList, ProviderRow},
};
use latchkey_ui::{
    browser,
    button::{Button, Weight},
    icon::Glyph,
    message::{Alert, Blank},
    toast::use_toasts,
};
use model::ModelDialog;
use provider::ProviderDialog;

/// Providers of language models, and the general keys linked to them.
#[component]
pub fn ProvidersPage() -> impl IntoView {
    let first = OnceResource::new(list_providers());
    let content = move |_| {
        view! {
            <Suspense>
                {Suspend::new(async move {
                    match first.await {
                        Ok(first) => view! { <Providers first/> }.into_any(),
                        Err(fault) => view! { <Unread fault/> }.into_any(),
                    }
                })}
            </Suspense>
        }
        .into_any()
    };
    view! { <SettingsPage tab=&PROVIDERS content/> }
}

#[derive(Clone)]
enum Asked {
    AddProvider,
    EditProvider(ProviderRow),
    AddModel(ProviderRow),
    EditModel(ModelRow),
    Delete(Doomed),
}

#[component]
fn Providers(first: ProviderList) -> impl IntoView {
    let toasts = use_toasts();

    // Data
    let list = RwSignal::new(first);
    let load_error = RwSignal::new(None::<Fault>);
    let asked = RwSignal::new(None::<Asked>);

    // Actions
    let reload = move || {
        spawn_local(async move {
            match list_providers().await {
                Ok(all) => {
                    load_error.set(None);
                    list.set(all);
                }
                Err(Fault::SignedOut) => browser::go_to_sign_in(),
                Err(fault) => load_error.set(Some(fault)),
            }
        });
    };
    let ask = Callback::new(move |dialog| asked.set(Some(dialog)));
    let dismiss = Callback::new(move |()| asked.set(None));
    let done = Callback::new(move |message: String| {
        asked.set(None);
        toasts.say(message);
        reload();
    });
    let add = Callback::new(move |()| ask.run(Asked::AddProvider));

    // View
    let cards = move || {
        let providers = list.with(|list| list.providers.clone());
        if providers.is_empty() {
            return view! {
                <Blank glyph=Glyph::Key title="No providers yet"
                    text="Connect OpenAI, Anthropic or any compatible API, and choose its key.">
                    <Button label="Add your first provider" on_click=add/>
                </Blank>
            }
            .into_any();
        }
        providers.into_iter().map(|provider| view! { <ProviderCard provider ask/> }).collect_view().into_any()
    };
    let keys = move || list.with_untracked(|list| list.keys.clone());
    let dialog = move |asked| dialog(asked, keys(), dismiss, done);
    view! {
        <div class="toolbar">
            <p class="settings-lead">"Connect LLM providers and choose the general key each one uses. A model can use its own."</p>
            <span class="toolbar-end"><Button label="Add provider" weight=Weight::Primary on_click=add/></span>
        </div>
        {move || load_error.get().map(|fault| view! { <Alert message=fault.to_string()/> })}
        {cards}
        {move || asked.get().map(dialog)}
    }
}

fn dialog(asked: Asked, keys: Vec<GeneralKey>, on_dismiss: Callback<()>, on_done: Callback<String>) -> AnyView {
    match asked {
        Asked::AddProvider => view! { <ProviderDialog provider=None keys on_dismiss on_done/> }.into_any(),
        Asked::EditProvider(provider) => view! { <ProviderDialog provider=Some(provider) keys on_dismiss on_done/> }.into_any(),
        Asked::AddModel(provider) => view! { <ModelDialog of=Some(provider) model=None keys on_dismiss on_done/> }.into_any(),
        Asked::EditModel(model) => view! { <ModelDialog of=None model=Some(model) keys on_dismiss on_done/> }.into_any(),
        Asked::Delete(doomed) => view! { <DeleteDialog doomed on_dismiss on_done/> }.into_any(),
    }
}
