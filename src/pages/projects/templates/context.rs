//! State of the templates page, and saving of its edits.

use leptos::prelude::*;

use super::dialogs::Asked;
use crate::{
    api::key_templates::{edit_field, edit_template, read_desk},
    pages::projects::live_updates::stay_up_to_date,
};
use latchkey_types::{
    error::Fault,
    id::{FieldId, KeyRequestId, ProjectId, TemplateId},
    key_template::{Edit, FieldRow, FieldValue, RequestRow, TemplateDesk, TemplateRow, TemplateValue},
};
use latchkey_ui::{
    browser,
    inline_edit::{Change, Outcome},
    resource::Loaded,
};

/// The page's data and its open dialog.
#[derive(Clone, Copy)]
pub(super) struct Desk {
    pub project: ProjectId,
    pub asked: RwSignal<Option<Asked>>,
    data: Loaded<TemplateDesk>,
    /// Id of a new template or field, whose name is edited once it is rendered.
    next: StoredValue<Option<String>>,
}

impl Desk {
    pub(super) fn new(first: TemplateDesk) -> Self {
        let project = first.project.id;
        Self { project, asked: RwSignal::new(None), data: Loaded::new(first), next: StoredValue::new(None) }
    }

    pub(super) fn with<U>(self, read: impl FnOnce(&TemplateDesk) -> U) -> U {
        self.data.with(read)
    }

    /// Number of pending requests.
    pub(super) fn waiting(self) -> i64 {
        self.with(|data| i64::try_from(data.requests.len()).unwrap_or(i64::MAX))
    }

    /// Updates the data locally.
    pub(super) fn change(self, change: impl FnOnce(&mut TemplateDesk)) {
        self.data.change(change);
    }

    /// Error of the last load.
    pub(super) fn trouble(self) -> Signal<Option<Fault>> {
        self.data.trouble()
    }

    /// A template, rendered once and updated in place.
    pub(super) fn template(self, id: TemplateId) -> Option<Memo<TemplateRow>> {
        self.data.part(move |data| data.templates.iter().find(|template| template.id == id).cloned())
    }

    /// A pending request, rendered once and updated in place.
    pub(super) fn request(self, id: KeyRequestId) -> Option<Memo<RequestRow>> {
        self.data.part(move |data| data.requests.iter().find(|request| request.id == id).cloned())
    }

    /// Reloads the data. Values that are being edited are kept.
    pub(super) fn reload(self) {
        self.data.read_again(move || read_desk(self.project));
    }

    /// Reloads the data whenever it may have changed.
    pub(super) fn stay_up_to_date(self) {
        stay_up_to_date(self.project, move || self.reload());
    }

    /// Opens the name of this template or field for editing once it is rendered.
    pub(super) fn open_next(self, id: String) {
        self.next.set_value(Some(id));
    }

    /// Whether to edit the name of this template or field now. Resets the mark.
    pub(super) fn opens(self, id: &str) -> bool {
        let is_next = self.next.with_value(|next| next.as_deref() == Some(id));
        if is_next {
            self.next.set_value(None);
        }
        is_next
    }

    /// A callback to save a value of a template.
    pub(super) fn saves(self, id: TemplateId, which: TemplateValue) -> Callback<Change, Outcome> {
        Callback::new(move |change| self.save(id, which, change))
    }

    pub(super) fn save(self, id: TemplateId, which: TemplateValue, Change { before, after }: Change) -> Outcome {
        Box::pin(async move {
            let saved = self.heard(edit_template(id, Edit { which, before, after }).await)?;
            self.change(|data| replace(&mut data.templates, saved, |template| template.id == id));
            Ok(())
        })
    }

    /// A callback to save a value of a field.
    pub(super) fn saves_field(self, template: TemplateId, id: FieldId, which: FieldValue) -> Callback<Change, Outcome> {
        Callback::new(move |Change { before, after }| -> Outcome {
            Box::pin(async move {
                let saved = self.heard(edit_field(id, Edit { which, before, after }).await)?;
                self.change_fields(template, |fields| replace(fields, saved, |field| field.id == id));
                Ok(())
            })
        })
    }

    /// Updates the fields of a template locally.
    pub(super) fn change_fields(self, template: TemplateId, change: impl FnOnce(&mut Vec<FieldRow>)) {
        self.change(|data| {
            if let Some(template) = data.templates.iter_mut().find(|each| each.id == template) {
                change(&mut template.fields);
            }
        });
    }

    /// Handles errors that concern the whole page: reloads after a conflict, and redirects a signed-out viewer.
    pub(super) fn heard<T>(self, result: Result<T, Fault>) -> Result<T, Fault> {
        match &result {
            Err(Fault::Conflict { .. }) => self.reload(),
            Err(Fault::SignedOut) => browser::go_to_sign_in(),
            _ => {}
        }
        result
    }
}

fn replace<T>(items: &mut [T], item: T, matches: impl Fn(&T) -> bool) {
    if let Some(slot) = items.iter_mut().find(|each| matches(each)) {
        *slot = item;
    }
}
