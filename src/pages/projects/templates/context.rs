//! State of the templates page, and saving of its edits.

use leptos::prelude::*;

use super::request_list::{Outcome, RequestList};
use crate::{
    api::key_templates::{edit_field, edit_template, templates_page},
    pages::projects::live_updates::stay_up_to_date,
};
use latchkey_types::{
    error::Error,
    id::{AccessRequestId, FieldId, ProjectId, TemplateId},
    key_template::{FieldRow, FieldValue, RequestRow, TemplateRow, TemplateValue, TemplatesPageData, ValueEdit},
};
use latchkey_ui::{
    browser,
    dialog::{Dialogs, use_dialogs},
    inline_edit::{Change, InlineEditor, SaveFuture},
    resource::Refetchable,
    rows::RowList,
};

/// The open dialog.
#[derive(Clone)]
pub(super) enum OpenDialog {
    Delete(TemplateRow),
    Reject(RequestRow),
    /// Inserts a node's id into this value.
    Node(InlineEditor),
}

/// The page's data and its open dialog.
#[derive(Clone, Copy)]
pub(super) struct TemplatesContext {
    pub project: ProjectId,
    pub dialogs: Dialogs<OpenDialog>,
    /// The requests as the page lists them.
    pub request_list: RequestList,
    /// Error of the last decision about a request.
    pub request_error: RwSignal<Option<Error>>,
    data: Refetchable<TemplatesPageData>,
    /// Id of the inline edit of a new template or field that is opened once it is rendered.
    next: StoredValue<Option<String>>,
}

impl TemplatesContext {
    pub(super) fn new(first: TemplatesPageData) -> Self {
        let project = first.project.id;
        Self {
            project,
            dialogs: use_dialogs(),
            request_list: RequestList::new(&first.requests),
            request_error: RwSignal::new(None),
            data: Refetchable::new(first),
            next: StoredValue::new(None),
        }
    }

    pub(super) fn with<U>(self, read: impl FnOnce(&TemplatesPageData) -> U) -> U {
        self.data.with(read)
    }

    /// Number of pending requests.
    pub(super) fn pending_requests(self) -> i64 {
        self.with(|data| i64::try_from(data.requests.len()).unwrap_or(i64::MAX))
    }

    /// Updates the data locally.
    pub(super) fn change(self, change: impl FnOnce(&mut TemplatesPageData)) {
        self.data.change(change);
    }

    /// Error of the last load.
    pub(super) fn error(self) -> Signal<Option<Error>> {
        self.data.error()
    }

    pub(super) fn templates(self) -> RowList<TemplatesPageData, TemplateRow, TemplateId> {
        self.data.rows(|data| &data.templates, |template| template.id)
    }

    /// Records a decision about a request.
    pub(super) fn close_request(self, id: AccessRequestId, outcome: Outcome) {
        let _ = self.request_error.try_set(None);
        self.request_list.decide(id, outcome);
        self.change(|data| data.requests.retain(|request| request.id != id));
    }

    /// Reloads the data. Values that are being edited are kept.
    pub(super) fn reload(self) {
        self.data.refetch(move || templates_page(self.project));
    }

    /// Reloads the data whenever it may have changed.
    pub(super) fn stay_up_to_date(self) {
        stay_up_to_date(self.project, move || self.reload());
    }

    /// Opens the inline edit with this id once it is rendered.
    pub(super) fn open_next(self, id: String) {
        self.next.set_value(Some(id));
    }

    /// Whether to open the inline edit with this id now. True once.
    pub(super) fn should_open(self, id: &str) -> bool {
        let is_next = self.next.with_value(|next| next.as_deref() == Some(id));
        if is_next {
            self.next.set_value(None);
        }
        is_next
    }

    /// A callback to save a value of a template.
    pub(super) fn save_callback(self, id: TemplateId, which: TemplateValue) -> Callback<Change, SaveFuture> {
        Callback::new(move |change| self.save(id, which, change))
    }

    pub(super) fn save(self, id: TemplateId, which: TemplateValue, Change { before, after }: Change) -> SaveFuture {
        Box::pin(async move {
            let saved = self.handle_errors(edit_template(id, ValueEdit { which, before, after }).await)?;
            self.change(|data| replace(&mut data.templates, saved, |template| template.id == id));
            Ok(())
        })
    }

    /// A callback to save a value of a field.
    pub(super) fn save_field_callback(self, template: TemplateId, id: FieldId, which: FieldValue) -> Callback<Change, SaveFuture> {
        Callback::new(move |Change { before, after }| -> SaveFuture {
            Box::pin(async move {
                let saved = self.handle_errors(edit_field(id, ValueEdit { which, before, after }).await)?;
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
    pub(super) fn handle_errors<T>(self, result: Result<T, Error>) -> Result<T, Error> {
        match &result {
            Err(Error::Conflict { .. }) => self.reload(),
            Err(Error::SignedOut) => browser::go_to_sign_in(),
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
