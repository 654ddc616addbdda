//! The dialog that sets the upstream of a corpus.

use leptos::prelude::*;

use super::context::CorpusContext;
use crate::{
    api::corpora::set_upstream,
    pages::{
        receipt_text::receipt_text,
        settings::key_field::{check_key, key_choices},
    },
};
use latchkey_types::{
    corpus::{CorpusPage, UpstreamRequest, UpstreamRow},
    error::Error,
    permission::Permission,
    provider::GeneralKey,
};
use latchkey_ui::{field::Field, form::Form, form_dialog::FormDialog, select::SelectField, toast::ToastText};

#[component]
pub(super) fn UpstreamDialog(
    context: CorpusContext,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<ToastText>,
) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        let request = check(form);
        let has_key = request.as_ref().is_some_and(|request| request.credential.is_some());
        let call = request.map(|request| set_upstream(context.id, request));
        form.send(call, move |saved| on_done.run(receipt_text(done_message(has_key, &saved.value), &saved)));
    };
    let CorpusPage { upstream, credentials, .. } = untrack(|| context.page.with(Clone::clone));
    let can_link = context.viewer.with_value(|viewer| viewer.can(Permission::ManageCredentials));
    let key_hint = if !can_link {
        "You need the permission “Manage Credentials” to link a key."
    } else if credentials.is_empty() {
        "No general keys yet. Add one under API Keys › General Key."
    } else {
        "Sent instead of the caller’s key, and only to this URL."
    };
    let (title, url_hint) = match upstream {
        Some(_) => ("Edit upstream", "Changing it unlinks the key."),
        None => ("Use an upstream", "The URL of a server with Vectara’s API, e.g. https://api.vectara.io"),
    };
    let (base_url, customer_id, corpus_id, linked) =
        upstream.map_or_else(Default::default, |upstream| (upstream.base_url, upstream.customer_id, upstream.corpus_id, upstream.credential));
    let value = linked.as_ref().map(|credential| credential.id.to_string()).unwrap_or_default();
    view! {
        <FormDialog title form submit="Save" on_submit=submit on_dismiss>
            <Field form name="base_url" label="Base URL" value=base_url hint=url_hint autofocus=true/>
            <Field form name="customer_id" label="Customer ID" value=customer_id hint="Sent to the upstream instead of your own."/>
            <Field form name="corpus_id" label="Corpus ID" value=corpus_id hint="The corpus at the upstream."/>
            <SelectField form name="credential" label="Key" options=key_choices("No key", selectable_keys(credentials, linked)) value hint=key_hint/>
        </FormDialog>
    }
}

fn check(form: Form) -> Option<UpstreamRequest> {
    // The server validates the URL: the WebAssembly build contains no URL parser.
    let base_url = form.check("base_url", |field, typed| required(field, typed, "Enter a URL, e.g. https://api.vectara.io."));
    let customer_id = form.check("customer_id", |field, typed| required(field, typed, "Enter the customer ID at the upstream."));
    let corpus_id = form.check("corpus_id", |field, typed| required(field, typed, "Enter the corpus ID at the upstream."));
    let credential = form.check("credential", check_key);
    Some(UpstreamRequest { base_url: base_url?, customer_id: customer_id?, corpus_id: corpus_id?, credential: credential? })
}

fn required(field: &str, typed: &str, message: &str) -> Result<String, Error> {
    match typed.trim() {
        "" => Err(Error::invalid(field, message)),
        typed => Ok(typed.to_owned()),
    }
}

/// The keys to choose from, including the linked one even if the viewer may not link others.
fn selectable_keys(credentials: Vec<GeneralKey>, linked: Option<GeneralKey>) -> Vec<GeneralKey> {
    let missing = linked.filter(|linked| credentials.iter().all(|credential| credential.id != linked.id));
    missing.into_iter().chain(credentials).collect()
}

const fn done_message(has_key: bool, upstream: &UpstreamRow) -> &'static str {
    if has_key && upstream.credential.is_none() { "Changes saved. The base URL changed, so the key was unlinked." } else { "Changes saved" }
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    #[test]
    fn a_linked_key_can_be_kept_without_permission() {
        let id = "crd_0193456789ab7cdef0123456789abcde".parse().unwrap();
        let linked = GeneralKey { id, name: "Team key".to_owned(), mask: "sk-…def".to_owned() };
        assert_eq!(selectable_keys(Vec::new(), Some(linked.clone())), slice::from_ref(&linked));
        assert_eq!(selectable_keys(vec![linked.clone()], Some(linked.clone())), [linked]);
    }
}
