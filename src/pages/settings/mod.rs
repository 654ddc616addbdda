//! `/settings/…`: settings of the organization.

pub mod audit;
pub mod corpora;
pub mod members;
pub mod organization;
pub mod providers;
pub mod roles;

use leptos::prelude::*;
use leptos_meta::Title;

use super::{error_page::LoadFailed, viewer::use_viewer};
use latchkey_types::{account::Viewer, error::Error, permission::Permission};
use latchkey_ui::{
    browser,
    message::AlertWithRetry,
    tabs::{OPEN_TAB_ID, Tab, Tabs},
};

#[derive(Debug, PartialEq, Eq)]
pub struct SettingsTab {
    pub label: &'static str,
    pub path: &'static str,
    /// Permission required to open the page.
    pub needs: Permission,
}

pub const PROVIDERS: SettingsTab = SettingsTab { label: "Providers", path: "/settings/providers", needs: Permission::ManageCredentials };
pub const CORPORA: SettingsTab = SettingsTab { label: "Corpora", path: "/settings/corpora", needs: Permission::ManageCorpora };
pub const MEMBERS: SettingsTab = SettingsTab { label: "Members", path: "/settings/members", needs: Permission::ManageMembers };
pub const ROLES: SettingsTab = SettingsTab { label: "Roles", path: "/settings/roles", needs: Permission::ManageRoles };
pub const AUDIT: SettingsTab = SettingsTab { label: "Audit log", path: "/settings/audit", needs: Permission::ViewAuditLog };
pub const ORGANIZATION: SettingsTab = SettingsTab { label: "Organization", path: "/settings/organization", needs: Permission::ManageOrganization };

/// In the order of the tabs.
pub const ALL: &[&SettingsTab] = &[&PROVIDERS, &CORPORA, &MEMBERS, &ROLES, &AUDIT, &ORGANIZATION];

/// The first settings page that the viewer can open.
pub fn first_for(viewer: &Viewer) -> Option<&'static SettingsTab> {
    ALL.iter().copied().find(|tab| viewer.can(tab.needs))
}

/// Heading, tabs and content of a settings page; an error page for viewers without the permission.
///
/// Create resources outside of `content`: it is rendered inside a `Suspense`, where the server may create them twice.
#[component]
pub fn SettingsPage<Content: Fn(Viewer) -> AnyView + Clone + Send + Sync + 'static>(
    tab: &'static SettingsTab,
    /// Renders the page for a viewer with the permission.
    content: Content,
) -> impl IntoView {
    let viewer = use_viewer();
    view! {
        <Title text=format!("{} · Settings", tab.label)/>
        <Suspense>
            {move || {
                let content = content.clone();
                Suspend::new(async move {
                    match viewer.await {
                        Ok(viewer) if viewer.can(tab.needs) => view! { <Settings tab viewer=viewer.clone() content=content(viewer)/> }.into_any(),
                        Ok(_) => view! { <LoadFailed error=Error::forbidden(tab.needs)/> }.into_any(),
                        Err(error) => view! { <LoadFailed error/> }.into_any(),
                    }
                })
            }}
        </Suspense>
    }
}

#[component]
fn Settings(tab: &'static SettingsTab, viewer: Viewer, content: AnyView) -> impl IntoView {
    let tabs = ALL.iter().filter(|tab| viewer.can(tab.needs)).map(|tab| Tab { label: tab.label, path: tab.path }).collect();
    view! {
        <div class="page page-settings">
            <h1>"Settings"</h1>
            <Tabs label="Settings" tabs open=tab.path/>
            <section class="panel" role="tabpanel" aria-labelledby=OPEN_TAB_ID>{content}</section>
        </div>
    }
}

/// Renders loaded data with `show`, or the load error with a retry button.
fn loaded_view<T: Clone + Send + Sync + 'static>(
    resource: OnceResource<Result<T, Error>>,
    show: impl FnOnce(T) -> AnyView + Send + 'static,
) -> AnyView {
    view! {
        <Suspense>
            {Suspend::new(async move {
                match resource.await {
                    Ok(data) => show(data),
                    Err(Error::SignedOut) => view! { <LoadFailed error=Error::SignedOut/> }.into_any(),
                    Err(error) => view! { <AlertWithRetry message=error.to_string() on_retry=|()| browser::go(&browser::path_and_query())/> }.into_any(),
                }
            })}
        </Suspense>
    }
    .into_any()
}
