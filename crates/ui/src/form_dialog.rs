//! A dialog with a form.

use leptos::prelude::*;

use super::{
    button::{Button, ButtonVariant, SubmitButton},
    dialog::{Dialog, DialogRole},
    form::{Form, FormView},
};

/// A dialog with a form, a `Cancel` button and a submit button.
#[component]
pub fn FormDialog(
    #[prop(into)] title: String,
    form: Form,
    /// Label of the submit button.
    submit: &'static str,
    /// Style of the submit button. For `Danger`, `Cancel` is focused first.
    #[prop(default = ButtonVariant::Primary)]
    variant: ButtonVariant,
    /// See [`FormView`].
    #[prop(into)]
    on_submit: Callback<()>,
    /// Whether it has the wide layout.
    #[prop(optional)]
    wide: bool,
    /// Closes it. Not called while the form is being sent.
    on_dismiss: Callback<()>,
    children: Children,
) -> impl IntoView {
    let is_danger = variant == ButtonVariant::Danger;
    let role = if is_danger { DialogRole::Alert } else { DialogRole::Dialog };
    view! {
        <Dialog title role on_dismiss busy=form.pending() wide>
            <FormView form on_submit>
                {children()}
                <footer class="dialog-foot">
                    <Button label="Cancel" on_click=on_dismiss disabled=form.pending() autofocus=is_danger/>
                    <SubmitButton label=submit variant pending=form.pending()/>
                </footer>
            </FormView>
        </Dialog>
    }
}
