//! What the page of a project's templates knows, and how it is saved.

use leptos::prelude::*;

use super::dialogs::Asked;
use crate::{
    api::templates::{edit_field, edit_template, read_desk},
    model::{
        fault::Fault,
        id::{FieldId, KeyRequestId, ProjectId, TemplateId},
        template::{Edit, FieldRow, FieldValue, RequestRow, TemplateDesk, TemplateRow, TemplateValue},
    },
    pages::projects::fresh::stay_up_to_date,
    ui::{
        browser,
        in_place::{Change, Outcome},
        loaded::Loaded,
    },
};

/// The page's data and what somebody asked for over it.
#[derive(Clone, Copy)]
pub struct Desk {
    /// The project.
    pub project: ProjectId,
    /// The dialog that is open.
    pub asked: RwSignal<Option<Asked>>,
    data: Loaded<TemplateDesk>,
    /// The id of what was just made: its name is opened for editing once it is drawn.
    next: StoredValue<Option<String>>,
}

impl Desk {
    /// The data as it was first read.
    pub fn new(first: TemplateDesk) -> Self {
        let project = first.project.id;
        Self { project, asked: RwSignal::new(None), data: Loaded::new(first), next: StoredValue::new(None) }
    }

    /// Looks at the data.
    pub fn with<U>(self, look: impl FnOnce(&TemplateDesk) -> U) -> U {
        self.data.with(look)
    }

    /// How many requests wait.
    pub fn waiting(self) -> i64 {
        self.with(|data| i64::try_from(data.requests.len()).unwrap_or(i64::MAX))
    }

    /// Takes over what a call answered.
    pub fn change(self, change: impl FnOnce(&mut TemplateDesk)) {
        self.data.change(change);
    }

    /// What went wrong when the data was last read.
    pub fn trouble(self) -> Signal<Option<Fault>> {
        self.data.trouble()
    }

    /// A template, drawn once and changed in place.
    pub fn template(self, id: TemplateId) -> Option<Memo<TemplateRow>> {
        self.data.part(move |data| data.templates.iter().find(|template| template.id == id).cloned())
    }

    /// A request that waits, drawn once and changed in place.
    pub fn request(self, id: KeyRequestId) -> Option<Memo<RequestRow>> {
        self.data.part(move |data| data.requests.iter().find(|request| request.id == id).cloned())
    }

    /// Reads everything anew. What is being edited stays as it is.
    pub fn reload(self) {
        self.data.read_again(move || read_desk(self.project));
    }

    /// Reads everything anew whenever it may be different.
    pub fn stay_up_to_date(self) {
        stay_up_to_date(self.project, move || self.reload());
    }

    /// Opens what has this id once it is drawn.
    pub fn open_next(self, id: String) {
        self.next.set_value(Some(id));
    }

    /// Whether this is what is to be opened; it is then no longer.
    pub fn opens(self, id: &str) -> bool {
        let is_next = self.next.with_value(|next| next.as_deref() == Some(id));
        if is_next {
            self.next.set_value(None);
        }
        is_next
    }

    /// What saves a value of a template.
    pub fn saves(self, id: TemplateId, which: TemplateValue) -> Callback<Change, Outcome> {
        Callback::new(move |change| self.save(id, which, change))
    }

    /// Saves a value of a template.
    pub fn save(self, id: TemplateId, which: TemplateValue, Change { before, after }: Change) -> Outcome {
        Box::pin(async move {
            let saved = self.heard(edit_template(id, Edit { which, before, after }).await)?;
            self.change(|data| replace(&mut data.templates, saved, |template| template.id == id));
            Ok(())
        })
    }

    /// What saves a value of a field.
    pub fn saves_field(self, template: TemplateId, id: FieldId, which: FieldValue) -> Callback<Change, Outcome> {
        Callback::new(move |Change { before, after }| -> Outcome {
            Box::pin(async move {
                let saved = self.heard(edit_field(id, Edit { which, before, after }).await)?;
                self.change_fields(template, |fields| replace(fields, saved, |field| field.id == id));
                Ok(())
            })
        })
    }

    /// Takes over what became of a template's fields.
    pub fn change_fields(self, template: TemplateId, change: impl FnOnce(&mut Vec<FieldRow>)) {
        self.change(|data| {
            if let Some(template) = data.templates.iter_mut().find(|each| each.id == template) {
                change(&mut template.fields);
            }
        });
    }

    /// What a call answered. Where somebody else was faster, what they did is read.
    pub fn heard<T>(self, answer: Result<T, Fault>) -> Result<T, Fault> {
        match &answer {
            Err(Fault::Conflict { .. }) => self.reload(),
            Err(Fault::SignedOut) => browser::go_to_sign_in(),
            _ => {}
        }
        answer
    }
}

fn replace<T>(all: &mut [T], one: T, is_it: impl Fn(&T) -> bool) {
    if let Some(place) = all.iter_mut().find(|each| is_it(each)) {
        *place = one;
    }
}
