//! State of the `About Project` page.

use super::frame::{OpenProject, use_project};
use crate::api::project_resources::list_project_resources;
use latchkey_types::{
    id::ProjectId,
    permission::Permissions,
    project::{ManagedResources, ProjectResources, ProjectRow},
};
use latchkey_ui::{
    resource::Refetchable,
    toast::{Toasts, use_toasts},
};

/// State shared by the sections of the page.
#[derive(Clone, Copy)]
pub(super) struct AboutContext {
    pub id: ProjectId,
    pub project: OpenProject,
    pub belongings: Refetchable<ProjectResources>,
    /// Whether the viewer can manage the project.
    pub is_managed: bool,
    toasts: Toasts,
}

// A response may arrive after the page was closed: the layout still shows the toast; the page's own signals are gone.
impl AboutContext {
    pub(super) fn new(project: &ProjectRow, belongings: ProjectResources) -> Self {
        Self {
            id: project.id,
            project: use_project(),
            belongings: Refetchable::new(belongings),
            is_managed: project.is_managed(),
            toasts: use_toasts(),
        }
    }

    /// Shows a toast and reloads the lists.
    pub(super) fn notify(self, message: String) {
        self.toasts.success(message);
        self.refetch();
    }

    pub(super) fn refetch(self) {
        self.belongings.refetch(move || list_project_resources(self.id));
    }

    /// The viewer's permissions in the organization.
    pub(super) fn viewer_permissions(self) -> Permissions {
        self.project.viewer().permissions
    }

    /// Reads the data that only project managers receive; `None` for other viewers.
    pub(super) fn with_managed<T>(self, read: impl FnOnce(&ManagedResources) -> T) -> Option<T> {
        self.belongings.with(|belongings| belongings.managed.as_ref().map(read))
    }
}
