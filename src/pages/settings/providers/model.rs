//! The dialog that edits a model.

use leptos::prelude::*;

use super::{
    price::{self, PriceFields},
    targets::{self, FALLBACKS, TargetFields},
};
use crate::{
    api::providers::edit_model,
    pages::{
        receipt_text::receipt_text,
        settings::key_field::{check_key, key_choices},
    },
};
use latchkey_types::{
    budget::TOKENS_MAX,
    error::Error,
    provider::{AliasTarget, GeneralKey, KeyLinkState, ModelRequest, ModelRow, PRIORITIES},
    provider_rules,
};
use latchkey_ui::{
    checkbox::{CheckboxGroup, CheckboxOption},
    field::{Field, InputKind},
    form::Form,
    form_dialog::FormDialog,
    number::{check_integer_in, check_optional, format_integer},
    select::{Choice, SelectField},
    toast::ToastText,
};

/// Name of the checkbox.
const ALLOW_UNPRICED: &str = "allow_unpriced";

#[component]
pub(super) fn ModelDialog(
    model: ModelRow,
    /// Date of the built-in table of prices.
    price_date: String,
    keys: Vec<GeneralKey>,
    /// The models that can be fallbacks.
    models: Vec<Choice>,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<ToastText>,
) -> impl IntoView {
    let form = Form::new();

    // Data
    let id = model.id;
    let is_unlinked = matches!(model.link, KeyLinkState::Deleted | KeyLinkState::AddressChanged);
    let link = model.link.key().map(|key| key.id.to_string()).unwrap_or_default();
    let (built_in_context, own_context) = if model.has_own_limits { (None, model.context_tokens) } else { (model.context_tokens, None) };
    let text = |tokens: Option<i64>| tokens.map(|tokens| tokens.to_string()).unwrap_or_default();
    let (context_tokens, output_tokens) = (text(own_context), text(model.output_tokens));
    let context_hint = context_hint(built_in_context, own_context.is_some());
    let row = |model| Some(AliasTarget { model, priority: *PRIORITIES.start(), weight: 1 });
    let fallbacks = model.fallbacks.into_iter().map(row).collect();

    // Actions
    let submit = move |()| {
        let request = check(form, is_unlinked);
        let call = request.map(|request| async move { edit_model(id, request).await.map_err(|error| targets::at_list(error, FALLBACKS)) });
        form.send(call, move |saved| on_done.run(receipt_text("Changes saved", &saved)));
    };

    // View
    let allow =
        CheckboxOption { value: "yes".to_owned(), label: "Allow calls although their cost is unknown".to_owned(), checked: model.allow_unpriced };
    view! {
        <FormDialog title="Edit model" form submit="Save" wide=true on_submit=submit on_dismiss>
            <div class="field-row">
                <Field form name="name" label="Name" value=model.name hint="The name that your callers use, e.g. gpt-5" autofocus=true/>
                <Field form name="upstream_name" label="Name at the provider" value=model.upstream_name optional=true
                    hint="Blank: same as the name"/>
            </div>
            <SelectField form name="key" label="Key" options=own_key_choices(is_unlinked, keys) value=link/>
            <PriceFields form before=model.price price_date/>
            <CheckboxGroup form name=ALLOW_UNPRICED label="Without a price" options=vec![allow]/>
            <div class="field-row">
                <Field form name="context_tokens" label="Context in tokens" kind=InputKind::Number value=context_tokens optional=true hint=context_hint/>
                <Field form name="output_tokens" label="Longest output in tokens" kind=InputKind::Number value=output_tokens optional=true
                    hint="Blank: as many as the context"/>
            </div>
            <TargetFields form list=FALLBACKS models before=fallbacks/>
        </FormDialog>
    }
}

/// What applies if the field for the context is empty. With an own value, the built-in one is not known here.
fn context_hint(built_in: Option<i64>, is_own: bool) -> String {
    match built_in {
        Some(tokens) => format!("Blank: the built-in limit ({})", format_integer(tokens)),
        None if is_own => "Blank: the built-in limit, if there is one".to_owned(),
        None => "There is no built-in limit for this model".to_owned(),
    }
}

/// The provider's key of a model that has lost its own one.
const PROVIDERS_KEY: &str = "provider";

/// A model that has lost its own key stays without one until a key is chosen: that of the provider may be billed to somebody else.
fn own_key_choices(is_unlinked: bool, keys: Vec<GeneralKey>) -> Vec<Choice> {
    if !is_unlinked {
        return key_choices("The provider’s key", keys);
    }
    let mut choices = key_choices("No key", keys);
    choices.insert(1, (PROVIDERS_KEY.to_owned(), "The provider’s key".to_owned()));
    choices
}

fn check(form: Form, is_unlinked: bool) -> Option<ModelRequest> {
    let name = form.check("name", provider_rules::model_name);
    let keeps_unlinked = is_unlinked && form.value("key").is_empty();
    let key = form.check("key", |field, chosen| if is_unlinked && chosen == PROVIDERS_KEY { Ok(None) } else { check_key(field, chosen) });
    let price = form.record(price::read(form));
    let context_tokens = form.check("context_tokens", tokens);
    let output_tokens = form.check("output_tokens", tokens);
    let fallbacks = form.record(targets::read(form, FALLBACKS));
    Some(ModelRequest {
        name: name?,
        upstream_name: form.value("upstream_name").trim().to_owned(),
        key: key?,
        keeps_unlinked,
        price: price?,
        context_tokens: context_tokens?,
        output_tokens: output_tokens?,
        allow_unpriced: !form.checked_values(ALLOW_UNPRICED).is_empty(),
        fallbacks: fallbacks?.into_iter().map(|target| target.model).collect(),
    })
}

/// Parses an optional number of tokens.
fn tokens(field: &str, typed: &str) -> Result<Option<i64>, Error> {
    check_optional(field, typed, |field, typed| check_integer_in(field, typed, 1..=TOKENS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_tokens_can_have_separators() {
        assert_eq!(tokens("context_tokens", " 400,000 "), Ok(Some(400_000)));
        assert_eq!(tokens("context_tokens", ""), Ok(None));
        for bad in ["0", "-1", "1.5", "1,5", "many", "1000000000001"] {
            assert!(tokens("context_tokens", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_model_without_its_own_key_is_not_given_another_one() {
        let first = |is_unlinked| own_key_choices(is_unlinked, Vec::new()).swap_remove(0);
        assert_eq!(first(true), (String::new(), "No key".to_owned()));
        assert_eq!(first(false), (String::new(), "The provider’s key".to_owned()));
    }

    #[test]
    fn the_built_in_limit_is_named() {
        assert_eq!(context_hint(Some(400_000), false), "Blank: the built-in limit (400,000)");
        assert_eq!(context_hint(None, true), "Blank: the built-in limit, if there is one");
        assert_eq!(context_hint(None, false), "There is no built-in limit for this model");
    }
}
