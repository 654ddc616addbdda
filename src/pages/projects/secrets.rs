//! The secrets of a project.

use leptos::prelude::*;

use super::about::Desk;
use crate::{
    api::belongings::{create_secret, delete_secret, replace_secret},
    model::{
        fault::Fault,
        id::ProjectSecretId,
        import,
        project::{Belongings, SecretRow},
        secret::TypedSecret,
    },
    ui::{
        button::{Button, IconButton, Weight},
        field::{Field, Typed},
        form::{Form, or_gone},
        form_dialog::FormDialog,
        icon::Glyph,
        time::Time,
    },
};

/// What somebody asked for, in a dialog over the list.
#[derive(Clone)]
enum Asked {
    Add,
    Replace(SecretRow),
    Delete(SecretRow),
}

/// Its secrets: what they are called, never what they are.
#[component]
pub fn Secrets(
    /// What the page shares.
    desk: Desk,
) -> impl IntoView {
    let asked = RwSignal::new(None::<Asked>);
    let dismiss = Callback::new(move |()| asked.set(None));
    let done = Callback::new(move |told: String| {
        asked.set(None);
        desk.tell(told);
    });
    let ids = move || desk.with_managed(|managed| managed.secrets.iter().map(|secret| secret.id).collect::<Vec<_>>()).unwrap_or_default();
    let is_empty = move || ids().is_empty();
    let dialog = move |wanted| match wanted {
        Asked::Add => view! { <AddDialog desk on_dismiss=dismiss on_done=done/> }.into_any(),
        Asked::Replace(secret) => view! { <ReplaceDialog desk secret on_dismiss=dismiss on_done=done/> }.into_any(),
        Asked::Delete(secret) => view! { <DeleteDialog desk secret on_dismiss=dismiss on_done=done/> }.into_any(),
    };
    view! {
        <section class="sheet" aria-labelledby="project-secrets">
            <div class="sheet-row">
                <h2 id="project-secrets">"Secrets"</h2>
                <Button label="Add secret" on_click=move |()| asked.set(Some(Asked::Add))/>
            </div>
            <p class="settings-lead">"Kept encrypted and never shown again. Programs read them by name over the API; each reading is in the audit log."</p>
            <Show when=move || !is_empty() fallback=|| view! { <p class="sheet-none">"None yet. Add one, or import a key that another project gave you."</p> }>
                <div class="table-frame">
                    <table class="table" aria-label="Secrets">
                        <thead>
                            <tr>
                                <th scope="col">"Name"</th>
                                <th scope="col">"Set"</th>
                                <th scope="col">"Stored by"</th>
                                <th scope="col">"Imported from"</th>
                                <th scope="col">"Action"</th>
                            </tr>
                        </thead>
                        <tbody>
                            <For each=ids key=|id| *id let(id)>
                                <Line desk id asked/>
                            </For>
                        </tbody>
                    </table>
                </div>
            </Show>
        </section>
        {move || asked.get().map(dialog)}
    }
}

/// A secret. Drawn once and changed in place, so that its buttons keep the focus.
#[component]
fn Line(desk: Desk, id: ProjectSecretId, asked: RwSignal<Option<Asked>>) -> impl IntoView {
    let find = move |belongings: &Belongings| belongings.managed.as_ref()?.secrets.iter().find(|secret| secret.id == id).cloned();
    let Some(secret) = desk.belongings.part(find) else { return ().into_any() };
    let source = move || match secret.with(|secret| secret.imported_from.clone()) {
        Some(key) => view! { <span class="cell-text">{key}</span> }.into_any(),
        None => view! { <span class="never">"Added by hand"</span> }.into_any(),
    };
    let name = secret.with_untracked(|secret| secret.name.clone());
    view! {
        <tr aria-label=name.clone()>
            <td class="cell-name"><code class="cell-text">{name.clone()}</code></td>
            <td class="cell-soft" data-label="Set">{move || view! { <Time at=secret.with(|secret| secret.updated_at)/> }}</td>
            <td class="cell-soft" data-label="Stored by">{secret.with_untracked(|secret| secret.created_by.clone())}</td>
            <td class="cell-soft" data-label="Imported from">{source}</td>
            <td class="cell-action">
                <IconButton label="Edit" glyph=Glyph::Edit on_click=move |_| asked.set(Some(Asked::Replace(secret.get_untracked())))/>
                <IconButton label="Delete" glyph=Glyph::Trash danger=true on_click=move |_| asked.set(Some(Asked::Delete(secret.get_untracked())))/>
            </td>
        </tr>
    }
    .into_any()
}

fn typed_value(field: &str, typed: &str) -> Result<TypedSecret, Fault> {
    import::value(field, typed).map(|value| TypedSecret::new(value.to_owned()))
}

/// Asks for a name and a value, then stores the secret.
#[component]
fn AddDialog(desk: Desk, on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        let fields = (form.check("name", import::identifier), form.check("value", typed_value));
        let call = match fields {
            (Some(name), Some(value)) => Some(create_secret(desk.id, name, value)),
            _ => None,
        };
        form.send(call, move |made| on_done.run(format!("“{}” was stored.", made.name)));
    };
    view! {
        <FormDialog title="Add secret" form submit="Save" on_submit=submit on_dismiss>
            <Field form name="name" label="Name" hint="Letters, digits and “_”, such as api_token." autofocus=true/>
            <Field form name="value" label="Value" typed=Typed::Password autocomplete="new-password" hint="It can be replaced later, but is never shown again."/>
        </FormDialog>
    }
}

/// Asks for another value, then puts it in the place of the one before.
#[component]
fn ReplaceDialog(desk: Desk, secret: SecretRow, on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let told = format!("“{}” has another value now.", secret.name);
    let id = secret.id;
    let submit = move |()| {
        let told = told.clone();
        form.send(form.check("value", typed_value).map(|value| replace_secret(desk.id, id, value)), move |()| on_done.run(told));
    };
    view! {
        <FormDialog title="Replace value" form submit="Save" on_submit=submit on_dismiss>
            <p>"The value of " <strong class="quoted">{secret.name}</strong> " is replaced. Programs that read it get the new one at once."</p>
            <Field form name="value" label="Value" typed=Typed::Password autocomplete="new-password" autofocus=true/>
        </FormDialog>
    }
}

/// Asks, then deletes a secret.
#[component]
fn DeleteDialog(desk: Desk, secret: SecretRow, on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let told = format!("“{}” was deleted.", secret.name);
    let id = secret.id;
    let submit = move |()| {
        let told = told.clone();
        form.send(Some(or_gone(delete_secret(desk.id, id))), move |()| on_done.run(told));
    };
    view! {
        <FormDialog title="Delete this secret?" form submit="Delete" weight=Weight::Danger on_submit=submit on_dismiss>
            <p><strong class="quoted">{secret.name}</strong></p>
            <p>"Programs that read it no longer can. Nothing brings it back."</p>
        </FormDialog>
    }
}
