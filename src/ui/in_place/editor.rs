//! The editing of one value, apart from what draws it.

use std::{future::Future, pin::Pin, time::Duration};

use leptos::{html, prelude::*, task::spawn_local};

use super::super::browser;
use crate::model::fault::Fault;

/// For how long it says that a value was saved.
const SAID_FOR: Duration = Duration::from_millis(2400);

/// What is to be saved: what the editor saw before, and what they want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What stood there.
    pub before: String,
    /// What was typed.
    pub after: String,
}

/// What comes of saving. Once it went well, the value must be the new one.
pub type Outcome = Pin<Box<dyn Future<Output = Result<(), Fault>>>>;

/// What is being done with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// It stands there as text.
    Text,
    /// It stands there as text, and was saved just now.
    Saved,
    /// It is being changed.
    Field,
    /// What was typed is on its way.
    Saving,
    /// What was typed was not taken, and still stands in the field.
    Refused(Fault),
}

impl State {
    pub(super) const fn is_field(&self) -> bool {
        matches!(self, Self::Field | Self::Saving | Self::Refused(_))
    }
}

/// The editing of one value. A click on the text makes it a field; Enter or leaving the field saves, Escape puts back what stood there.
#[derive(Clone, Copy)]
pub struct Editor {
    pub(super) value: Signal<String>,
    save: Callback<Change, Outcome>,
    pub(super) state: RwSignal<State>,
    pub(super) typed: RwSignal<String>,
    /// What stood there when the editor began, or was told of when they were refused.
    seen: RwSignal<String>,
    /// What is to be put in once what is on its way has arrived.
    later: StoredValue<Option<String>>,
    /// Whether the field takes the focus when it comes, and the text when it comes back.
    pub(super) follows: RwSignal<bool>,
    pub(super) field: NodeRef<html::Textarea>,
}

/// How many values of a page hold what is not saved. [`InPlace`] counts below where it is provided.
#[derive(Clone, Copy)]
pub struct Unsaved(RwSignal<usize>);

impl Unsaved {
    /// Counts what is edited below.
    pub fn provide() -> Self {
        let unsaved = Self(RwSignal::new(0));
        provide_context(unsaved);
        unsaved
    }

    /// Whether something would be lost.
    pub fn any(self) -> Signal<bool> {
        Signal::derive(move || self.0.get() > 0)
    }

    pub(super) fn count(self, editor: Editor) {
        let is_unsaved = Memo::new(move |_| editor.is_unsaved());
        Effect::new(move || {
            if is_unsaved.get() {
                self.0.update(|count| *count += 1);
                on_cleanup(move || {
                    let _ = self.0.try_update(|count| *count -= 1);
                });
            }
        });
    }
}

impl Editor {
    /// For a value, and what saves it.
    pub fn new(value: impl Into<Signal<String>>, save: Callback<Change, Outcome>) -> Self {
        Self {
            value: value.into(),
            save,
            state: RwSignal::new(State::Text),
            typed: RwSignal::new(String::new()),
            seen: RwSignal::new(String::new()),
            later: StoredValue::new(None),
            follows: RwSignal::new(false),
            field: NodeRef::new(),
        }
    }

    /// Makes the text a field, which takes the focus.
    pub fn open(self) {
        if !self.is_field() {
            self.follows.set(true);
            self.begin(self.value.get_untracked());
        }
    }

    /// Puts a text where the caret is, or was; where the value is not being changed, behind it, and saves that.
    pub fn insert(self, text: &str) {
        let Some(state) = self.state.try_get_untracked() else { return };
        if state == State::Saving {
            self.later.set_value(Some(text.to_owned()));
        } else if state.is_field() {
            let Some(field) = self.field.get_untracked() else { return };
            let end = field.selection_start().ok().flatten().map(|start| start + utf16_length(text));
            // Each fails only for elements that hold no text.
            let _ = field.set_range_text(text);
            let _ = field.set_selection_start(end);
            let _ = field.set_selection_end(end);
            self.type_in(field.value());
            browser::focus(&field);
        } else if let Some(value) = self.value.try_get_untracked() {
            self.follows.set(false);
            self.begin(value + text);
            self.commit();
        }
    }

    pub(super) fn is_field(self) -> bool {
        self.state.try_with_untracked(State::is_field) == Some(true)
    }

    /// Whether what was typed stands here only.
    fn is_unsaved(self) -> bool {
        match self.state.get() {
            State::Text | State::Saved => false,
            State::Field => self.typed.with(|typed| self.seen.with(|seen| typed.trim() != seen)),
            State::Saving | State::Refused(_) => true,
        }
    }

    fn begin(self, typed: String) {
        self.seen.set(self.value.get_untracked());
        self.typed.set(typed);
        self.state.set(State::Field);
    }

    pub(super) fn put_back(self) {
        self.follows.set(true);
        self.state.set(State::Text);
    }

    /// Takes over what was typed. That was not refused, whatever was before.
    pub(super) fn type_in(self, typed: String) {
        self.typed.set(typed);
        if self.state.with_untracked(|state| matches!(state, State::Refused(_))) && self.value.get_untracked() == self.seen.get_untracked() {
            self.state.set(State::Field);
        }
    }

    /// The browser tells of this also while a field is taken away, when all of the editing may be gone.
    ///
    /// Leaving saves, but does not send again what was refused as it stands. A dialog over the page is not left for: it gives the focus back.
    pub(super) fn leave(self) {
        if self.state.try_with_untracked(|state| *state == State::Field) == Some(true) && !browser::has_dialog() {
            self.follows.set(false);
            self.commit();
        }
    }

    /// Sends what was typed, unless nothing was changed or it is on its way. After a refusal it is sent over what the message told of.
    pub(super) fn commit(self) {
        let Some(state) = self.state.try_get_untracked() else { return };
        if !state.is_field() || state == State::Saving {
            return;
        }
        let Some(now) = self.value.try_get_untracked() else { return };
        if let State::Refused(_) = state {
            self.seen.set(now);
        }
        let change = Change { before: self.seen.get_untracked(), after: self.typed.get_untracked() };
        if change.after.trim() == change.before {
            return self.state.set(State::Text);
        }
        let Some(outcome) = self.save.try_run(change) else { return };
        self.state.set(State::Saving);
        spawn_local(async move {
            let outcome = outcome.await;
            // Its place in the page may be gone by now.
            let state = outcome.map_or_else(State::Refused, |()| State::Saved);
            let _ = self.state.try_set(state.clone());
            if state == State::Saved {
                set_timeout(move || self.say_no_more(), SAID_FOR);
            }
            if let Some(later) = self.later.try_update_value(Option::take).flatten() {
                self.insert(&later);
            }
        });
    }

    fn say_no_more(self) {
        if self.state.try_with_untracked(|state| *state == State::Saved) == Some(true) {
            let _ = self.state.try_set(State::Text);
        }
    }

    /// What was wrong with what was typed; where somebody else was faster, what they made of it by now.
    pub(super) fn wrong(self) -> Option<String> {
        self.state.with(|state| {
            let State::Refused(fault) = state else { return None };
            let (now, seen) = (self.value.get(), self.seen.get());
            if now == seen {
                return Some(fault.to_string());
            }
            let now = if now.is_empty() { "nothing".to_owned() } else { format!("“{now}”") };
            Some(format!("Somebody else changed this to {now} meanwhile. Enter puts yours in its place, Escape keeps theirs."))
        })
    }
}

fn utf16_length(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).unwrap_or_default()
}
