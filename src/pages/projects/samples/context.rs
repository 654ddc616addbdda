//! State of the `Samples` page.

use leptos::prelude::*;

use super::query_state::SampleSearch;
use crate::api::samples::list_samples;
use latchkey_types::{
    id::{ImportId, ProjectId, SampleId},
    project::ProjectRow,
    sample::{ImportRow, SampleList, SampleRow},
};
use latchkey_ui::{
    dialog::{Dialogs, use_dialogs},
    resource::Refetchable,
    toast::{Toasts, use_toasts},
};

#[derive(Clone)]
pub(super) enum OpenDialog {
    Import,
    /// The files of an import.
    Files(ImportRow),
    Stop(ImportRow),
    Delete(Vec<SampleRow>),
}

/// State shared by the parts of the page.
#[derive(Clone, Copy)]
pub(super) struct SamplesContext {
    pub project: ProjectId,
    /// Whether the viewer can import and delete samples.
    pub is_managed: bool,
    pub search: SampleSearch,
    pub list: Refetchable<SampleList>,
    pub dialogs: Dialogs<OpenDialog>,
    pub toasts: Toasts,
    /// The last samples of the previous pages.
    starts: RwSignal<Vec<SampleId>>,
    selected: RwSignal<Vec<SampleId>>,
}

impl SamplesContext {
    pub(super) fn new(project: &ProjectRow, search: SampleSearch, first: SampleList) -> Self {
        Self {
            project: project.id,
            is_managed: project.is_managed(),
            search,
            list: Refetchable::new(first),
            dialogs: use_dialogs(),
            toasts: use_toasts(),
            starts: RwSignal::new(Vec::new()),
            selected: RwSignal::new(Vec::new()),
        }
    }

    /// Reloads the current page; its rows stay visible until the response arrives. Has no effect if the page was closed.
    pub(super) fn reload(self) {
        let Some(after) = self.starts.try_with_untracked(|starts| starts.last().copied()) else { return };
        let (project, search) = (self.project, self.search.now());
        self.list.refetch(move || list_samples(project, search.clone(), after));
    }

    /// Loads the first page, after the search changed.
    pub(super) fn restart(self) {
        self.starts.set(Vec::new());
        self.clear_selection();
        self.reload();
    }

    /// Number of the current page, from 1.
    pub(super) fn page(self) -> usize {
        self.starts.with(|starts| starts.len() + 1)
    }

    pub(super) fn go_to_next_page(self) {
        if let Some(next) = untrack(|| self.list.with(|list| list.next)) {
            self.starts.update(|starts| starts.push(next));
            self.clear_selection();
            self.reload();
        }
    }

    pub(super) fn go_to_previous_page(self) {
        self.starts.update(|starts| starts.truncate(starts.len().saturating_sub(1)));
        self.clear_selection();
        self.reload();
    }

    /// Shows a toast and reloads the list.
    pub(super) fn notify(self, message: String) {
        self.toasts.success(message);
        self.reload();
    }

    /// The row of an import, while it is listed.
    pub(super) fn import(self, id: ImportId) -> Option<ImportRow> {
        self.list.with(|list| list.imports.iter().find(|import| import.id == id).cloned())
    }

    pub(super) fn is_selected(self, id: SampleId) -> bool {
        self.selected.with(|selected| selected.contains(&id))
    }

    pub(super) fn toggle(self, id: SampleId) {
        self.selected.update(|selected| {
            if selected.contains(&id) {
                selected.retain(|other| *other != id);
            } else {
                selected.push(id);
            }
        });
    }

    pub(super) fn select_page(self) {
        let ids = untrack(|| self.list.with(|list| list.samples.iter().map(|sample| sample.id).collect()));
        self.selected.set(ids);
    }

    pub(super) fn clear_selection(self) {
        self.selected.set(Vec::new());
    }

    /// The selected samples that still exist.
    pub(super) fn selection(self) -> Vec<SampleRow> {
        self.list.with(|list| {
            let is_selected = |sample: &&SampleRow| self.selected.with(|selected| selected.contains(&sample.id));
            list.samples.iter().filter(is_selected).cloned().collect()
        })
    }
}
