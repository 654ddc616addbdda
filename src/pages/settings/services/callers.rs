//! The kinds of keys that may call a service, and the scope that they must have.

use leptos::prelude::*;

use latchkey_types::{
    key_kind::KeyKind,
    permission::{Permission, Scope},
    project::IN_PROJECT,
    service::{CALLER_KINDS, ServiceCaller},
};
use latchkey_ui::{
    field::Field,
    form::Form,
    form_field::{FieldAria, FieldTexts, field_group},
    select::{Choice, SelectField},
};

/// Name of the checkboxes.
const CALLERS: &str = "callers";

/// The callers in one line; empty if there are none.
pub(super) fn describe(callers: &[ServiceCaller]) -> String {
    let text = |caller: &ServiceCaller| match &caller.scope {
        Some(scope) => format!("{} with {}", label(caller.kind), scope_label(caller.kind, scope)),
        None => label(caller.kind).to_owned(),
    };
    callers.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// Reads the callers. Their scopes are not validated.
pub(super) fn read(form: Form) -> Vec<ServiceCaller> {
    let checked = form.checked_values(CALLERS);
    let kinds = CALLER_KINDS.into_iter().filter(|kind| checked.iter().any(|value| value == kind.as_str()));
    let scope_of = |kind| scope_field_name(kind).map(|name| form.value(name).trim().to_owned()).filter(|scope| !scope.is_empty());
    kinds.map(|kind| ServiceCaller { kind, scope: scope_of(kind) }).collect()
}

const fn label(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Internal => "Internal keys",
        KeyKind::Client => "Client keys",
        KeyKind::Corpus => "Corpus keys",
        KeyKind::Agent => "Agent keys",
        KeyKind::Project => "Project keys",
    }
}

/// The name of the field for the scope; `None` for kinds without scopes.
const fn scope_field_name(kind: KeyKind) -> Option<&'static str> {
    match kind {
        KeyKind::Client => Some("callers.client"),
        KeyKind::Internal => Some("callers.internal"),
        KeyKind::Project => Some("callers.project"),
        KeyKind::Agent | KeyKind::Corpus => None,
    }
}

/// The scopes of project keys are permissions.
fn scope_label(kind: KeyKind, scope: &str) -> String {
    let permission = if kind == KeyKind::Project { scope.parse::<Permission>().ok() } else { None };
    permission.map_or(scope, |permission| permission.label()).to_owned()
}

/// A checkbox for each kind, with the scope of a kind that is checked.
#[component]
pub(super) fn CallerFields(
    form: Form,
    /// The current callers.
    before: Vec<ServiceCaller>,
) -> impl IntoView {
    let texts = FieldTexts::from(Some("Other keys, and keys without the scope, are refused.".to_owned()));
    field_group(form, CALLERS, "Callers", texts, move |FieldAria { invalid, .. }| {
        let caller_field = |kind: KeyKind| {
            let before = before.iter().find(|caller| caller.kind == kind).cloned();
            view! { <CallerField form kind before invalid/> }
        };
        view! { <div class="service-callers">{CALLER_KINDS.into_iter().map(caller_field).collect_view()}</div> }.into_any()
    })
}

#[component]
fn CallerField(
    form: Form,
    kind: KeyKind,
    /// The current caller; `None` if the kind may not call the service.
    before: Option<ServiceCaller>,
    invalid: Signal<Option<&'static str>>,
) -> impl IntoView {
    let is_caller = before.is_some();
    let is_checked = RwSignal::new(is_caller);
    let scope = before.and_then(|caller| caller.scope).unwrap_or_default();
    let scope_field = move || if is_checked.get() { scope_field(form, kind, scope.clone()) } else { None };
    view! {
        <div role="group" aria-label=label(kind)>
            <label class="check">
                <input type="checkbox" class="checkbox" name=CALLERS value=kind.as_str() checked=is_caller aria-invalid=invalid
                    on:change:target=move |event| is_checked.set(event.target().checked())/>
                <span>{label(kind)}</span>
            </label>
            {scope_field}
        </div>
    }
}

/// The field for the scope of a kind's keys; nothing for kinds without scopes.
fn scope_field(form: Form, kind: KeyKind, scope: String) -> Option<AnyView> {
    let name = scope_field_name(kind)?;
    let field = match kind {
        KeyKind::Internal => {
            let options = with_any(Scope::ALL.iter().map(|scope| (scope.as_str(), scope.as_str())));
            view! { <SelectField form name label="Scope" options value=scope/> }.into_any()
        }
        KeyKind::Project => {
            let options = with_any(IN_PROJECT.iter().map(|permission| (permission.as_str(), permission.label())));
            view! { <SelectField form name label="Permission" options value=scope/> }.into_any()
        }
        KeyKind::Client | KeyKind::Agent | KeyKind::Corpus => view! { <Field form name label="Scope" value=scope optional=true/> }.into_any(),
    };
    Some(view! { <div class="access-levels">{field}</div> }.into_any())
}

/// Options with their labels, after one for no requirement.
fn with_any(options: impl Iterator<Item = (&'static str, &'static str)>) -> Vec<Choice> {
    std::iter::once(("", "Any")).chain(options).map(|(value, label_text)| (value.to_owned(), label_text.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::service::SCOPED_CALLER_KINDS;

    #[test]
    fn callers_are_described_with_their_scope() {
        let caller = |kind, scope: Option<&str>| ServiceCaller { kind, scope: scope.map(str::to_owned) };
        let callers = [
            caller(KeyKind::Client, Some("orders:read")),
            caller(KeyKind::Agent, None),
            caller(KeyKind::Internal, Some("gateway:read")),
            caller(KeyKind::Project, Some("view_project")),
        ];
        assert_eq!(describe(&callers), "Client keys with orders:read, Agent keys, Internal keys with gateway:read, Project keys with View Project");
        assert_eq!(describe(&[]), "");
    }

    #[test]
    fn kinds_with_scopes_have_a_field() {
        for kind in CALLER_KINDS {
            assert_eq!(scope_field_name(kind).is_some(), SCOPED_CALLER_KINDS.contains(&kind), "{}", kind.as_str());
        }
    }
}
