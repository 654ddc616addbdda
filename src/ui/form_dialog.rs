//! A dialog that is one form.

use leptos::prelude::*;

use super::{
    button::{Button, SubmitButton, Weight},
    dialog::{Dialog, DialogRole},
    form::{Form, FormView},
};

/// A dialog with a form in it, and the buttons that leave it and send it.
#[component]
pub fn FormDialog(
    /// Its heading and name.
    #[prop(into)]
    title: String,
    /// The form.
    form: Form,
    /// The words on the button that sends it.
    submit: &'static str,
    /// How much that button asks for attention. Where it warns, the focus is on `Cancel` at first.
    #[prop(default = Weight::Primary)]
    weight: Weight,
    /// What sending it does; see [`FormView`].
    #[prop(into)]
    on_submit: Callback<()>,
    /// Whether it holds something long.
    #[prop(optional)]
    wide: bool,
    /// Leaves it; not called while the form is on its way.
    on_dismiss: Callback<()>,
    /// Its fields, or what it asks.
    children: Children,
) -> impl IntoView {
    let warns = weight == Weight::Danger;
    let role = if warns { DialogRole::Alert } else { DialogRole::Dialog };
    view! {
        <Dialog title role on_dismiss busy=form.pending() wide>
            <FormView form on_submit>
                {children()}
                <footer class="dialog-foot">
                    <Button label="Cancel" on_click=on_dismiss disabled=form.pending() autofocus=warns/>
                    <SubmitButton label=submit weight pending=form.pending()/>
                </footer>
            </FormView>
        </Dialog>
    }
}
