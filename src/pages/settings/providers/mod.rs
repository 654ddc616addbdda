//! `/settings/providers`

mod card;
mod delete;
mod key_field;
mod model;
mod open_dialog;
mod provider;

use leptos::{prelude::*, task::spawn_local};

use super::SettingsPage;
use crate::{api::providers::list_providers, pages::error_page::LoadFailed, routes};
use card::ProviderCard;
use delete::DeleteDialog;
use latchkey_types::{
    error::Error,
    provider::{GeneralKey, ProviderList},
};
use latchkey_ui::{
    browser,
    button::{Button, ButtonVariant},
    dialog::use_dialogs,
    icon::Glyph,
    message::{Alert, EmptyState},
    suspend::suspend,
    toast::use_toasts,
};
use model::ModelDialog;
use open_dialog::OpenDialog;
use provider::ProviderDialog;

/// Providers of language models, and the general keys linked to them.
#[component]
pub fn ProvidersPage() -> impl IntoView {
    let first = OnceResource::new(list_providers());
    let content = move |_| {
        view! { <Suspense>{suspend(first, |first| view! { <Providers first/> }, |error| view! { <LoadFailed error/> })}</Suspense> }.into_any()
    };
    view! { <SettingsPage page=&routes::PROVIDERS content/> }
}

#[component]
fn Providers(first: ProviderList) -> impl IntoView {
    let toasts = use_toasts();

    // Data
    let list = RwSignal::new(first);
    let load_error = RwSignal::new(None::<Error>);
    let dialogs = use_dialogs::<OpenDialog>();

    // Actions
    let reload = move || {
        spawn_local(async move {
            match list_providers().await {
                Ok(all) => {
                    load_error.set(None);
                    list.set(all);
                }
                Err(Error::SignedOut) => browser::go_to_sign_in(),
                Err(error) => load_error.set(Some(error)),
            }
        });
    };
    let done = dialogs.done(move |message| {
        toasts.success(message);
        reload();
    });
    let add = dialogs.opener(OpenDialog::AddProvider);

    // View
    let cards = move || {
        let providers = list.with(|list| list.providers.clone());
        if providers.is_empty() {
            return view! {
                <EmptyState glyph=Glyph::Key title="No providers yet"
                    text="Connect OpenAI, Anthropic or any compatible API, and choose its key.">
                    <Button label="Add your first provider" on_click=add/>
                </EmptyState>
            }
            .into_any();
        }
        providers.into_iter().map(|provider| view! { <ProviderCard provider dialogs/> }).collect_view().into_any()
    };
    let keys = move || list.with_untracked(|list| list.keys.clone());
    view! {
        <div class="toolbar">
            <p class="settings-lead">"Connect LLM providers and choose the general key each one uses. A model can use its own."</p>
            <span class="toolbar-end"><Button label="Add provider" variant=ButtonVariant::Primary on_click=add/></span>
        </div>
        {move || load_error.get().map(|error| view! { <Alert message=error.to_string()/> })}
        {cards}
        {dialogs.render(move |open| dialog(open, keys(), dialogs.dismiss, done))}
    }
}

fn dialog(open: OpenDialog, keys: Vec<GeneralKey>, on_dismiss: Callback<()>, on_done: Callback<String>) -> AnyView {
    match open {
        OpenDialog::AddProvider => view! { <ProviderDialog provider=None keys on_dismiss on_done/> }.into_any(),
        OpenDialog::EditProvider(provider) => view! { <ProviderDialog provider=Some(provider) keys on_dismiss on_done/> }.into_any(),
        OpenDialog::AddModel(provider) => view! { <ModelDialog of=Some(provider) model=None keys on_dismiss on_done/> }.into_any(),
        OpenDialog::EditModel(model) => view! { <ModelDialog of=None model=Some(model) keys on_dismiss on_done/> }.into_any(),
        OpenDialog::Delete(target) => view! { <DeleteDialog target on_dismiss on_done/> }.into_any(),
    }
}
