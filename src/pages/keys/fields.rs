//! The form fields of an API key. The kind's specification decides which fields exist.

use leptos::prelude::*;

use super::{
    corpora_field::parse_corpora,
    expiry_field::{ExpiryChange, ExpiryFields, check_expiry},
    limits::{self, LimitFormValues, map_line_errors},
    limits_section::LimitsSection,
    metadata::{MetadataField, check_metadata},
    models::{self, ModelsSection, map_model_errors},
    scope_fields::{ScopeFields, check_scopes},
};
use latchkey_types::{
    account::Viewer,
    budget::ModelAccessPatch,
    error::Error,
    key::{CreateKeyRequest, KeyPatch, KeyRow, RequestedExpiry},
    key_kind::{Editable, Expiry, KindSpec, ScopeRule},
    limits::Limits,
    validate,
};
use latchkey_ui::{field::Field, form::Form};

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
    /// Empty if the kind can't call language models.
    pub models: ModelAccessPatch,
}

/// The lists that were sent: the server's errors about their entries are shown at the fields that contain them.
pub(super) struct SentLists {
    limits: LimitFormValues,
    models: ModelAccessPatch,
}

impl SentLists {
    pub(super) fn map_error(&self, error: Error) -> Error {
        map_model_errors(map_line_errors(error, &self.limits), &self.models)
    }
}

impl KeyFormValues {
    pub(super) fn lists(&self) -> SentLists {
        SentLists { limits: self.limits.clone(), models: self.models.clone() }
    }

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
            address_rate_limits: self.limits.address_rate_limits,
            credits: self.limits.credits,
            allowed_ips: self.limits.allowed_ips,
            allowed_origins: self.limits.allowed_origins,
            model_access: self.models,
        }
    }

    /// The changes that the kind allows. `before` is the key's current limits.
    fn into_patch(self, spec: &KindSpec, before: &Limits) -> KeyPatch {
        let name = Some(self.name);
        match spec.editable {
            Editable::All => KeyPatch {
                name,
                expiry: self.expiry_change.new_expiry(),
                scopes: self.scopes,
                external_id: self.external_id,
                metadata: self.metadata,
                model_access: self.models,
                ..self.limits.into_patch(before)
            },
            Editable::NameAndLimits => KeyPatch { name, model_access: self.models, ..self.limits.into_patch(before) },
            _ => KeyPatch { name, ..KeyPatch::default() },
        }
    }
}

/// Validates the fields of a key to edit. Returns the changes, and the lists among them.
pub(super) fn check_patch(form: Form, spec: &KindSpec, before: &KeyRow) -> Option<(KeyPatch, SentLists)> {
    if spec.editable == Editable::Limits {
        let limits = limits::check(form, &before.limits)?;
        return Some((limits.clone().into_patch(&before.limits), SentLists { limits, models: ModelAccessPatch::default() }));
    }
    let values = check(form, spec, Some(before))?;
    let lists = values.lists();
    Some((values.into_patch(spec, &before.limits), lists))
}

/// Validates all fields, so that all errors are shown together. `before` is the key to edit, or `None` for a new one.
pub(super) fn check(form: Form, spec: &KindSpec, before: Option<&KeyRow>) -> Option<KeyFormValues> {
    let no_limits = Limits::default();
    let name = form.check("name", validate::name);
    let external_id = if spec.has_annotations { form.check("external_id", check_external_id).map(Some) } else { Some(None) };
    let scopes = check_scopes(form, spec.scope_rule);
    let expiry_change = match spec.expiry {
        Expiry::Chosen | Expiry::ChosenOrNever => check_expiry(form),
        Expiry::Never | Expiry::Days(_) => Some(ExpiryChange::Set(RequestedExpiry::KindDefault)),
    };
    let corpora = if spec.scope_rule == ScopeRule::Corpora { form.check_group("corpora", parse_corpora) } else { Some(Vec::new()) };
    let metadata = if spec.has_annotations { form.check("metadata", check_metadata).map(Some) } else { Some(None) };
    let limits = if spec.has_limits { limits::check(form, before.map_or(&no_limits, |key| &key.limits)) } else { Some(LimitFormValues::default()) };
    let models =
        if spec.can_call_models { models::check(form, spec, before.map(|key| &key.model_access)) } else { Some(ModelAccessPatch::default()) };
    Some(KeyFormValues {
        name: name?,
        expiry_change: expiry_change?,
        scopes: scopes.map(|scopes| (spec.scope_rule != ScopeRule::None).then_some(scopes))?,
        corpora: corpora?,
        external_id: external_id?,
        metadata: metadata?,
        limits: limits?,
        models: models?,
    })
}

/// It may be empty.
fn check_external_id(field: &str, typed: &str) -> Result<String, Error> {
    if typed.trim().is_empty() { Ok(String::new()) } else { validate::name(field, typed) }
}

/// The form fields for a kind of key.
#[component]
pub(super) fn KeyFields(
    form: Form,
    spec: &'static KindSpec,
    /// The current user.
    viewer: Viewer,
    /// See [`ScopeFields`].
    scopes_in_use: Vec<String>,
    /// The key to edit, or `None` to create one.
    key: Option<KeyRow>,
) -> AnyView {
    match key {
        Some(key) if spec.editable == Editable::Limits => view! { <OnlyLimits form spec key/> }.into_any(),
        key => view! { <AllFields form spec viewer scopes_in_use key/> }.into_any(),
    }
}

/// The fields of a key of which only the limits can be edited.
#[component]
fn OnlyLimits(form: Form, spec: &'static KindSpec, key: KeyRow) -> impl IntoView {
    view! {
        <p><strong class="quoted">{key.name}</strong> " " <code class="key-mask">{key.mask}</code></p>
        <LimitsSection form spec limits=key.limits is_only=true/>
    }
}

/// All fields of the kind.
#[component]
fn AllFields(form: Form, spec: &'static KindSpec, viewer: Viewer, scopes_in_use: Vec<String>, key: Option<KeyRow>) -> impl IntoView {
    let list = spec.list_spec();
    let is_new = key.is_none();
    let hint = if is_new { list.name_hint } else { "The secret doesn’t change." };
    let expires_at = key.as_ref().and_then(|key| key.expires_at);
    let (access, state) = key.as_ref().map(|key| (key.model_access.clone(), key.budget)).unzip();
    let state = state.flatten();
    let (name, scopes, external_id, metadata, limits) = key.map_or_else(Default::default, |key| {
        (key.name, key.scopes, key.external_id.unwrap_or_default(), key.metadata.unwrap_or_default(), key.limits)
    });
    let name = view! { <Field form name="name" label=list.name_label value=name hint autofocus=true/> };
    let name_fields = if spec.has_annotations {
        view! {
            <div class="field-row">
                {name}
                <Field form name="external_id" label="External ID" value=external_id optional=true hint="Your own ID for the owner, e.g. user_123"/>
            </div>
        }
        .into_any()
    } else {
        name.into_any()
    };
    let expiry_fields = matches!(spec.expiry, Expiry::Chosen | Expiry::ChosenOrNever)
        .then(|| view! { <ExpiryFields form allow_never=spec.expiry == Expiry::ChosenOrNever allow_keep=!is_new current=expires_at/> }.into_any());
    let models = spec.can_call_models.then(|| view! { <ModelsSection form spec access state/> }.into_any());
    let scope_fields = view! { <ScopeFields form rule=spec.scope_rule viewer scopes scopes_in_use/> }.into_any();
    // Scopes of Latchkey's own API have a default, so the required duration stands before them.
    let fields = if spec.scope_rule == ScopeRule::Api { (expiry_fields, Some(scope_fields)) } else { (Some(scope_fields), expiry_fields) };
    let limits = spec.has_limits.then(|| view! { <LimitsSection form spec limits/> }.into_any());
    // Calling models is what an agent key is for.
    let sections = if spec.calls_all_models { (models, limits) } else { (limits, models) };
    view! {
        {name_fields}
        {fields.0}
        {fields.1}
        {spec.has_annotations.then(|| view! { <MetadataField form value=metadata/> })}
        {sections.0}
        {sections.1}
    }
}
