//! A dialog with a form.

use std::time::Duration;

use leptos::{html, prelude::*};

use super::{
    browser,
    button::{Button, ButtonVariant, SubmitButton},
    dialog::{Dialog, DialogRole},
    focus::FocusSnapshot,
    form::{Form, FormView},
};

/// A dialog with a form, a `Cancel` button and a submit button. Once a field is edited, only `Cancel` closes it without confirmation.
#[component]
pub fn FormDialog(
    #[prop(into)] title: String,
    form: Form,
    /// Label of the submit button.
    #[prop(into)]
    submit: Signal<String>,
    /// Style of the submit button. For `Danger`, `Cancel` is focused first.
    #[prop(default = ButtonVariant::Primary)]
    variant: ButtonVariant,
    /// See [`FormView`].
    #[prop(into)]
    on_submit: Callback<()>,
    /// See [`FormView`].
    #[prop(optional, into)]
    on_validate: Option<Callback<()>>,
    /// Whether it has the wide layout.
    #[prop(optional)]
    wide: bool,
    /// Returns to the previous step. Its button replaces `Cancel`.
    #[prop(optional, into)]
    on_back: Signal<Option<Callback<()>>>,
    /// Closes it. Not called while the form is being sent.
    on_dismiss: Callback<()>,
    children: Children,
) -> impl IntoView {
    let is_danger = variant == ButtonVariant::Danger;
    let role = if is_danger { DialogRole::Alert } else { DialogRole::Dialog };
    let is_confirming = RwSignal::new(false);
    let confirmation = NodeRef::<html::Div>::new();
    let previous_focus = StoredValue::new_local(None::<FocusSnapshot>);
    Effect::new(move || {
        if let Some(confirmation) = confirmation.get() {
            browser::focus_first(&confirmation, "[autofocus]");
        }
    });
    let dismiss = move |()| {
        if !form.is_edited() {
            on_dismiss.run(());
        } else if !is_confirming.get_untracked() {
            previous_focus.set_value(Some(FocusSnapshot::capture()));
            is_confirming.set(true);
        }
    };
    let keep_editing = move |()| {
        is_confirming.set(false);
        let focus = previous_focus.get_value();
        // After the focused button is removed.
        set_timeout(
            move || {
                if let Some(focus) = focus {
                    focus.restore();
                }
                if browser::focused().is_none() {
                    form.focus_first();
                }
            },
            Duration::ZERO,
        );
    };
    view! {
        <Dialog title role on_dismiss=dismiss busy=form.pending() wide>
            <FormView form on_submit on_validate>
                <div class="dialog-content">{children()}</div>
                <Show when=move || is_confirming.get() fallback=move || view! {
                    <footer class="dialog-foot">
                        {move || match on_back.get() {
                            Some(back) => view! { <Button label="Back" on_click=back disabled=form.pending()/> }.into_any(),
                            None => view! { <Button label="Cancel" on_click=on_dismiss disabled=form.pending() autofocus=is_danger/> }.into_any(),
                        }}
                        <SubmitButton label=form.submit_label(submit) variant pending=form.pending() waiting=form.is_waiting()/>
                    </footer>
                }>
                    <div class="confirmation" role="alert" node_ref=confirmation>
                        <p>"Discard what you entered?"</p>
                        <div class="confirmation-actions">
                            <Button label="Discard" variant=ButtonVariant::Danger on_click=on_dismiss disabled=form.pending()/>
                            <Button label="Keep editing" variant=ButtonVariant::Primary on_click=keep_editing autofocus=true/>
                        </div>
                    </div>
                </Show>
            </FormView>
        </Dialog>
    }
}
