//! The section of a key's dialog for language models.

use leptos::{prelude::*, task::spawn_local};

use super::{ALL, LOG_BODIES, NONE, ONLY, Selection, budget_before, format, is_pattern, typed};
use crate::{
    api::{keys::callable_models, organization::read_organization_budgets},
    pages::keys::budget::{self, BudgetChoice, BudgetFields},
};
use latchkey_types::{
    budget::{BudgetState, ModelAccess},
    key_kind::KindSpec,
};
use latchkey_ui::{
    checkbox::{CheckboxGroup, CheckboxOption},
    field::{Field, InputKind},
    form::Form,
    radio::RadioGroup,
    select::{Choice, choices},
    token_field::TokenField,
};

/// The section, closed if nothing is set. Its closed heading summarizes it.
#[component]
pub(crate) fn ModelsSection(
    form: Form,
    spec: &'static KindSpec,
    /// What the key may do now; `None` for a new key.
    access: Option<ModelAccess>,
    /// What is spent of its budget.
    state: Option<BudgetState>,
) -> impl IntoView {
    let is_open = access.as_ref().is_some_and(|access| !access.is_empty());
    let first = access.clone().unwrap_or_default();
    let log = CheckboxOption { value: "yes".to_owned(), label: "Log request and response bodies".to_owned(), checked: first.log_bodies };
    let summary = RwSignal::new(summarize(&first, state.as_ref(), budget_before(spec, access.as_ref()) == BudgetChoice::Default, spec));
    let update = move |_| {
        let (access, is_default) = typed(form, spec);
        summary.set(summarize(&access, None, is_default, spec));
    };
    view! {
        <details class="limits-section" open=is_open on:toggle=update>
            <summary>
                <span>"Models"</span>
                <span class="limits-summary">{move || summary.get()}</span>
            </summary>
            <div class="limits-fields">
                <ModelFields form spec access=access.clone()/>
                <KeyBudget form spec access state/>
                <div class="field-row">
                    <Field form name="tokens_per_minute" label="Tokens per minute" kind=InputKind::Number optional=true
                        value=text(first.tokens_per_minute) hint="Input and output tokens in any minute"/>
                    <Field form name="max_parallel" label="Parallel calls" kind=InputKind::Number optional=true
                        value=text(first.max_parallel) hint="Calls at the same time"/>
                </div>
                <CheckboxGroup form name=LOG_BODIES label="Call log" options=vec![log]
                    hint="Sealed, readable with Read Call Bodies, kept as long as the call log."/>
            </div>
        </details>
    }
}

/// An optional number as the value of a field.
fn text(number: Option<i64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

/// What is set, and the models in any case.
fn summarize(access: &ModelAccess, state: Option<&BudgetState>, is_default: bool, spec: &KindSpec) -> String {
    let models = access.models.clone().unwrap_or_else(|| if spec.calls_all_models { vec![format::ALL.to_owned()] } else { Vec::new() });
    let summary = format::summary(&ModelAccess { models: Some(models), ..access.clone() }, state);
    if is_default { summary + " · default budget" } else { summary }
}

/// Which models the key may call.
#[component]
fn ModelFields(form: Form, spec: &'static KindSpec, access: Option<ModelAccess>) -> impl IntoView {
    let before = Selection::new(access.as_ref().and_then(|access| access.models.as_deref()), spec);
    let chosen = RwSignal::new(before.value().to_owned());
    let is_only = Memo::new(move |_| chosen.with(|value| value == ONLY));
    let patterns = if let Selection::Only(patterns) = before { patterns } else { Vec::new() };
    view! {
        <RadioGroup form name="model_access" label="Models" options=options(spec) chosen/>
        <Show when=move || is_only.get()>
            <ModelNames form patterns=patterns.clone()/>
        </Show>
    }
}

/// The default of the kind first.
fn options(spec: &KindSpec) -> Vec<Choice> {
    let (all, only, none) = ((ALL, "All models"), (ONLY, "Only these"), (NONE, "No models"));
    if spec.calls_all_models { choices(&[all, only, none]) } else { choices(&[none, only, all]) }
}

/// Names or patterns, with the organization's models as suggestions.
#[component]
fn ModelNames(form: Form, patterns: Vec<String>) -> impl IntoView {
    let names = RwSignal::new(Vec::new());
    // Only rendered in the browser, like every dialog. Without suggestions, names can still be typed.
    spawn_local(async move {
        if let Ok(models) = callable_models().await {
            let _ = names.try_set(models.into_iter().map(|model| model.name).collect());
        }
    });
    view! {
        <TokenField form name="models" label="Names" value=patterns is_valid=is_pattern suggestions=names
            hint="Names of models and aliases. An asterisk stands for any characters, e.g. gpt-*"/>
    }
}

/// The key's budget, with what the organization's default is or what is spent.
#[component]
fn KeyBudget(form: Form, spec: &'static KindSpec, access: Option<ModelAccess>, state: Option<BudgetState>) -> impl IntoView {
    let before = budget_before(spec, access.as_ref());
    let note = RwSignal::new(state.as_ref().map(budget::used).unwrap_or_default());
    if before == BudgetChoice::Default {
        spawn_local(async move {
            if let Ok(budgets) = read_organization_budgets().await {
                let text = budgets.agent_budget.map_or_else(|| "No budget".to_owned(), |default| budget::format::budget(&default));
                let _ = note.try_set(text);
            }
        });
    }
    view! { <BudgetFields form before note/> }
}
