//! The fields for the authentication of a service and for its credential.

use leptos::prelude::*;

use latchkey_types::{
    error::Error,
    id::CredentialId,
    key_kind::CredentialKind,
    service::{Injection, InjectionKind, LinkableCredential},
};
use latchkey_ui::{
    field::Field,
    form::Form,
    select::{Choice, SelectField},
};

/// The authentication in a few words, for the card.
pub(super) fn describe(injection: &Injection) -> String {
    let kind = injection.kind().label();
    match injection {
        Injection::Bearer => kind.to_owned(),
        Injection::Header { name } | Injection::Query { name } => format!("{kind} {name}"),
        Injection::Basic { username } if username.is_empty() => kind.to_owned(),
        Injection::Basic { username } => format!("{kind} as {username}"),
        Injection::SigV4 { service, region } => format!("{kind} for {service} in {region}"),
    }
}

/// Reads the authentication. Its parameters are not validated.
pub(super) fn read(form: Form) -> Option<Injection> {
    let typed = |field| form.value(field).trim().to_owned();
    let kind =
        form.check("injection", |field, value| value.parse::<InjectionKind>().map_err(|_| Error::invalid(field, "Choose how the key is sent.")))?;
    Some(match kind {
        InjectionKind::Bearer => Injection::Bearer,
        InjectionKind::Header => Injection::Header { name: typed("injection.name") },
        InjectionKind::Basic => Injection::Basic { username: typed("injection.username") },
        InjectionKind::Query => Injection::Query { name: typed("injection.name") },
        InjectionKind::SigV4 => Injection::SigV4 { service: typed("injection.service"), region: typed("injection.region") },
    })
}

/// The fields for the authentication, its parameters and the credential.
#[component]
pub(super) fn AuthenticationFields(
    form: Form,
    /// The current authentication.
    before: Injection,
    /// The selected authentication.
    chosen: RwSignal<InjectionKind>,
    /// Whether requests are signed.
    is_signed: Memo<bool>,
    /// The credentials that can be selected.
    credentials: Vec<LinkableCredential>,
    /// The current credential.
    linked: Option<CredentialId>,
) -> impl IntoView {
    let kinds = InjectionKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), kind.label().to_owned())).collect();
    let first = before.kind().as_str();
    let choose = move |value: String| {
        if let Ok(kind) = value.parse() {
            chosen.set(kind);
        }
    };
    let credential_field = move || {
        let options = credential_choices(&credentials, is_signed.get());
        let hint = credential_hint(is_signed.get(), options.len() > 1);
        let value = linked.map(|id| id.to_string()).unwrap_or_default();
        view! { <SelectField form name="credential" label="Key" options value hint/> }
    };
    view! {
        <SelectField form name="injection" label="Authentication" options=kinds value=first hint="How the service expects its key." on_change=choose/>
        // Keyed, so that a value typed for one authentication is not kept for another.
        <For each=move || [chosen.get()] key=|kind| *kind let(kind)>{parameter_fields(form, kind, &before)}</For>
        {credential_field}
    }
}

/// The fields of an authentication; empty unless it is the current one.
fn parameter_fields(form: Form, kind: InjectionKind, before: &Injection) -> AnyView {
    let is_current = before.kind() == kind;
    let (first, second) = match before {
        Injection::Header { name } | Injection::Query { name } if is_current => (name.clone(), String::new()),
        Injection::Basic { username } if is_current => (username.clone(), String::new()),
        Injection::SigV4 { service, region } if is_current => (service.clone(), region.clone()),
        _ => Default::default(),
    };
    match kind {
        InjectionKind::Bearer => ().into_any(),
        InjectionKind::Header => view! { <Field form name="injection.name" label="Header name" value=first hint="e.g. x-api-key"/> }.into_any(),
        InjectionKind::Query => view! {
            <Field form name="injection.name" label="Parameter name" value=first
                hint="e.g. api_key. Prefer a header if the service accepts one: URLs end up in logs."/>
        }
        .into_any(),
        InjectionKind::Basic => view! {
            <Field form name="injection.username" label="User name" value=first optional=true hint="The key is sent as the password."/>
        }
        .into_any(),
        InjectionKind::SigV4 => view! {
            <div class="field-row">
                <Field form name="injection.service" label="AWS service" value=first hint="e.g. s3"/>
                <Field form name="injection.region" label="Region" value=second hint="e.g. us-east-1"/>
            </div>
        }
        .into_any(),
    }
}

/// Options for the credential: none first, then those that fit. Only external keys for Amazon Web Services can sign.
fn credential_choices(credentials: &[LinkableCredential], is_signed: bool) -> Vec<Choice> {
    let usable = credentials.iter().filter(|credential| credential.is_aws == is_signed);
    let label = |credential: &LinkableCredential| match credential.kind {
        CredentialKind::General => format!("{} ({})", credential.name, credential.mask),
        CredentialKind::External => format!("{} (external key)", credential.name),
    };
    let choices = usable.map(|credential| (credential.id.to_string(), label(credential)));
    std::iter::once((String::new(), "No key".to_owned())).chain(choices).collect()
}

const fn credential_hint(is_signed: bool, has_any: bool) -> &'static str {
    match (is_signed, has_any) {
        (true, true) => "Signs each request. Your callers never see it.",
        (true, false) => "Signing needs your external key for Amazon Web Services. Add one under API Keys › External.",
        (false, true) => "Sent only to the base URL. Your callers never see it.",
        (false, false) => "No keys yet. Add one under API Keys › General Key.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authentication_is_described_with_its_parameters() {
        let text = str::to_owned;
        for (injection, expected) in [
            (Injection::Bearer, "Bearer token"),
            (Injection::Header { name: text("x-api-key") }, "Header x-api-key"),
            (Injection::Basic { username: String::new() }, "Basic authentication"),
            (Injection::Basic { username: text("deploy") }, "Basic authentication as deploy"),
            (Injection::Query { name: text("api_key") }, "Query parameter api_key"),
            (Injection::SigV4 { service: text("s3"), region: text("us-east-1") }, "AWS Signature Version 4 for s3 in us-east-1"),
        ] {
            assert_eq!(describe(&injection), expected);
        }
    }

    #[test]
    fn only_aws_credentials_can_sign() {
        let credential = |id: &str, kind, name: &str, mask: &str, is_aws| LinkableCredential {
            id: id.parse().unwrap(),
            kind,
            name: name.to_owned(),
            mask: mask.to_owned(),
            is_aws,
        };
        let credentials = [
            credential("crd_0193456789ab7cdef0123456789abcd0", CredentialKind::General, "github", "ghp…123", false),
            credential("crd_0193456789ab7cdef0123456789abcd1", CredentialKind::External, "bucket", "…", true),
        ];
        let labels = |is_signed| credential_choices(&credentials, is_signed).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(false), ["No key", "github (ghp…123)"]);
        assert_eq!(labels(true), ["No key", "bucket (external key)"]);
    }
}
