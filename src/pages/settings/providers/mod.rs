//! `/settings/providers`

mod add_models;
mod alias;
mod aliases;
mod answer;
mod card;
mod delete;
mod model;
mod models;
mod open_dialog;
mod price;
mod provider;
mod streamed_response;
mod targets;
mod try_it;

use leptos::prelude::*;

use super::{SettingsPage, card_search::CardSearch, loaded_view};
use crate::{api::providers::list_providers, routes};
use add_models::AddModelsDialog;
use alias::AliasDialog;
use aliases::Aliases;
use card::ProviderCard;
use delete::DeleteDialog;
use latchkey_types::{
    error::Error,
    id::ModelId,
    names::lowercase,
    provider::{ProviderList, ProviderRow},
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
    select::Choice,
    toast::{ToastText, use_toasts},
};
use model::ModelDialog;
use open_dialog::OpenDialog;
use provider::{AddProviderDialog, EditProviderDialog};
use try_it::{EXAMPLE, TryDialog};

/// With more providers, their models are folded at first.
const UNFOLDED_MAX: usize = 4;

/// The known providers with a button of their own while there is no provider.
const FIRST_CHOICES: [(&str, &str); 2] = [("Add OpenAI", "OpenAI"), ("Add Anthropic", "Anthropic")];

type ProvidersResource = OnceResource<Result<ProviderList, Error>>;

/// The names of all models of the organization.
type ModelNames = Memo<Vec<(ModelId, String)>>;

/// Providers of language models with their models and keys, and aliases.
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
    let prompt = RwSignal::new(EXAMPLE.to_owned());
    let dialogs = use_dialogs::<OpenDialog>();

    // Actions
    let reload = Callback::new(move |()| list.refetch(list_providers));
    let done = dialogs.done(move |message: ToastText| {
        toasts.success(message);
        reload.run(());
    });
    let add = dialogs.opener(OpenDialog::AddProvider(""));
    let try_it = dialogs.opener(OpenDialog::Try(String::new()));

    // View
    let providers = list.rows(|list| &list.providers, |provider| provider.id);
    let aliases = list.rows(|list| &list.aliases, |alias| alias.id);
    let count = Memo::new(move |_| list.with(|list| list.providers.len()));
    let names: ModelNames = Memo::new(move |_| list.with(names_of));
    let unfolded = count.get_untracked() <= UNFOLDED_MAX;
    let matching = Memo::new(move |_| search.with(|search| list.with(|list| list.providers.iter().filter(|row| matches(row, search)).count())));
    let has_models = Memo::new(move |_| names.with(|names| !names.is_empty()));
    let price_date = move || list.with(|list| list.price_date.clone());
    let data = move || untrack(|| list.with(ProviderList::clone));
    view! {
        <PageActions>
            <Show when=move || has_models.get()><Button label="Try it" on_click=try_it/></Show>
            <Button label="Add provider" variant=ButtonVariant::Primary on_click=add/>
        </PageActions>
        <PageLead text="Connect LLM providers and choose the general key each one uses. A model can use its own." docs="/docs/models"/>
        {move || list.error().get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=reload/> })}
        <CardSearch search placeholder="Provider or model" count matching nouns=("provider", "providers")/>
        <Show when=move || !providers.is_empty() fallback=move || view! { <NoProviders dialogs/> }>
            <div class="providers">
                <ForRows rows=providers let(provider)><ProviderCard provider search unfolded names reload dialogs/></ForRows>
            </div>
        </Show>
        <Show when=move || has_models.get() || !aliases.is_empty()>
            <Aliases aliases names dialogs/>
            <p class="provider-prices">"Built-in prices as of " {price_date} ". A model’s own price replaces them."</p>
        </Show>
        {dialogs.render(move |open| dialog(open, data(), prompt, dialogs.dismiss, done))}
    }
}

#[component]
fn NoProviders(dialogs: Dialogs<OpenDialog>) -> impl IntoView {
    let choice = move |(label, known)| view! { <Button label=label on_click=dialogs.opener(OpenDialog::AddProvider(known))/> };
    view! {
        <EmptyState glyph=Glyph::Plug title="No providers yet" text="Connect OpenAI, Anthropic or any compatible API, and choose its key.">
            {FIRST_CHOICES.into_iter().map(choice).collect_view()}
            <Button label="Add another provider" on_click=dialogs.opener(OpenDialog::AddProvider(""))/>
        </EmptyState>
    }
}

/// Whether the name of a provider or of one of its models contains the search.
fn matches(provider: &ProviderRow, search: &str) -> bool {
    let search = lowercase(search);
    let contains = |name: &str| lowercase(name).contains(&search);
    contains(&provider.name) || provider.models.iter().any(|model| contains(&model.name) || contains(&model.upstream_name))
}

fn names_of(list: &ProviderList) -> Vec<(ModelId, String)> {
    list.providers.iter().flat_map(|provider| &provider.models).map(|model| (model.id, model.name.clone())).collect()
}

/// The name of a model; a dash if it is not in the list.
fn name_of(names: &[(ModelId, String)], id: ModelId) -> String {
    names.iter().find(|(other, _)| *other == id).map_or_else(|| "–".to_owned(), |(_, name)| name.clone())
}

/// Options for a model, with the names of their providers. Without one model, which can't be chosen for itself.
fn model_choices(list: &ProviderList, except: Option<ModelId>) -> Vec<Choice> {
    let of_provider = |provider: &ProviderRow| {
        let models = provider.models.iter().filter(|model| Some(model.id) != except);
        models.map(|model| (model.id.to_string(), format!("{} ({})", model.name, provider.name))).collect::<Vec<_>>()
    };
    let mut choices: Vec<Choice> = list.providers.iter().flat_map(of_provider).collect();
    choices.sort_by(|one, other| one.1.cmp(&other.1));
    choices
}

/// `prompt` is the last one of `Try it`.
fn dialog(open: OpenDialog, list: ProviderList, prompt: RwSignal<String>, on_dismiss: Callback<()>, on_done: Callback<ToastText>) -> AnyView {
    let models = |except| model_choices(&list, except);
    match open {
        OpenDialog::AddProvider(known) => view! { <AddProviderDialog known keys=list.keys on_dismiss on_done/> }.into_any(),
        OpenDialog::EditProvider(provider) => view! { <EditProviderDialog provider keys=list.keys on_dismiss on_done/> }.into_any(),
        OpenDialog::AddModels(provider) => view! { <AddModelsDialog provider keys=list.keys on_dismiss on_done/> }.into_any(),
        OpenDialog::EditModel(model) => {
            let models = models(Some(model.id));
            view! { <ModelDialog model price_date=list.price_date keys=list.keys models on_dismiss on_done/> }.into_any()
        }
        OpenDialog::AddAlias => view! { <AliasDialog alias=None models=models(None) on_dismiss on_done/> }.into_any(),
        OpenDialog::EditAlias(alias) => view! { <AliasDialog alias=Some(alias) models=models(None) on_dismiss on_done/> }.into_any(),
        OpenDialog::Delete(target) => view! { <DeleteDialog target on_dismiss on_done/> }.into_any(),
        OpenDialog::Try(selected) => view! { <TryDialog list selected prompt on_dismiss/> }.into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::provider::{ApiStyle, KeyLinkState, ModelRow, PriceSource, RecentCalls};

    fn provider() -> ProviderRow {
        ProviderRow {
            id: "prv_0193456789ab7cdef0123456789abcde".parse().unwrap(),
            name: "OpenAI".to_owned(),
            style: ApiStyle::Openai,
            base_url: String::new(),
            credential_header: None,
            link: KeyLinkState::Nothing,
            models: vec![ModelRow {
                id: "mdl_0193456789ab7cdef0123456789abcde".parse().unwrap(),
                name: "GPT-5".to_owned(),
                upstream_name: "deployment-7".to_owned(),
                link: KeyLinkState::Nothing,
                price: PriceSource::Unknown,
                context_tokens: None,
                output_tokens: None,
                has_own_limits: false,
                allow_unpriced: false,
                fallbacks: Vec::new(),
                recent: RecentCalls::default(),
            }],
            last_error: None,
            recent: RecentCalls::default(),
        }
    }

    #[test]
    fn providers_are_found_by_their_name_and_their_models() {
        for (search, is_found) in [("", true), ("openai", true), ("gpt", true), ("Deployment", true), ("claude", false)] {
            assert_eq!(matches(&provider(), search), is_found, "{search}");
        }
    }

    #[test]
    fn a_model_is_no_choice_for_itself() {
        let list = ProviderList { providers: vec![provider()], aliases: Vec::new(), keys: Vec::new(), price_date: String::new() };
        let names = names_of(&list);
        let id = names[0].0;
        assert_eq!(name_of(&names, id), "GPT-5");
        assert_eq!(name_of(&[], id), "–");
        assert_eq!(model_choices(&list, None), [(id.to_string(), "GPT-5 (OpenAI)".to_owned())]);
        assert_eq!(model_choices(&list, Some(id)), []);
    }
}
