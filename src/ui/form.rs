//! A form that is checked here first, sent once, and says at each field what is wrong with it.

use std::{future::Future, pin::Pin};

use leptos::{ev, html, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

use super::{browser, message::Alert};
use crate::model::fault::Fault;

/// A form: its element, what is wrong with it, and whether it is on its way.
#[derive(Clone, Copy)]
pub struct Form {
    element: NodeRef<html::Form>,
    wrongs: RwSignal<Vec<Fault>>,
    pending: RwSignal<bool>,
}

impl Form {
    /// A form with nothing wrong yet.
    pub fn new() -> Self {
        Self { element: NodeRef::new(), wrongs: RwSignal::new(Vec::new()), pending: RwSignal::new(false) }
    }

    /// Whether it is on its way, or has arrived.
    pub fn pending(self) -> Signal<bool> {
        self.pending.into()
    }

    /// What is wrong with a field.
    pub fn wrong(self, field: &'static str) -> Signal<Option<String>> {
        self.wrong_in(Signal::stored(field.to_owned()))
    }

    /// The same of a field whose name changes, such as one of a row that moves up.
    pub fn wrong_in(self, field: Signal<String>) -> Signal<Option<String>> {
        let message = |fault: &Fault, field: &str| fault.about_field().filter(|(name, _)| *name == field).map(|(_, message)| message.to_owned());
        Signal::derive(move || field.with(|field| self.wrongs.with(|wrongs| wrongs.iter().find_map(|fault| message(fault, field)))))
    }

    /// Forgets what is wrong, where it may no longer be.
    pub fn forget_wrongs(self) {
        self.wrongs.set(Vec::new());
    }

    /// What is wrong with the form as a whole.
    pub fn wrong_at_all(self) -> Signal<Option<String>> {
        let elsewhere = |fault: &&Fault| fault.about_field().is_none();
        Signal::derive(move || self.wrongs.with(|wrongs| wrongs.iter().find(elsewhere).map(ToString::to_string)))
    }

    /// What was typed into a field or chosen in it, if the rule takes it; else the rule's complaint is kept for that field.
    pub fn check<T>(self, field: &'static str, rule: impl FnOnce(&str, &str) -> Result<T, Fault>) -> Option<T> {
        self.keep(rule(field, &self.value(field)))
    }

    /// The values of the boxes of a group that are ticked, if the rule takes them; else its complaint is kept for the group.
    pub fn check_ticked<T>(self, group: &'static str, rule: impl FnOnce(&str, Vec<String>) -> Result<T, Fault>) -> Option<T> {
        let ticked = self.element.get_untracked().map(|form| browser::ticked(&form, group));
        self.keep(rule(group, ticked.unwrap_or_default()))
    }

    /// What stands in a field now, unchecked. Nothing where there is no such field.
    pub fn value(self, field: &str) -> String {
        let control = self.element.get_untracked().and_then(|form| browser::control_named(&form, field));
        control.map(|control| browser::value_of(&control)).unwrap_or_default()
    }

    /// Whether there is such a field now.
    pub fn has(self, field: &str) -> bool {
        self.element.get_untracked().is_some_and(|form| browser::control_named(&form, field).is_some())
    }

    /// What was checked elsewhere; a complaint is kept for its field.
    pub fn keep<T>(self, checked: Result<T, Fault>) -> Option<T> {
        checked.map_err(|fault| self.wrongs.update(|wrongs| wrongs.push(fault))).ok()
    }

    /// Sends what was checked, unless something was wrong: then the first wrong field gets the focus. `on_done` hears nothing where the
    /// page was left meanwhile.
    pub fn send<T: 'static>(self, call: Option<impl Future<Output = Result<T, Fault>> + 'static>, on_done: impl FnOnce(T) + 'static) {
        self.send_for_keeps(call, on_done, |_| ());
    }

    /// As [`Self::send`], for an answer that nothing brings back: where the page was left meanwhile, `on_left` gets it.
    pub fn send_for_keeps<T: 'static>(
        self,
        call: Option<impl Future<Output = Result<T, Fault>> + 'static>,
        on_done: impl FnOnce(T) + 'static,
        on_left: impl FnOnce(T) + 'static,
    ) {
        let Some(call) = call else { return self.focus_first_wrong() };
        self.run(Box::pin(async move {
            let answer = call.await?;
            // What stands in the page is gone together with its form, callbacks included.
            if self.pending.is_disposed() {
                on_left(answer);
            } else {
                on_done(answer);
            }
            Ok(())
        }));
    }

    /// The part of sending that is the same for every call, so that the program holds it once.
    fn run(self, work: Pin<Box<dyn Future<Output = Result<(), Fault>>>>) {
        self.pending.set(true);
        spawn_local(async move {
            // When it went well it stays pending: what it was for is done, and a second click must not do it again.
            if let Err(fault) = work.await
                && !self.pending.is_disposed()
            {
                self.pending.set(false);
                self.wrongs.set(vec![fault]);
                self.focus_first_wrong();
            }
        });
    }

    fn focus_first_wrong(self) {
        let Some(form) = self.element.get_untracked() else { return };
        let wrongs = self.wrongs.get_untracked();
        let control = wrongs.iter().find_map(|fault| browser::control_named(&form, fault.about_field()?.0));
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

/// The form's element: its fields and buttons, and what is wrong with it as a whole. Never sent by the browser itself.
#[component]
pub fn FormView(
    /// The form.
    form: Form,
    /// What sending it does: check each field, then [`Form::send`]. Not called while it is on its way.
    #[prop(into)]
    on_submit: Callback<()>,
    /// Its fields and buttons.
    children: Children,
) -> impl IntoView {
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        if !form.pending.get_untracked() {
            form.wrongs.set(Vec::new());
            on_submit.run(());
        }
    };
    let wrong = form.wrong_at_all();
    // POST, should the browser ever send it: a GET would write what was typed into the address.
    view! {
        <form class="form" method="post" novalidate node_ref=form.element on:submit=submit>
            {children()}
            {move || wrong.get().map(|message| view! { <Alert message/> })}
        </form>
    }
}

/// What is wrong with something that a form is about without having a field for it.
#[component]
pub fn FormWrong(
    /// The form.
    form: Form,
    /// The thing's name in the call.
    about: &'static str,
) -> impl IntoView {
    let wrong = form.wrong(about);
    move || wrong.get().map(|message| view! { <Alert message/> })
}

/// What takes something away: where somebody else was faster, what was wanted is so.
///
/// # Errors
/// What the call answers, but for `NotFound`.
pub async fn or_gone(call: impl Future<Output = Result<(), Fault>>) -> Result<(), Fault> {
    match call.await {
        Err(Fault::NotFound) => Ok(()),
        outcome => outcome,
    }
}
