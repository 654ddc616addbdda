//! The dialog that adds or edits a service.

use leptos::prelude::*;

use super::{
    authentication::{self, AuthenticationFields},
    callers::{self, CallerFields},
    gateway_url,
    limits::{self, LimitsSection},
};
use crate::{
    api::services::{create_service, edit_service},
    pages::{receipt_text::receipt_text, settings::key_field::check_key},
};
use latchkey_types::{
    error::Error,
    key_kind::CredentialKind,
    service::{
        AllowRule, Injection, InjectionKind, LinkableCredential, SERVICE_BODY_DEFAULT, ServiceLink, ServiceRequest, ServiceRow,
        TIMEOUT_DEFAULT_SECONDS, UpdatedService,
    },
    service_rules::{format_allow, parse_allow, service_errors},
};
use latchkey_ui::{
    browser,
    field::{Field, TextArea},
    form::Form,
    form_dialog::FormDialog,
    icon::{Glyph, Icon},
    toast::ToastText,
};

#[component]
pub(super) fn ServiceDialog(
    /// The service to edit; `None` adds one.
    service: Option<ServiceRow>,
    /// The credentials that the viewer can link.
    credentials: Vec<LinkableCredential>,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<ToastText>,
) -> impl IntoView {
    let form = Form::new();

    // Data
    let mut credentials = credentials;
    let id = service.as_ref().map(|service| service.id);
    let linked = service.as_ref().and_then(linked_credential);
    // Offered even if the viewer cannot link it, so that saving does not unlink it silently.
    let foreign = linked.clone().filter(|linked| credentials.iter().all(|credential| credential.id != linked.id));
    let is_of_another = foreign.as_ref().is_some_and(|foreign| foreign.kind == CredentialKind::External);
    credentials.extend(foreign);
    let before = service.as_ref().map_or_else(new_service, ServiceRequest::from);
    let chosen = RwSignal::new(before.injection.kind());
    let is_signed = Memo::new(move |_| chosen.get() == InjectionKind::SigV4);
    let (typed_name, typed_url) = (RwSignal::new(before.name.clone()), RwSignal::new(before.base_url.clone()));

    // Actions
    let submit = move |()| {
        let request = check(form).map(|request| async move {
            let saved = match id {
                Some(id) => edit_service(id, request).await.map(|edited| receipt_text(edit_message(&edited.value), &edited)),
                None => create_service(request).await.map(|_| "Service added".into()),
            };
            saved.map_err(at_form_field)
        });
        form.send(request, move |message| on_done.run(message));
    };
    let validate = move |()| drop(check(form));

    // View
    let (title, verb) = if id.is_some() { ("Edit service", "Save") } else { ("Add service", "Add service") };
    let url_note = move || typed_name.with(|name| note_about_url(name.trim()));
    let (base_url, has_key) = (before.base_url.clone(), linked.is_some());
    let unlink_note = move || {
        let is_other_url = typed_url.with(|typed| !is_same_url(typed, &base_url));
        String::from(if has_key && is_other_url { "Saving unlinks the key of the old URL, unless you select another key." } else { "" })
    };
    let name_hint =
        if id.is_some() { "Renaming changes the URL that your callers use." } else { "Lowercase letters, digits and hyphens, e.g. github" };
    view! {
        <FormDialog title form submit=verb wide=true on_submit=submit on_validate=validate on_dismiss>
            {is_of_another.then(|| view! {
                <p class="caution">
                    <Icon glyph=Glyph::Warning/>
                    <span>"The linked key belongs to another user. Saving any change unlinks it."</span>
                </p>
            })}
            <Field form name="name" label="Name" value=before.name hint=name_hint note=Signal::derive(url_note) autofocus=true
                on_input=move |name: String| typed_name.set(name)/>
            <Field form name="base_url" label="Base URL" value=before.base_url hint="The URL that calls are forwarded to, e.g. https://api.github.com"
                note=Signal::derive(unlink_note) on_input=move |url: String| typed_url.set(url)/>
            <AuthenticationFields form before=before.injection chosen is_signed credentials linked=linked.map(|linked| linked.id)/>
            <TextArea form name="allow" label="Allowed requests" value=format_allow(&before.allow) rows=4
                hint="One rule per line: a method, or * for any, and a path, e.g. GET /repos/**. * matches a part of a segment, \
                    ** any number of segments. All other requests are refused."/>
            <CallerFields form before=before.callers/>
            <LimitsSection form timeout_seconds=before.timeout_seconds body_max=before.body_max is_signed/>
        </FormDialog>
    }
}

/// The initial values of a new service.
fn new_service() -> ServiceRequest {
    ServiceRequest {
        name: String::new(),
        base_url: String::new(),
        injection: Injection::Bearer,
        credential: None,
        // Reading only, as an example of a rule.
        allow: vec![AllowRule { method: "GET".to_owned(), path: "/**".to_owned() }],
        callers: Vec::new(),
        timeout_seconds: TIMEOUT_DEFAULT_SECONDS,
        body_max: SERVICE_BODY_DEFAULT,
    }
}

fn linked_credential(service: &ServiceRow) -> Option<LinkableCredential> {
    if let ServiceLink::Credential(credential) = &service.link { Some(credential.clone()) } else { None }
}

/// The gateway URL of a service with this name. Only in the browser.
fn note_about_url(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("Called at {}…", gateway_url(&browser::origin(), name)) }
}

/// Whether two base URLs are the same except for spaces and a trailing slash. The server compares normalized URLs.
fn is_same_url(typed: &str, base_url: &str) -> bool {
    typed.trim().trim_end_matches('/') == base_url.trim_end_matches('/')
}

/// Validates all fields, so that all errors are shown together.
fn check(form: Form) -> Option<ServiceRequest> {
    // The server validates the URL: the WebAssembly build contains no URL parser.
    let base_url = form.check("base_url", |field, typed| match typed.trim() {
        "" => Err(Error::invalid(field, "Enter a URL, e.g. https://api.github.com.")),
        typed => Ok(typed.to_owned()),
    });
    let injection = authentication::read(form);
    let credential = form.check("credential", check_key);
    let allow = form.record(parse_allow(&form.value("allow")));
    let timeout_seconds = form.check("timeout_seconds", limits::integer);
    let body_max = limits::read_body_max(form);
    let is_read =
        base_url.is_some() && injection.is_some() && credential.is_some() && allow.is_some() && timeout_seconds.is_some() && body_max.is_some();
    // With valid values in place of missing ones, so that the rules find only other errors.
    let request = ServiceRequest {
        name: form.value("name").trim().to_owned(),
        base_url: base_url.unwrap_or_default(),
        injection: injection.unwrap_or(Injection::Bearer),
        credential: credential.flatten(),
        allow: allow.unwrap_or_default(),
        callers: callers::read(form),
        timeout_seconds: timeout_seconds.unwrap_or(TIMEOUT_DEFAULT_SECONDS),
        body_max: body_max.unwrap_or_default(),
    };
    let errors = service_errors(&request);
    let is_valid = is_read && errors.is_empty();
    for error in errors {
        form.add_error(at_form_field(error));
    }
    is_valid.then_some(request)
}

/// Maps an error about one rule or one caller to the field that contains all of them.
fn at_form_field(error: Error) -> Error {
    let Error::Invalid { field, message } = error else { return error };
    if let Some(index) = index_in(&field, "allow") {
        return Error::invalid("allow", format!("Rule {}: {message}", index + 1));
    }
    if index_in(&field, "callers").is_some() {
        return Error::invalid("callers", message);
    }
    Error::Invalid { field, message }
}

/// The index in a field name such as `allow[2].path`.
fn index_in(field: &str, list: &str) -> Option<usize> {
    field.strip_prefix(list)?.strip_prefix('[')?.split_once(']')?.0.parse().ok()
}

fn edit_message(updated: &UpdatedService) -> String {
    match updated.unlinked {
        Some(reason) => format!("Changes saved. {}", reason.text()),
        None => "Changes saved".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_list_items_are_shown_at_the_list() {
        let mapped = |field: &str| at_form_field(Error::invalid(field, "No."));
        assert_eq!(mapped("allow[1].path"), Error::invalid("allow", "Rule 2: No."));
        assert_eq!(mapped("callers[0].scope"), Error::invalid("callers", "No."));
        for other in ["allow", "callers", "name", "injection.name"] {
            assert_eq!(mapped(other), Error::invalid(other, "No."));
        }
        assert_eq!(at_form_field(Error::NotFound), Error::NotFound);
    }

    #[test]
    fn a_trailing_slash_is_the_same_url() {
        assert!(is_same_url(" https://api.example.com/v1/ ", "https://api.example.com/v1"));
        assert!(!is_same_url("https://api.example.com/v2", "https://api.example.com/v1"));
    }

    #[test]
    fn a_new_service_breaks_no_rule_but_its_name() {
        let request = ServiceRequest { name: "github".to_owned(), ..new_service() };
        assert!(service_errors(&request).is_empty());
        assert_eq!(parse_allow(&format_allow(&request.allow)).unwrap(), request.allow);
    }
}
