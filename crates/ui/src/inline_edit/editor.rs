//! The state of inline editing, without the view.

use std::{future::Future, pin::Pin, time::Duration};

use leptos::{html, prelude::*, task::spawn_local};

use super::super::browser;
use latchkey_types::error::Error;

/// How long `Saved` is shown.
const SAVED_DURATION: Duration = Duration::from_millis(2400);

/// A change to save.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The value that the user saw, to detect concurrent changes.
    pub before: String,
    pub after: String,
}

/// The result of saving. On success, the value signal must already have the new value.
pub type SaveFuture = Pin<Box<dyn Future<Output = Result<(), Error>>>>;

/// The editing state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Shown as text.
    Text,
    /// Shown as text, saved a moment ago.
    Saved,
    /// Shown as a field.
    Field,
    /// Shown as a read-only field while it is saved.
    Saving,
    /// Shown as a field with the error of the last save.
    Refused(Error),
}

impl State {
    pub(super) const fn is_field(&self) -> bool {
        matches!(self, Self::Field | Self::Saving | Self::Refused(_))
    }
}

/// The inline editor of one value. A click on the text opens the field; Enter and blur save; Escape cancels.
#[derive(Clone, Copy)]
pub struct InlineEditor {
    pub(super) value: Signal<String>,
    save: Callback<Change, SaveFuture>,
    pub(super) state: RwSignal<State>,
    pub(super) typed: RwSignal<String>,
    /// The value when editing began, or the value that the conflict message showed.
    seen: RwSignal<String>,
    /// Text to insert after the current save has finished.
    pending_insert: StoredValue<Option<String>>,
    /// Whether the field, and later the text, is focused when it is rendered.
    pub(super) moves_focus: RwSignal<bool>,
    pub(super) field: NodeRef<html::Textarea>,
}

/// The number of unsaved inline edits. Each [`InlineEdit`] below the provider is counted.
#[derive(Clone, Copy)]
pub struct UnsavedEdits(RwSignal<usize>);

impl UnsavedEdits {
    /// Provides the context for the editors below.
    pub fn provide() -> Self {
        let unsaved = Self(RwSignal::new(0));
        provide_context(unsaved);
        unsaved
    }

    pub fn any(self) -> Signal<bool> {
        Signal::derive(move || self.0.get() > 0)
    }

    pub(super) fn count(self, editor: InlineEditor) {
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

impl InlineEditor {
    pub fn new(value: impl Into<Signal<String>>, save: Callback<Change, SaveFuture>) -> Self {
        Self {
            value: value.into(),
            save,
            state: RwSignal::new(State::Text),
            typed: RwSignal::new(String::new()),
            seen: RwSignal::new(String::new()),
            pending_insert: StoredValue::new(None),
            moves_focus: RwSignal::new(false),
            field: NodeRef::new(),
        }
    }

    /// Opens the field and focuses it.
    pub fn open(self) {
        if !self.is_field() {
            self.moves_focus.set(true);
            self.begin(self.value.get_untracked());
        }
    }

    /// Inserts text at the caret. If the field is not open, appends the text to the value and saves it.
    pub fn insert(self, text: &str) {
        let Some(state) = self.state.try_get_untracked() else { return };
        if state == State::Saving {
            self.pending_insert.set_value(Some(text.to_owned()));
        } else if state.is_field() {
            let Some(field) = self.field.get_untracked() else { return };
            let end = field.selection_start().ok().flatten().map(|start| start + utf16_length(text));
            // Each fails only for elements without text.
            let _ = field.set_range_text(text);
            let _ = field.set_selection_start(end);
            let _ = field.set_selection_end(end);
            self.set_input(field.value());
            browser::focus(&field);
        } else if let Some(value) = self.value.try_get_untracked() {
            self.moves_focus.set(false);
            self.begin(value + text);
            self.commit();
        }
    }

    pub(super) fn is_field(self) -> bool {
        self.state.try_with_untracked(State::is_field) == Some(true)
    }

    /// Whether there is unsaved input.
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

    pub(super) fn cancel(self) {
        self.moves_focus.set(true);
        self.state.set(State::Text);
    }

    /// Sets the input, and clears the error of the previous input unless it is a conflict.
    pub(super) fn set_input(self, typed: String) {
        self.typed.set(typed);
        if self.state.with_untracked(|state| matches!(state, State::Refused(_))) && self.value.get_untracked() == self.seen.get_untracked() {
            self.state.set(State::Field);
        }
    }

    /// Saves on blur, except input that was rejected before. Ignored while a dialog is open, because the dialog returns the focus.
    ///
    /// The browser also sends `blur` while a field is removed, when the signals may be disposed.
    pub(super) fn leave(self) {
        if self.state.try_with_untracked(|state| *state == State::Field) == Some(true) && !browser::has_open_dialog() {
            self.moves_focus.set(false);
            self.commit();
        }
    }

    /// Saves the input, unless it is unchanged or being saved. After a conflict it overwrites the value that the message showed.
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
            // The view may have been removed in the meantime.
            let state = outcome.map_or_else(State::Refused, |()| State::Saved);
            let _ = self.state.try_set(state.clone());
            if state == State::Saved {
                set_timeout(move || self.hide_saved(), SAVED_DURATION);
            }
            if let Some(pending_insert) = self.pending_insert.try_update_value(Option::take).flatten() {
                self.insert(&pending_insert);
            }
        });
    }

    fn hide_saved(self) {
        if self.state.try_with_untracked(|state| *state == State::Saved) == Some(true) {
            let _ = self.state.try_set(State::Text);
        }
    }

    /// The error of the last save, or a conflict message with the new value.
    pub(super) fn error(self) -> Option<String> {
        self.state.with(|state| {
            let State::Refused(error) = state else { return None };
            let (now, seen) = (self.value.get(), self.seen.get());
            if now == seen {
                return Some(error.to_string());
            }
            let now = if now.is_empty() { "an empty value".to_owned() } else { format!("“{now}”") };
            Some(format!("Someone else changed this to {now}. Press Enter to overwrite it or Escape to keep it."))
        })
    }
}

fn utf16_length(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).unwrap_or_default()
}
