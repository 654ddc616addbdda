//! `/settings/providers`

mod card;
mod delete;
mod model;
mod open_dialog;
mod presets;
mod provider;

use leptos::prelude::*;

use super::{SettingsPage, card_search::CardSearch, loaded_view};
use crate::{api::providers::list_providers, routes};
use card::ProviderCard;
use delete::DeleteDialog;
use latchkey_types::{
    error::Error,
    provider::{GeneralKey, ProviderList, ProviderRow},
};
use latchkey_ui::{
    button::{Button, ButtonVariant},
    dialog::{Dialogs, use_dialogs},
    empty_state::EmptyState,
    icon::Glyph,
    message::AlertWithRetry,
    page::{PageActions, PageLead},
    resource::Refetchable,
    rows::ForRows,
    toast::use_toasts,
};
use model::ModelDialog;
use open_dialog::OpenDialog;
use presets::{CUSTOM, PRESETS};
use provider::ProviderDialog;

/// With more providers, their models are folded at first.
const UNFOLDED_MAX: usize = 4;

type ProvidersResource = OnceResource<Result<ProviderList, Error>>;

/// Providers of language models, and the general keys linked to them.
#[component]
pub fn ProvidersPage() -> impl IntoView {
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    provide_context(ProvidersResource::new(list_providers()));
    let content = |_| loaded_view(expect_context::<ProvidersResource>(), |first| view! { <Providers first/> });
    view! { <SettingsPage page=&routes::PROVIDERS content/> }
}

#[component]
fn Providers(first: ProviderList) -> impl IntoView {
    let toasts = use_toasts();

    // Data
    let list = Refetchable::new(first);
    let search = RwSignal::new(String::new());
    let dialogs = use_dialogs::<OpenDialog>();

    // Actions
    let reload = Callback::new(move |()| list.refetch(list_providers));
    let done = dialogs.done(move |message| {
        toasts.success(message);
        reload.run(());
    });
    let add = dialogs.opener(OpenDialog::AddProvider(&CUSTOM));

    // View
    let providers = list.rows(|list| &list.providers, |provider| provider.id);
    let count = Memo::new(move |_| list.with(|list| list.providers.len()));
    let unfolded = count.get_untracked() <= UNFOLDED_MAX;
    let matching = Memo::new(move |_| search.with(|search| list.with(|list| list.providers.iter().filter(|row| matches(row, search)).count())));
    let keys = move || untrack(|| list.with(|list| list.keys.clone()));
    view! {
        <PageActions><Button label="Add provider" variant=ButtonVariant::Primary on_click=add/></PageActions>
        <PageLead text="Connect LLM providers and choose the general key each one uses. A model can use its own."/>
        {move || list.error().get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=reload/> })}
        <CardSearch search placeholder="Provider or model" count matching nouns=("provider", "providers")/>
        <Show when=move || !providers.is_empty() fallback=move || view! { <NoProviders dialogs/> }>
            <div class="providers">
                <ForRows rows=providers let(provider)><ProviderCard provider search unfolded dialogs/></ForRows>
            </div>
        </Show>
        {dialogs.render(move |open| dialog(open, keys(), dialogs.dismiss, done))}
    }
}

#[component]
fn NoProviders(dialogs: Dialogs<OpenDialog>) -> impl IntoView {
    view! {
        <EmptyState glyph=Glyph::Plug title="No providers yet" text="Connect OpenAI, Anthropic or any compatible API, and choose its key.">
            {PRESETS.iter().map(|preset| view! { <Button label=preset.label on_click=dialogs.opener(OpenDialog::AddProvider(preset))/> }).collect_view()}
        </EmptyState>
    }
}

/// Whether the name of a provider or of one of its models contains the search.
fn matches(provider: &ProviderRow, search: &str) -> bool {
    let search = search.to_lowercase();
    let contains = |name: &str| name.to_lowercase().contains(&search);
    contains(&provider.name) || provider.models.iter().any(|model| contains(&model.name))
}

fn dialog(open: OpenDialog, keys: Vec<GeneralKey>, on_dismiss: Callback<()>, on_done: Callback<String>) -> AnyView {
    match open {
        OpenDialog::AddProvider(preset) => view! { <ProviderDialog provider=None preset keys on_dismiss on_done/> }.into_any(),
        OpenDialog::EditProvider(provider) => view! { <ProviderDialog provider=Some(provider) keys on_dismiss on_done/> }.into_any(),
        OpenDialog::AddModel(provider) => view! { <ModelDialog of=Some(provider) model=None keys on_dismiss on_done/> }.into_any(),
        OpenDialog::EditModel(model) => view! { <ModelDialog of=None model=Some(model) keys on_dismiss on_done/> }.into_any(),
        OpenDialog::Delete(target) => view! { <DeleteDialog target on_dismiss on_done/> }.into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::provider::{ApiStyle, KeyLinkState, ModelRow};

    #[test]
    fn providers_are_found_by_their_name_and_their_models() {
        let provider = ProviderRow {
            id: "prv_0193456789ab7cdef0123456789abcde".parse().unwrap(),
            name: "OpenAI".to_owned(),
            style: ApiStyle::Openai,
            base_url: String::new(),
            link: KeyLinkState::Nothing,
            models: vec![ModelRow {
                id: "mdl_0193456789ab7cdef0123456789abcde".parse().unwrap(),
                name: "GPT-5".to_owned(),
                link: KeyLinkState::Nothing,
            }],
        };
        for (search, is_found) in [("", true), ("openai", true), ("gpt", true), ("claude", false)] {
            assert_eq!(matches(&provider, search), is_found, "{search}");
        }
    }
}
