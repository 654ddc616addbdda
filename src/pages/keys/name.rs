//! The dialog that asks for a key's name: to make one, or to give one another name.

use leptos::prelude::*;

use crate::{
    api::keys::{create_key, edit_key},
    model::{
        key::{CreatedKey, EditedKey, KeyRow, WantedKey},
        policy::Policy,
        text,
    },
    ui::{
        button::{Button, SubmitButton},
        dialog::Dialog,
        field::Field,
        form::{Form, FormView},
    },
};

/// Asks for the name of a new key, then makes it.
#[component]
pub fn CreateDialog(
    /// The kind's row in the policy table.
    policy: &'static Policy,
    /// Leaves without making one.
    on_dismiss: Callback<()>,
    /// Called with the key and its secret.
    on_done: Callback<CreatedKey>,
) -> impl IntoView {
    let form = Form::new();
    let submit = Callback::new(move |()| {
        let name = form.check("name", text::name);
        form.send(name.map(|name| create_key(WantedKey::named(policy.kind, name))), move |created| on_done.run(created));
    });
    let title = format!("Create {}", policy.label);
    view! { <NameDialog title value="" hint="What will use it, such as “nightly-build”." form submit on_dismiss/> }
}

/// Asks for another name of a key, then gives it.
#[component]
pub fn EditDialog(
    /// The key.
    key: KeyRow,
    /// Leaves it as it is.
    on_dismiss: Callback<()>,
    /// Called with the key as it is now.
    on_done: Callback<KeyRow>,
) -> impl IntoView {
    let form = Form::new();
    let submit = Callback::new(move |()| {
        let name = form.check("name", text::name);
        form.send(name.map(|name| edit_key(key.id, EditedKey { name: Some(name), ..EditedKey::default() })), move |key| on_done.run(key));
    });
    view! { <NameDialog title="Edit key" value=key.name hint="The key itself stays the same." form submit on_dismiss/> }
}

#[component]
fn NameDialog(
    #[prop(into)] title: String,
    #[prop(into)] value: String,
    hint: &'static str,
    form: Form,
    submit: Callback<()>,
    on_dismiss: Callback<()>,
) -> impl IntoView {
    view! {
        <Dialog title on_dismiss>
            <FormView form on_submit=submit>
                <Field form name="name" label="API Key Name" value hint autofocus=true/>
                <footer class="dialog-foot">
                    <Button label="Cancel" on_click=on_dismiss/>
                    <SubmitButton label="Save" pending=form.pending()/>
                </footer>
            </FormView>
        </Dialog>
    }
}
