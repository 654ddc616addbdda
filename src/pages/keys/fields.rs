//! The form fields of an API key. The kind's specification decides which fields exist.

use js_sys::{Array, JSON, Object};
use leptos::prelude::*;

use super::{
    expiry_field::{ExpiryChange, ExpiryFields, check_expiry},
    limits::{self, LimitFields, LimitFormValues, LimitsPatch},
};
use crate::{api::corpora::corpora, routes};
use latchkey_types::{
    account::Viewer,
    error::Error,
    key::{CorpusRow, CreateKeyRequest, KeyPatch, KeyRow, RequestedExpiry},
    key_kind::{CORPUS_ACCESS, Editable, Expiry, KindSpec, ScopeRule},
    limits::{Limits, METADATA_MAX},
    permission::{Permission, Scope},
    validate,
};
use latchkey_ui::{
    checkbox::{CheckboxGroup, CheckboxOption},
    field::{Field, TextArea},
    form::Form,
    icon::{Glyph, Icon},
    message::Alert,
    select::SelectField,
    suspend::suspend,
};

/// The validated form values.
pub(super) struct KeyFormValues {
    pub name: String,
    /// The expiry.
    pub expiry_change: ExpiryChange,
    /// `None` if the kind has no scopes.
    pub scopes: Option<Vec<String>>,
    /// The corpora that it gives access to.
    pub corpora: Vec<i64>,
    /// `None` if the kind has no external id.
    pub external_id: Option<String>,
    /// JSON. `None` if the kind has no metadata.
    pub metadata: Option<String>,
    /// Empty if the kind has no limits.
    pub limits: LimitFormValues,
}

impl KeyFormValues {
    pub(super) fn into_request(self, spec: &KindSpec) -> CreateKeyRequest {
        CreateKeyRequest {
            kind: spec.kind,
            name: self.name,
            expiry: self.expiry_change.new_expiry().unwrap_or_default(),
            scopes: self.scopes,
            corpora: self.corpora,
            external_id: self.external_id,
            metadata: self.metadata,
            rate_limits: self.limits.rate_limits,
            credits: self.limits.credits,
            allowed_ips: self.limits.allowed_ips,
        }
    }

    /// The changes that the kind allows. `before` is the key's current limits.
    pub(super) fn into_patch(self, spec: &KindSpec, before: &Limits) -> KeyPatch {
        if spec.editable != Editable::All {
            return KeyPatch { name: Some(self.name), ..KeyPatch::default() };
        }
        let LimitsPatch { rate_limits, credits, allowed_ips } = self.limits.diff(before);
        KeyPatch {
            name: Some(self.name),
            expiry: self.expiry_change.new_expiry(),
            scopes: self.scopes,
            external_id: self.external_id,
            metadata: self.metadata,
            rate_limits,
            credits,
            allowed_ips,
        }
    }
}

/// Validates all fields, so that all errors are shown together. `before` is the key's current limits.
pub(super) fn check(form: Form, spec: &KindSpec, before: &Limits) -> Option<KeyFormValues> {
    let name = form.check("name", validate::name);
    let expiry_change = match spec.expiry {
        Expiry::Chosen | Expiry::ChosenOrNever => check_expiry(form),
        Expiry::Never | Expiry::Days(_) => Some(ExpiryChange::Set(RequestedExpiry::KindDefault)),
    };
    let scopes = match spec.scope_rule {
        ScopeRule::None => Some(None),
        ScopeRule::Api => form.check_group("scopes", require_scopes).map(Some),
        ScopeRule::Custom => form.check("scopes", |_, typed| Ok(Some(parse_scopes(typed)))),
        ScopeRule::Corpora => form.check("scopes", |_, chosen| Ok(Some(parse_scopes(chosen)))),
    };
    let corpora = if spec.scope_rule == ScopeRule::Corpora { form.check_group("corpora", parse_corpora) } else { Some(Vec::new()) };
    let external_id = spec.has_annotations.then(|| form.value("external_id"));
    let metadata = if spec.has_annotations { form.check("metadata", check_flat_json).map(Some) } else { Some(None) };
    let limits = if spec.has_limits { limits::check(form, before) } else { Some(LimitFormValues::default()) };
    Some(KeyFormValues {
        name: name?,
        expiry_change: expiry_change?,
        scopes: scopes?,
        corpora: corpora?,
        external_id,
        metadata: metadata?,
        limits: limits?,
    })
}

fn require_scopes(field: &str, checked: Vec<String>) -> Result<Vec<String>, Error> {
    if checked.is_empty() { Err(Error::invalid(field, "Select at least one scope.")) } else { Ok(checked) }
}

fn parse_corpora(field: &str, checked: Vec<String>) -> Result<Vec<i64>, Error> {
    let ids: Vec<_> = checked.iter().filter_map(|id| id.parse().ok()).collect();
    if ids.is_empty() { Err(Error::invalid(field, "Select at least one corpus.")) } else { Ok(ids) }
}

/// Splits scopes at white space and commas.
fn parse_scopes(typed: &str) -> Vec<String> {
    typed.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Validates a flat JSON object or an empty text.
fn check_flat_json(field: &str, typed: &str) -> Result<String, Error> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(String::new());
    }
    if typed.len() > METADATA_MAX {
        return Err(Error::invalid(field, format!("Metadata has {} bytes. Use at most {METADATA_MAX}.", typed.len())));
    }
    let parsed = JSON::parse(typed).ok().filter(|value| value.is_object() && !Array::is_array(value));
    let Some(object) = parsed else {
        return Err(Error::invalid(field, "Enter a JSON object, e.g. {\"plan\": \"pro\"}."));
    };
    let is_flat = Object::values(&Object::from(object)).iter().all(|value| value.is_null() || !value.is_object());
    if is_flat { Ok(typed.to_owned()) } else { Err(Error::invalid(field, "Values must be strings, numbers, booleans or null.")) }
}

/// The form fields for a kind of key.
#[component]
pub(super) fn KeyFields(
    form: Form,
    spec: &'static KindSpec,
    /// The current user.
    viewer: Viewer,
    /// The key to edit, or `None` to create one.
    key: Option<KeyRow>,
) -> impl IntoView {
    let list = spec.list_spec();
    let is_new = key.is_none();
    let (name, scopes, external_id, metadata, limits) = key.map_or_else(Default::default, |key| {
        (key.name, key.scopes.join(" "), key.external_id.unwrap_or_default(), key.metadata.unwrap_or_default(), key.limits)
    });
    let annotations = spec.has_annotations.then(|| {
        view! {
            <Field form name="external_id" label="External ID" value=external_id hint="Your own ID for the owner, e.g. user_123"/>
            <TextArea form name="metadata" label="Metadata" value=metadata hint="Flat JSON returned with every verify response, e.g. {\"plan\": \"pro\"}. 4 KB max."/>
        }
    });
    let expiry_fields = matches!(spec.expiry, Expiry::Chosen | Expiry::ChosenOrNever)
        .then(|| view! { <ExpiryFields form allow_never=spec.expiry == Expiry::ChosenOrNever allow_keep=!is_new/> });
    let hint = if is_new { list.name_hint } else { "The secret doesn’t change." };
    view! {
        <Field form name="name" label=list.name_label value=name hint autofocus=true/>
        {annotations}
        {scope_fields(form, spec.scope_rule, &viewer, scopes)}
        {expiry_fields}
        {spec.has_limits.then(|| view! { <LimitFields form before=limits/> })}
    }
}

fn scope_fields(form: Form, scope_rule: ScopeRule, viewer: &Viewer, scopes: String) -> AnyView {
    match scope_rule {
        ScopeRule::None => ().into_any(),
        ScopeRule::Api => {
            let can_grant = |scope: &&Scope| scope.needs().iter().any(|permission| viewer.can(*permission));
            let tick = |scope: &Scope| CheckboxOption { value: scope.as_str().to_owned(), label: scope_label(*scope).to_owned(), checked: true };
            let options = Scope::ALL.iter().filter(can_grant).map(tick).collect();
            view! { <CheckboxGroup form name="scopes" label="Scopes" options/> }.into_any()
        }
        ScopeRule::Custom => view! {
            <Field form name="scopes" label="Scopes" value=scopes hint="Separate with spaces, e.g. orders:read orders:write"/>
        }
        .into_any(),
        ScopeRule::Corpora => {
            let options = CORPUS_ACCESS.iter().map(|(scopes, label)| (scopes.join(" "), (*label).to_owned())).collect();
            view! {
                <SelectField form name="scopes" label="API access" options/>
                <CorporaField form can_create=viewer.can(Permission::ManageCorpora)/>
                <p class="caution">
                    <Icon glyph=Glyph::Warning/>
                    "Anyone with this key can call on your account’s behalf. The account owner pays for anonymous usage. \
                    Keep it private: don’t share it in e-mail, Slack, Discord, forums or other public channels."
                </p>
            }
            .into_any()
        }
    }
}

/// The label of a scope of Latchkey's own API.
const fn scope_label(scope: Scope) -> &'static str {
    match scope {
        Scope::KeysRead => "View keys — keys:read",
        Scope::KeysWrite => "Create, edit and delete keys — keys:write",
        Scope::CredentialsRead => "View credentials (secrets stay hidden) — credentials:read",
        Scope::CredentialsWrite => "Create, edit and delete credentials — credentials:write",
        Scope::SecretsRead => "Read secrets of projects you manage — secrets:read",
        Scope::Verify => "Verify keys — verify",
    }
}

/// The checkboxes of the corpora, once they are loaded.
#[component]
fn CorporaField(form: Form, can_create: bool) -> impl IntoView {
    let all = OnceResource::new(corpora());
    let none = move || {
        if can_create {
            view! { "No corpora yet. " <a href=routes::CORPORA.path>"Create one in Settings"</a> "." }.into_any()
        } else {
            "No corpora yet. Ask an owner or admin to create one.".into_any()
        }
    };
    let checkboxes = move |corpora: Vec<CorpusRow>| {
        if corpora.is_empty() {
            return view! { <p class="note">{none()}</p> }.into_any();
        }
        let option = |corpus: CorpusRow| CheckboxOption { value: corpus.id.to_string(), label: corpus.name, checked: false };
        view! { <CheckboxGroup form name="corpora" label="Corpora" options=corpora.into_iter().map(option).collect()/> }.into_any()
    };
    view! {
        <Suspense fallback=|| view! { <p role="status">"Loading corpora…"</p> }>
            {suspend(all, checkboxes, |error| view! { <Alert message=error.to_string()/> })}
        </Suspense>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_split_at_white_space_and_commas() {
        assert_eq!(parse_scopes(" read, write\tadmin,,"), ["read", "write", "admin"]);
        assert!(parse_scopes(" , ").is_empty());
    }
}
