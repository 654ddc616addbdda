//! State shared by the sections of a corpus's page.

use leptos::prelude::*;

use crate::api::corpora::{corpus_page, list_documents};
use latchkey_types::{
    account::Viewer,
    corpus::{CorpusPage, DocumentList, DocumentRow},
};
use latchkey_ui::{
    dialog::{Dialogs, use_dialogs},
    resource::Refetchable,
    toast::{ToastText, Toasts, use_toasts},
};

/// The open dialog of the page.
#[derive(Clone)]
pub(super) enum OpenDialog {
    Upload,
    DeleteDocument(DocumentRow),
    /// Also for the first upstream.
    EditUpstream,
    /// With its base URL.
    RemoveUpstream(String),
}

/// A page of the documents, and the pages before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShownDocuments {
    /// The last ids of the previous pages.
    pub before: Vec<String>,
    pub list: DocumentList,
}

#[derive(Clone, Copy)]
pub(super) struct CorpusContext {
    pub id: i64,
    pub viewer: StoredValue<Viewer>,
    pub page: Refetchable<CorpusPage>,
    pub documents: Refetchable<ShownDocuments>,
    pub dialogs: Dialogs<OpenDialog>,
    toasts: Toasts,
}

impl CorpusContext {
    pub(super) fn new(viewer: Viewer, page: CorpusPage, list: DocumentList) -> Self {
        Self {
            id: page.corpus.id,
            viewer: StoredValue::new(viewer),
            page: Refetchable::new(page),
            documents: Refetchable::new(ShownDocuments { before: Vec::new(), list }),
            dialogs: use_dialogs(),
            toasts: use_toasts(),
        }
    }

    /// Whether the built-in index has documents of the corpus.
    pub(super) fn has_documents(self) -> bool {
        self.documents.with(|shown| !shown.before.is_empty() || !shown.list.documents.is_empty())
    }

    fn shown(self) -> ShownDocuments {
        untrack(|| self.documents.with(Clone::clone))
    }

    /// Reloads everything, after documents were added or the upstream was changed.
    pub(super) fn reload(self) {
        self.page.refetch(move || corpus_page(self.id));
        self.open(self.shown().before);
    }

    /// Reloads everything, after a document was deleted. If it was the only one on the page, opens the previous page.
    pub(super) fn reload_after_delete(self) {
        let ShownDocuments { mut before, list } = self.shown();
        if list.documents.len() == 1 {
            before.pop();
        }
        self.page.refetch(move || corpus_page(self.id));
        self.open(before);
    }

    /// Relative to the shown page, so that repeated clicks open the same page.
    pub(super) fn open_next(self) {
        let ShownDocuments { mut before, list } = self.shown();
        if let Some(next) = list.next {
            before.push(next);
            self.open(before);
        }
    }

    pub(super) fn open_previous(self) {
        let mut before = self.shown().before;
        before.pop();
        self.open(before);
    }

    /// Loads the page of documents that follows these pages.
    fn open(self, before: Vec<String>) {
        self.documents.refetch(move || {
            let before = before.clone();
            async move {
                let list = list_documents(self.id, before.last().cloned()).await?;
                Ok(ShownDocuments { before, list })
            }
        });
    }

    /// Shows a success toast.
    pub(super) fn notify(self, message: ToastText) {
        self.toasts.success(message);
    }
}
