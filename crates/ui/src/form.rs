//! Forms that are validated in the browser, sent once, and show errors at their fields.

use std::{future::Future, pin::Pin};

use leptos::{ev, html, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

use super::{browser, message::Alert};
use latchkey_types::error::Error;

/// A form: its element, its errors and whether it is being sent.
#[derive(Clone, Copy)]
pub struct Form {
    element: NodeRef<html::Form>,
    errors: RwSignal<Vec<Error>>,
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
    pub fn field_error(self, field: &'static str) -> Signal<Option<String>> {
        self.dynamic_field_error(Signal::stored(field.to_owned()))
    }

    /// The error of a field whose name changes, such as one in a list of rows.
    pub fn dynamic_field_error(self, field: Signal<String>) -> Signal<Option<String>> {
        let message = |error: &Error, field: &str| error.field_error().filter(|(name, _)| *name == field).map(|(_, message)| message.to_owned());
        Signal::derive(move || field.with(|field| self.errors.with(|errors| errors.iter().find_map(|error| message(error, field)))))
    }

    /// Clears all errors.
    pub fn clear_errors(self) {
        self.errors.set(Vec::new());
    }

    /// The error that belongs to no field.
    pub fn form_error(self) -> Signal<Option<String>> {
        let has_no_field = |error: &&Error| error.field_error().is_none();
        Signal::derive(move || self.errors.with(|errors| errors.iter().find(has_no_field).map(ToString::to_string)))
    }

    /// Validates the value of a field and returns the result. An error is shown at the field.
    pub fn check<T>(self, field: &'static str, rule: impl FnOnce(&str, &str) -> Result<T, Error>) -> Option<T> {
        self.record(rule(field, &self.value(field)))
    }

    /// Validates the checked values of a checkbox group. An error is shown at the group.
    pub fn check_group<T>(self, group: &'static str, rule: impl FnOnce(&str, Vec<String>) -> Result<T, Error>) -> Option<T> {
        let checked_values = self.element.get_untracked().map(|form| browser::checked_values(&form, group));
        self.record(rule(group, checked_values.unwrap_or_default()))
    }

    /// The current value of a field, not validated. Empty if there is no such field.
    pub fn value(self, field: &str) -> String {
        let control = self.element.get_untracked().and_then(|form| browser::find_control(&form, field));
        control.map(|control| browser::value_of(&control)).unwrap_or_default()
    }

    /// Whether the form currently has this field.
    pub fn has(self, field: &str) -> bool {
        self.element.get_untracked().is_some_and(|form| browser::find_control(&form, field).is_some())
    }

    /// Returns a validated value, or records its error.
    pub fn record<T>(self, checked: Result<T, Error>) -> Option<T> {
        checked.map_err(|error| self.errors.update(|errors| errors.push(error))).ok()
    }

    /// Sends the request. `None` means that validation failed: then the first invalid field is focused. `on_done` is not called if the
    /// page was closed in the meantime.
    pub fn send<T: 'static>(self, call: Option<impl Future<Output = Result<T, Error>> + 'static>, on_done: impl FnOnce(T) + 'static) {
        self.send_with_fallback(call, on_done, |_| ());
    }

    /// Like [`Self::send`], for a response that cannot be requested again: if the page was closed in the meantime, `on_left` receives it.
    pub fn send_with_fallback<T: 'static>(
        self,
        call: Option<impl Future<Output = Result<T, Error>> + 'static>,
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
    fn run(self, work: Pin<Box<dyn Future<Output = Result<(), Error>>>>) {
        self.pending.set(true);
        spawn_local(async move {
            // It stays pending after success, so that a second click can't send it again.
            if let Err(error) = work.await
                && !self.pending.is_disposed()
            {
                self.pending.set(false);
                self.errors.set(vec![error]);
                self.focus_first_invalid();
            }
        });
    }

    fn focus_first_invalid(self) {
        let Some(form) = self.element.get_untracked() else { return };
        let errors = self.errors.get_untracked();
        let control = errors.iter().find_map(|error| browser::find_control(&form, error.field_error()?.0));
        if let Some(control) = control {
            browser::open_details(&control);
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
    let error = form.form_error();
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
pub fn FormError(
    form: Form,
    /// Field name in the request.
    about: &'static str,
) -> impl IntoView {
    let error = form.field_error(about);
    move || error.get().map(|message| view! { <Alert message/> })
}

/// For calls that remove something: `NotFound` counts as success, because another user was faster.
pub async fn ignore_not_found(call: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    match call.await {
        Err(Error::NotFound) => Ok(()),
        outcome => outcome,
    }
}
