//! The secrets of a project.

use leptos::prelude::*;

use super::about_context::AboutContext;
use crate::api::project_resources::{create_secret, delete_secret, replace_secret};
use latchkey_types::{error::Error, project::SecretRow, secret::TypedSecret, secret_import};
use latchkey_ui::{
    button::{Button, IconButton},
    confirm_dialog::{ConfirmDialog, ConfirmObject},
    dialog::{Dialogs, use_dialogs},
    field::{Field, InputKind},
    form::{Form, ignore_not_found},
    form_dialog::FormDialog,
    icon::Glyph,
    table::RowTable,
    time::Time,
};

#[derive(Clone)]
enum OpenDialog {
    Add,
    Replace(SecretRow),
    Delete(SecretRow),
}

/// Names and metadata of the secrets. Values are never sent to the page.
#[component]
pub(super) fn Secrets(context: AboutContext) -> impl IntoView {
    let secrets = context.belongings.rows(|belongings| belongings.managed.as_ref().map_or(&[], |managed| &managed.secrets), |secret| secret.id);
    let dialogs = use_dialogs::<OpenDialog>();
    let dismiss = dialogs.dismiss;
    let done = dialogs.done(move |message| context.notify(message));
    let dialog = move |open| match open {
        OpenDialog::Add => view! { <AddDialog context on_dismiss=dismiss on_done=done/> }.into_any(),
        OpenDialog::Replace(secret) => view! { <ReplaceDialog context secret on_dismiss=dismiss on_done=done/> }.into_any(),
        OpenDialog::Delete(secret) => view! { <DeleteDialog context secret on_dismiss=dismiss on_done=done/> }.into_any(),
    };
    let empty = || view! { <p class="section-text">"No secrets yet. Add one, or import a key from another project."</p> };
    view! {
        <section class="section-card" aria-labelledby="project-secrets">
            <div class="section-head">
                <h2 id="project-secrets">"Secrets"</h2>
                <Button label="Add secret" on_click=dialogs.opener(OpenDialog::Add)/>
            </div>
            <p class="section-text">"Encrypted and never shown again. Programs read them by name through the API; every read is logged."</p>
            <RowTable label="Secrets" columns=vec!["Name", "Set", "Stored by", "Imported from", "Action"] rows=secrets empty let(secret)>
                <SecretTableRow secret dialogs/>
            </RowTable>
        </section>
        {dialogs.render(dialog)}
    }
}

#[component]
fn SecretTableRow(secret: Memo<SecretRow>, dialogs: Dialogs<OpenDialog>) -> impl IntoView {
    let source = move || match secret.with(|secret| secret.imported_from.clone()) {
        Some(key) => view! { <span class="cell-text">{key}</span> }.into_any(),
        None => view! { <span class="no-value">"Added by hand"</span> }.into_any(),
    };
    let name = secret.with_untracked(|secret| secret.name.clone());
    view! {
        <tr aria-label=name.clone()>
            <td class="cell-name"><code class="cell-text">{name.clone()}</code></td>
            <td class="cell-soft" data-label="Set">{move || view! { <Time at=secret.with(|secret| secret.updated_at)/> }}</td>
            <td class="cell-soft" data-label="Stored by">{secret.with_untracked(|secret| secret.created_by.clone())}</td>
            <td class="cell-soft" data-label="Imported from">{source}</td>
            <td class="cell-action">
                <IconButton label="Edit" glyph=Glyph::Edit on_click=move |_| dialogs.open(OpenDialog::Replace(secret.get_untracked()))/>
                <IconButton label="Delete" glyph=Glyph::Trash danger=true on_click=move |_| dialogs.open(OpenDialog::Delete(secret.get_untracked()))/>
            </td>
        </tr>
    }
}

fn parse_value(field: &str, typed: &str) -> Result<TypedSecret, Error> {
    secret_import::value(field, typed).map(|value| TypedSecret::new(value.to_owned()))
}

#[component]
fn AddDialog(context: AboutContext, on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        let fields = (form.check("name", secret_import::identifier), form.check("value", parse_value));
        let request = match fields {
            (Some(name), Some(value)) => Some(create_secret(context.id, name, value)),
            _ => None,
        };
        form.send(request, move |_| on_done.run("Secret added".to_owned()));
    };
    view! {
        <FormDialog title="Add secret" form submit="Add secret" on_submit=submit on_dismiss>
            <Field form name="name" label="Name" hint="Letters, digits and _, e.g. api_token" autofocus=true/>
            <Field form name="value" label="Value" kind=InputKind::Password autocomplete="new-password" hint="You can replace it later. It won’t be shown again."/>
        </FormDialog>
    }
}

#[component]
fn ReplaceDialog(context: AboutContext, secret: SecretRow, on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let id = secret.id;
    let submit = move |()| {
        form.send(form.check("value", parse_value).map(|value| replace_secret(context.id, id, value)), move |()| {
            on_done.run("Secret updated".to_owned());
        });
    };
    view! {
        <FormDialog title="Replace value" form submit="Save" on_submit=submit on_dismiss>
            <p>"Replaces the value of " <strong class="quoted">{secret.name}</strong> ". Programs that read it get the new value immediately."</p>
            <Field form name="value" label="Value" kind=InputKind::Password autocomplete="new-password" autofocus=true/>
        </FormDialog>
    }
}

#[component]
fn DeleteDialog(context: AboutContext, secret: SecretRow, on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let id = secret.id;
    let submit = move |()| {
        form.send(Some(ignore_not_found(delete_secret(context.id, id))), move |()| on_done.run("Secret deleted".to_owned()));
    };
    view! {
        <ConfirmDialog title="Delete this secret?" objects=ConfirmObject::only(secret.name)
            effect="Programs that read it will fail. This cannot be undone." verb="Delete" form on_confirm=submit on_dismiss/>
    }
}
