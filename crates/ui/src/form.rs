//! Forms that are validated in the browser, sent once, and show errors at their fields.

use std::{future::Future, pin::Pin};

use leptos::{ev, html, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

use super::{browser, message::Alert};
use latchkey_types::error::Fault;

/// A form: its element, its errors and whether it is being sent.
#[derive(Clone, Copy)]
pub struct Form {
    element: NodeRef<html::Form>,
    errors: RwSignal<Vec<Fault>>,
    pending: RwSignal<bool>,
}

impl Form {
    pub fn new() -> Self {
        Self { element: NodeRef::new(), errors: RwSignal::new(Vec::new()), pending: RwSignal::new(false) }
    }

    /// Whether it is being sent or was sent successfully.
    pub fn pending(self) -> Signal<bool> {
        self.pending.into()
    }

    /// The error of a field.
    pub fn wrong(self, field: &'static str) -> Signal<Option<String>> {
        self.wrong_in(Signal::stored(field.to_owned()))
    }

    /// The error of a field whose name changes, such as one in a list of rows.
    pub fn wrong_in(self, field: Signal<String>) -> Signal<Option<String>> {
        let message = |fault: &Fault, field: &str| fault.about_field().filter(|(name, _)| *name == field).map(|(_, message)| message.to_owned());
        Signal::derive(move || field.with(|field| self.errors.with(|errors| errors.iter().find_map(|fault| message(fault, field)))))
    }

    /// Clears all errors.
    pub fn forget_wrongs(self) {
        self.errors.set(Vec::new());
    }

    /// The error that belongs to no field.
    pub fn wrong_at_all(self) -> Signal<Option<String>> {
        let has_no_field = |fault: &&Fault| fault.about_field().is_none();
        Signal::derive(move || self.errors.with(|errors| errors.iter().find(has_no_field).map(ToString::to_string)))
    }

    /// Validates the value of a field and returns the result. An error is shown at the field.
    pub fn check<T>(self, field: &'static str, rule: impl FnOnce(&str, &str) -> Result<T, Fault>) -> Option<T> {
        self.keep(rule(field, &self.value(field)))
    }

    /// Validates the checked values of a checkbox group. An error is shown at the group.
    pub fn check_ticked<T>(self, group: &'static str, rule: impl FnOnce(&str, Vec<String>) -> Result<T, Fault>) -> Option<T> {
        let checked_values = self.element.get_untracked().map(|form| browser::ticked(&form, group));
        self.keep(rule(group, checked_values.unwrap_or_default()))
    }

    /// The current value of a field, not validated. Empty if there is no such field.
    pub fn value(self, field: &str) -> String {
        let control = self.element.get_untracked().and_then(|form| browser::control_named(&form, field));
        control.map(|control| browser::value_of(&control)).unwrap_or_default()
    }

    /// Whether the form currently has this field.
    pub fn has(self, field: &str) -> bool {
        self.element.get_untracked().is_some_and(|form| browser::control_named(&form, field).is_some())
    }

    /// Returns a validated value, or records its error.
    pub fn keep<T>(self, checked: Result<T, Fault>) -> Option<T> {
        checked.map_err(|fault| self.errors.update(|errors| errors.push(fault))).ok()
    }

    /// Sends the request. `None` means that validation failed: then the first invalid field is focused. `on_done` is not called if the
    /// page was closed in the meantime.
    pub fn send<T: 'static>(self, call: Option<impl Future<Output = Result<T, Fault>> + 'static>, on_done: impl FnOnce(T) + 'static) {
        self.send_for_keeps(call, on_done, |_| ());
    }

    /// Like [`Self::send`], for a response that cannot be requested again: if the page was closed in the meantime, `on_left` receives it.
    pub fn send_for_keeps<T: 'static>(
        self,
        call: Option<impl Future<Output = Result<T, Fault>> + 'static>,
        on_done: impl FnOnce(T) + 'static,
        on_left: impl FnOnce(T) + 'static,
    ) {
        let Some(call) = call else { return self.focus_first_invalid() };
        self.run(Box::pin(async move {
            let response = call.await?;
            // The page's callbacks are disposed together with its form.
            if self.pending.is_disposed() {
                on_left(response);
            } else {
                on_done(response);
            }
            Ok(())
        }));
    }

    /// The part of sending that does not depend on the type, so that it is compiled once.
    fn run(self, work: Pin<Box<dyn Future<Output = Result<(), Fault>>>>) {
        self.pending.set(true);
        spawn_local(async move {
            // It stays pending after success, so that a second click can't send it again.
            if let Err(fault) = work.await
                && !self.pending.is_disposed()
            {
                self.pending.set(false);
                self.errors.set(vec![fault]);
                self.focus_first_invalid();
            }
        });
    }

    fn focus_first_invalid(self) {
        let Some(form) = self.element.get_untracked() else { return };
        let errors = self.errors.get_untracked();
        let control = errors.iter().find_map(|fault| browser::control_named(&form, fault.about_field()?.0));
        if let Some(control) = control {
            browser::unfold(&control);
            browser::focus(&control);
            if let Some(input) = control.dyn_ref::<HtmlInputElement>() {
                input.select();
            }
        }
    }
}

impl Default for Form {
    fn default() -> Self {
        Self::new()
    }
}

/// The form element with its fields, buttons and form-level error. Never submitted by the browser itself.
#[component]
pub fn FormView(
    form: Form,
    /// Validates each field, then calls [`Form::send`]. Not called while the form is being sent.
    #[prop(into)]
    on_submit: Callback<()>,
    children: Children,
) -> impl IntoView {
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        if !form.pending.get_untracked() {
            form.errors.set(Vec::new());
            on_submit.run(());
        }
    };
    let error = form.wrong_at_all();
    // POST, in case the browser submits it: GET would put the values into the URL.
    view! {
        <form class="form" method="post" novalidate node_ref=form.element on:submit=submit>
            {children()}
            {move || error.get().map(|message| view! { <Alert message/> })}
        </form>
    }
}

/// An error about something that the form has no field for.
#[component]
pub fn FormWrong(
    form: Form,
    /// Field name in the request.
    about: &'static str,
) -> impl IntoView {
    let error = form.wrong(about);
    move || error.get().map(|message| view! { <Alert message/> })
}

/// For calls that remove something: `NotFound` counts as success, because another user was faster.
pub async fn or_gone(call: impl Future<Output = Result<(), Fault>>) -> Result<(), Fault> {
    match call.await {
        Err(Fault::NotFound) => Ok(()),
        outcome => outcome,
    }
}
