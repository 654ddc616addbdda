//! The dialog that adds models to a provider: from the provider's own list, or by name.

use leptos::{prelude::*, task::spawn_local};

use crate::{
    api::providers::{create_model, offered_models},
    pages::{
        dollars::price_of_tokens,
        settings::key_field::{check_key, key_choices},
    },
};
use latchkey_types::{
    error::Error,
    id::{CredentialId, ProviderId},
    provider::{GeneralKey, ModelRequest, ModelRow, OfferedModel, ProviderRow},
    provider_rules,
};
use latchkey_ui::{
    checkbox::{CheckboxList, CheckboxOption},
    field::Field,
    form::Form,
    form_dialog::FormDialog,
    icon::{Glyph, Icon},
    number::{format_count, pluralize_count},
    select::SelectField,
    toast::ToastText,
};

/// Name of the checkboxes.
const OFFERED: &str = "offered";

/// Number of models that are named if they could not be added.
const NAMED_MAX: usize = 3;

/// A model to add, and the field at which its error is shown.
struct NewModel {
    request: ModelRequest,
    field: &'static str,
}

#[component]
pub(super) fn AddModelsDialog(
    provider: ProviderRow,
    keys: Vec<GeneralKey>,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<ToastText>,
) -> impl IntoView {
    let form = Form::new();
    let ProviderRow { id, name, models, .. } = provider;
    let offered = RwSignal::new(None::<Result<Vec<OfferedModel>, Error>>);
    spawn_local(async move {
        let response = offered_models(id).await;
        let _ = offered.try_set(Some(response));
    });
    let submit = move |()| {
        let models = check(form);
        form.send(models.map(|models| add_all(id, models)), move |message| on_done.run(message.into()));
    };
    let list = move || match offered.get() {
        None => view! { <p class="field-hint offered-loading" role="status">"Loading the provider’s list of models…"</p> }.into_any(),
        Some(Ok(offered)) => offered_view(form, options(offered, &models)),
        Some(Err(error)) => view! {
            <p class="caution"><Icon glyph=Glyph::Warning/><span>"The provider’s list of models can’t be read: " {error.to_string()}</span></p>
        }
        .into_any(),
    };
    view! {
        <FormDialog title=format!("Add model to {name}") form submit="Add model" wide=true on_submit=submit on_dismiss>
            {list}
            <div class="field-row">
                <Field form name="name" label="Name" hint="The name that your callers use, e.g. gpt-5" autofocus=true/>
                <Field form name="upstream_name" label="Name at the provider" optional=true hint="Only if it differs"/>
            </div>
            <SelectField form name="key" label="Key" options=key_choices("The provider’s key", keys)/>
        </FormDialog>
    }
}

/// The models of the provider's list that are not added yet.
fn options(offered: Vec<OfferedModel>, models: &[ModelRow]) -> Vec<CheckboxOption> {
    let is_new = |offered: &OfferedModel| models.iter().all(|model| model.upstream_name != offered.name);
    let option = |offered: OfferedModel| {
        let price = offered.price.as_ref().map(|price| format!(" ({})", price_of_tokens(price))).unwrap_or_default();
        CheckboxOption { label: format!("{}{price}", offered.name), value: offered.name, checked: false }
    };
    offered.into_iter().filter(is_new).map(option).collect()
}

fn offered_view(form: Form, options: Vec<CheckboxOption>) -> AnyView {
    if options.is_empty() {
        return view! { <p class="field-hint">"All models in the provider’s list are already added."</p> }.into_any();
    }
    view! { <CheckboxList form name=OFFERED label="Models of the provider" options hint="With the price per million tokens, if it is known."/> }
        .into_any()
}

/// Validates all fields. At least one model has to be checked or named.
fn check(form: Form) -> Option<Vec<NewModel>> {
    let checked = form.checked_values(OFFERED);
    let key = form.check("key", check_key);
    let is_named = !form.value("name").trim().is_empty() || !form.value("upstream_name").trim().is_empty() || checked.is_empty();
    let named = if is_named { form.check("name", provider_rules::model_name).map(Some) } else { Some(None) };
    let (key, named) = (key?, named?);
    let request =
        |name: String, upstream_name: String, key: Option<CredentialId>| ModelRequest { name, upstream_name, key, ..ModelRequest::default() };
    let from_list = checked.into_iter().map(|name| NewModel { request: request(name, String::new(), key), field: OFFERED });
    let typed = named.map(|name| NewModel { request: request(name, form.value("upstream_name").trim().to_owned(), key), field: "name" });
    Some(from_list.chain(typed).collect())
}

/// Adds models one after the other. Returns the toast text; fails only if none was added.
async fn add_all(provider: ProviderId, models: Vec<NewModel>) -> Result<String, Error> {
    let (mut added, mut failed, mut fatal) = (0_usize, Vec::new(), None::<Error>);
    for NewModel { request, field } in models {
        let name = request.name.clone();
        // For example without a session: the others would fail too.
        let result = match fatal.clone() {
            Some(error) => Err(error),
            None => create_model(provider, request).await,
        };
        match result {
            Ok(_) => added += 1,
            Err(error) => {
                fatal = fatal.or_else(|| error.field_error().is_none().then(|| error.clone()));
                failed.push((name, field, error));
            }
        }
    }
    match fatal {
        Some(error) if added == 0 => Err(error),
        _ => outcome(added, failed),
    }
}

fn outcome(added: usize, mut failed: Vec<(String, &'static str, Error)>) -> Result<String, Error> {
    let text = |(name, _, error): &(String, &'static str, Error)| format!("{name}: {error}");
    let others = failed.len().saturating_sub(NAMED_MAX);
    let others = (others > 0).then(|| format!("{} more failed.", format_count(others)));
    let texts = failed.iter().take(NAMED_MAX).map(text).chain(others).collect::<Vec<_>>().join(" ");
    match (added, failed.len()) {
        (1, 0) => Ok("Model added".to_owned()),
        (added, 0) => Ok(format!("{} added", pluralize_count(added, "model", "models"))),
        (0, 1) => {
            let (_, field, error) = failed.remove(0);
            let is_at_list = field == OFFERED && error.field_error().is_some();
            Err(if is_at_list { Error::invalid(OFFERED, texts) } else { error })
        }
        (0, _) => Err(Error::invalid(failed[0].1, texts)),
        (added, _) => Ok(format!("{} added. Not added: {texts}", pluralize_count(added, "model", "models"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::{
        budget::ModelPrice,
        provider::{KeyLinkState, PriceSource, RecentCalls},
    };

    fn taken(name: &str, field: &'static str) -> (String, &'static str, Error) {
        (name.to_owned(), field, Error::conflict("name", "This name is taken."))
    }

    #[test]
    fn what_was_not_added_is_named() {
        assert_eq!(outcome(1, Vec::new()), Ok("Model added".to_owned()));
        assert_eq!(outcome(3, Vec::new()), Ok("3 models added".to_owned()));
        assert_eq!(outcome(2, vec![taken("a", OFFERED)]), Ok("2 models added. Not added: a: This name is taken.".to_owned()));
        assert_eq!(outcome(0, vec![taken("a", "name")]), Err(Error::conflict("name", "This name is taken.")));
        assert_eq!(outcome(0, vec![taken("a", OFFERED)]), Err(Error::invalid(OFFERED, "a: This name is taken.")));
        assert_eq!(outcome(0, vec![(String::new(), OFFERED, Error::SignedOut)]), Err(Error::SignedOut));
        let both = Error::invalid(OFFERED, "a: This name is taken. b: This name is taken.");
        assert_eq!(outcome(0, vec![taken("a", OFFERED), taken("b", "name")]), Err(both));
        let many = outcome(1, ["a", "b", "c", "d", "e"].map(|name| taken(name, OFFERED)).into());
        let three = "a: This name is taken. b: This name is taken. c: This name is taken.";
        assert_eq!(many, Ok(format!("1 model added. Not added: {three} 2 more failed.")));
    }

    #[test]
    fn only_models_that_are_not_added_are_offered() {
        let offered = |name: &str, price| OfferedModel { name: name.to_owned(), price };
        let price = ModelPrice { input: 1_000_000_000, output: 2_000_000_000, ..ModelPrice::default() };
        let added = ModelRow {
            id: "mdl_0193456789ab7cdef0123456789abcde".parse().unwrap(),
            name: "fast".to_owned(),
            upstream_name: "gpt-5-mini".to_owned(),
            link: KeyLinkState::Nothing,
            price: PriceSource::Unknown,
            context_tokens: None,
            output_tokens: None,
            has_own_limits: false,
            allow_unpriced: false,
            fallbacks: Vec::new(),
            recent: RecentCalls::default(),
        };
        let options = options(vec![offered("gpt-5", Some(price)), offered("gpt-5-mini", None), offered("whisper", None)], &[added]);
        let texts: Vec<_> = options.iter().map(|option| (option.value.as_str(), option.label.as_str())).collect();
        assert_eq!(texts, [("gpt-5", "gpt-5 ($1.00 in, $2.00 out)"), ("whisper", "whisper")]);
    }
}
