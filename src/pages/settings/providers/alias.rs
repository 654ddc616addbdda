//! The dialog that adds or edits an alias.

use leptos::prelude::*;

use super::targets::{self, TARGETS, TargetFields};
use crate::{
    api::providers::{create_alias, edit_alias},
    pages::receipt_text::receipt_text,
};
use latchkey_types::{
    provider::{AliasRequest, AliasRow},
    provider_rules,
};
use latchkey_ui::{field::Field, form::Form, form_dialog::FormDialog, select::Choice, toast::ToastText};

#[component]
pub(super) fn AliasDialog(
    /// The alias to edit; `None` adds one.
    alias: Option<AliasRow>,
    /// The models that can be chosen.
    models: Vec<Choice>,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<ToastText>,
) -> impl IntoView {
    let form = Form::new();
    let id = alias.as_ref().map(|alias| alias.id);
    let (title, verb, message) = if id.is_some() { ("Edit alias", "Save", "Changes saved") } else { ("Add alias", "Add alias", "Alias added") };
    let submit = move |()| {
        let request = check(form).map(|request| async move {
            let saved = match id {
                Some(id) => edit_alias(id, request).await,
                None => create_alias(request).await.map(Into::into),
            };
            saved.map_err(|error| targets::at_list(error, TARGETS))
        });
        form.send(request, move |saved| on_done.run(receipt_text(message, &saved)));
    };
    let (name, before) = alias.map_or_else(|| (String::new(), vec![None]), |alias| (alias.name, alias.targets.into_iter().map(Some).collect()));
    view! {
        <FormDialog title form submit=verb wide=true on_submit=submit on_dismiss>
            <Field form name="name" label="Name" value=name hint="The name that your callers use instead of a model, e.g. fast" autofocus=true/>
            <TargetFields form list=TARGETS models before/>
        </FormDialog>
    }
}

fn check(form: Form) -> Option<AliasRequest> {
    let name = form.check("name", provider_rules::model_name);
    let targets = form.record(targets::read(form, TARGETS));
    Some(AliasRequest { name: name?, targets: targets? })
}
