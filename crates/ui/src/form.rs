//! Forms that are validated in the browser, sent once, and show errors at their fields.

use std::{future::Future, pin::Pin, time::Duration};

use gloo_timers::future::TimeoutFuture;
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
    /// Names of the fields that the user changed.
    edited: RwSignal<Vec<String>>,
    /// Seconds until it can be sent again, after too many attempts.
    wait: RwSignal<u64>,
}

impl Form {
    pub fn new() -> Self {
        Self {
            element: NodeRef::new(),
            errors: RwSignal::new(Vec::new()),
            pending: RwSignal::new(false),
            edited: RwSignal::new(Vec::new()),
            wait: RwSignal::new(0),
        }
    }

    /// Whether it is being sent or was sent successfully.
    pub fn pending(self) -> Signal<bool> {
        self.pending.into()
    }

    /// Whether it can't be sent for a while, after too many attempts.
    pub fn is_waiting(self) -> Signal<bool> {
        Signal::derive(move || self.wait.get() > 0)
    }

    /// The label of its submit button: the remaining time instead, while it is waiting.
    pub fn submit_label(self, label: Signal<String>) -> Signal<String> {
        Signal::derive(move || match self.wait.get() {
            0 => label.get(),
            seconds => format!("Try again in {}:{:02}", seconds / 60, seconds % 60),
        })
    }

    /// Whether the user changed a field.
    pub fn is_edited(self) -> bool {
        self.edited.with_untracked(|edited| !edited.is_empty())
    }

    /// Focuses the first field.
    pub fn focus_first(self) {
        if let Some(form) = self.element.get_untracked() {
            browser::focus_first(&form, "input, select, textarea");
        }
    }

    /// Submits it as the user does: not while its submit button is disabled.
    fn click_submit(self) {
        let buttons = self.element.get_untracked().map(|form| browser::find_all(&form, "[type=submit]:not(:disabled)"));
        if let Some(button) = buttons.unwrap_or_default().first() {
            button.click();
        }
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

    /// Enables the form again after it was sent, for a form with several steps. Has no effect if the form was closed.
    pub fn reopen(self) {
        let _ = self.pending.try_set(false);
    }

    /// Clears all errors.
    pub fn clear_errors(self) {
        self.errors.set(Vec::new());
    }

    /// Clears the errors of a field, and of the group that contains it. Has no effect if the form was closed.
    pub fn clear_error(self, field: &str) {
        let is_outdated = |error: &Error| error.field_error().is_some_and(|(name, _)| is_field_or_its_group(name, field));
        if self.errors.try_with_untracked(|errors| errors.iter().any(is_outdated)) == Some(true) {
            let _ = self.errors.try_update(|errors| errors.retain(|error| !is_outdated(error)));
        }
    }

    /// The user changed a field: its error refers to the previous value. Call it for changes that cause no `input` event. Has no effect if
    /// the form was closed.
    pub fn mark_edited(self, field: &str) {
        if self.edited.try_with_untracked(|edited| edited.iter().any(|name| name == field)) == Some(false) {
            let _ = self.edited.try_update(|edited| edited.push(field.to_owned()));
        }
        self.clear_error(field);
    }

    /// Controls without a name, such as the search field of a list, are no data.
    fn handle_edit(self, event: &ev::Event) {
        if let Some(name) = browser::control_name(event) {
            self.mark_edited(&name);
        }
    }

    /// The user leaves a field: shows its error if it was changed.
    fn handle_leave(self, event: &ev::FocusEvent, validate: Callback<()>) {
        // Removing a focused field causes this event too, when the form may be disposed already.
        let is_edited = |name: &String| self.edited.try_with_untracked(|edited| edited.contains(name)) == Some(true);
        if let Some(name) = browser::control_name(event).filter(is_edited).filter(|_| browser::enters_field(event)) {
            // After the field has rendered its final value.
            set_timeout(move || self.show_error_of(&name, validate), Duration::ZERO);
        }
    }

    /// Runs the rules of the whole form, and shows the error of one field only.
    fn show_error_of(self, field: &str, validate: Callback<()>) {
        let Some(shown) = self.errors.try_get_untracked() else { return };
        let concerns_field = |error: &Error| error.field_error().is_some_and(|(name, _)| is_field_or_its_group(name, field));
        // An error of the server can't be found here again.
        if self.pending.get_untracked() || shown.iter().any(concerns_field) {
            return;
        }
        self.errors.set(Vec::new());
        validate.run(());
        let found = self.errors.get_untracked().into_iter().filter(concerns_field);
        self.errors.set(shown.into_iter().chain(found).collect());
    }

    /// The error that belongs to no field.
    pub fn form_error(self) -> Signal<Option<String>> {
        let has_no_field = |error: &&Error| error.field_error().is_none();
        Signal::derive(move || self.errors.with(|errors| errors.iter().find(has_no_field).map(ToString::to_string)))
    }

    /// Whether the request failed because the session has ended.
    fn is_signed_out(self) -> bool {
        self.errors.with(|errors| errors.contains(&Error::SignedOut))
    }

    /// Validates the value of a field and returns the result. An error is shown at the field.
    pub fn check<T>(self, field: &'static str, rule: impl FnOnce(&str, &str) -> Result<T, Error>) -> Option<T> {
        self.record(rule(field, &self.value(field)))
    }

    /// Validates the checked values of a checkbox group. An error is shown at the group.
    pub fn check_group<T>(self, group: &'static str, rule: impl FnOnce(&str, Vec<String>) -> Result<T, Error>) -> Option<T> {
        self.record(rule(group, self.checked_values(group)))
    }

    /// The values of the checked boxes or radio buttons with this name.
    pub fn checked_values(self, group: &str) -> Vec<String> {
        self.element.get_untracked().map(|form| browser::checked_values(&form, group)).unwrap_or_default()
    }

    /// The values of all controls with this name, checked or not.
    pub fn values(self, name: &str) -> Vec<String> {
        self.element.get_untracked().map(|form| browser::values(&form, name)).unwrap_or_default()
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
        checked.map_err(|error| self.add_error(error)).ok()
    }

    pub fn add_error(self, error: Error) {
        self.errors.update(|errors| errors.push(error));
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
                if let Error::Throttled { seconds } = error {
                    self.wait_for(seconds);
                }
                self.errors.set(vec![error]);
                self.focus_first_invalid();
            }
        });
    }

    /// Counts down the seconds until it can be sent again, and then clears the error.
    fn wait_for(self, seconds: u64) {
        let until_ms = browser::now_ms().saturating_add(i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX));
        spawn_local(async move {
            // By the clock, because timers of a page in the background run late.
            while !self.wait.is_disposed() {
                let left_ms = until_ms.saturating_sub(browser::now_ms()).max(0);
                self.wait.set(left_ms.unsigned_abs().div_ceil(1000));
                if left_ms == 0 {
                    return self.clear_errors();
                }
                TimeoutFuture::new(1_000).await;
            }
        });
    }

    fn focus_first_invalid(self) {
        let Some(form) = self.element.get_untracked() else { return };
        let errors = self.errors.get_untracked();
        let has_error = |name: &String| errors.iter().any(|error| error.field_error().is_some_and(|(about, _)| about == name));
        // In the order of the document.
        let controls = browser::find_all(&form, "[name]").into_iter();
        let invalid: Vec<_> = controls.filter(|control| control.get_attribute("name").as_ref().is_some_and(has_error)).collect();
        for control in &invalid {
            browser::open_details(control);
        }
        if let Some(control) = invalid.first() {
            browser::focus(control);
            if let Some(input) = control.dyn_ref::<HtmlInputElement>() {
                input.select();
            }
        } else {
            // After the alert is rendered.
            set_timeout(move || browser::scroll_into_view(&form, "[role=alert]"), Duration::ZERO);
        }
    }
}

/// Whether an error about `name` concerns `field`: `rate_limits` is the group of `rate_limits[0].name`.
fn is_field_or_its_group(name: &str, field: &str) -> bool {
    field.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
}

impl Default for Form {
    fn default() -> Self {
        Self::new()
    }
}

/// The form element with its form-level error, fields and buttons. Never submitted by the browser itself.
#[component]
pub fn FormView(
    form: Form,
    /// Validates each field, then calls [`Form::send`]. Not called while the form is being sent.
    #[prop(into)]
    on_submit: Callback<()>,
    /// Validates each field. If it is set, the error of a changed field is shown when the focus leaves it.
    #[prop(optional_no_strip)]
    on_validate: Option<Callback<()>>,
    children: Children,
) -> impl IntoView {
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        if !form.pending.get_untracked() && form.wait.get_untracked() == 0 {
            form.errors.set(Vec::new());
            on_submit.run(());
        }
    };
    // In a text area, Enter alone starts a new line.
    let on_keydown = move |event: ev::KeyboardEvent| {
        if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) && browser::is_typing() {
            event.prevent_default();
            form.click_submit();
        }
    };
    let on_edit = move |event: ev::Event| form.handle_edit(&event);
    let on_leave = move |event: ev::FocusEvent| {
        if let Some(validate) = on_validate {
            form.handle_leave(&event, validate);
        }
    };
    let error = form.form_error();
    // POST, in case the browser submits it: GET would put the values into the URL.
    view! {
        <form class="form" method="post" novalidate node_ref=form.element on:submit=submit on:keydown=on_keydown
            on:input=on_edit on:change=on_edit on:focusout=on_leave>
            {move || error.get().map(|message| view! { <Alert message/> })}
            {move || form.is_signed_out().then(|| view! {
                <p class="form-signed-out">
                    "Your entries are kept. "
                    <a href=browser::SIGN_IN_PATH target="_blank">"Sign in again"</a>
                    " in a new tab, then submit this form."
                </p>
            })}
            {children()}
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
pub async fn ignore_not_found<T: Default>(call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match call.await {
        Err(Error::NotFound) => Ok(T::default()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::is_field_or_its_group;

    #[test]
    fn an_edit_concerns_the_field_and_its_group() {
        for name in ["rate_limits", "rate_limits[0]", "rate_limits[0].name"] {
            assert!(is_field_or_its_group(name, "rate_limits[0].name"), "{name}");
        }
        for name in ["rate_limits[0].limit", "rate_limits[1].name", "rate", "name", ""] {
            assert!(!is_field_or_its_group(name, "rate_limits[0].name"), "{name}");
        }
    }
}
