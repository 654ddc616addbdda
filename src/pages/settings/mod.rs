//! `/settings/…`: what an organization decides for itself.

pub mod audit;
pub mod corpora;
pub mod members;
pub mod organization;
pub mod providers;
pub mod roles;

use leptos::prelude::*;
use leptos_meta::Title;

use super::{frame::use_viewer, refused::Unread};
use crate::{
    model::{account::Viewer, fault::Fault, permission::Permission},
    ui::{
        browser,
        message::AlertWithRetry,
        tabs::{OPEN_TAB_ID, Tab, Tabs},
    },
};

/// A page of the settings.
#[derive(Debug, PartialEq, Eq)]
pub struct SettingsTab {
    /// Its words.
    pub label: &'static str,
    /// Its address.
    pub path: &'static str,
    /// What its reader must be allowed to do.
    pub needs: Permission,
}

/// Services with language models.
pub const PROVIDERS: SettingsTab = SettingsTab { label: "Providers", path: "/settings/providers", needs: Permission::ManageCredentials };
/// What corpus keys give access to.
pub const CORPORA: SettingsTab = SettingsTab { label: "Corpora", path: "/settings/corpora", needs: Permission::ManageCorpora };
/// Who belongs to the organization.
pub const MEMBERS: SettingsTab = SettingsTab { label: "Members", path: "/settings/members", needs: Permission::ManageMembers };
/// What members may do.
pub const ROLES: SettingsTab = SettingsTab { label: "Roles", path: "/settings/roles", needs: Permission::ManageRoles };
/// What was done.
pub const AUDIT: SettingsTab = SettingsTab { label: "Audit log", path: "/settings/audit", needs: Permission::ViewAuditLog };

/// What the organization is called, and its currency.
pub const ORGANIZATION: SettingsTab = SettingsTab { label: "Organization", path: "/settings/organization", needs: Permission::ManageOrganization };

/// Every page of the settings, in the order of its tabs.
pub const ALL: &[&SettingsTab] = &[&PROVIDERS, &CORPORA, &MEMBERS, &ROLES, &AUDIT, &ORGANIZATION];

/// The first page of the settings that somebody may open.
pub fn first_for(viewer: &Viewer) -> Option<&'static SettingsTab> {
    ALL.iter().copied().find(|tab| viewer.may(tab.needs))
}

/// Heading, tabs, and the page itself for those who may see it.
///
/// A page makes its resources outside of `content`: that is drawn inside a `Suspense`, where the server may make them twice.
#[component]
pub fn SettingsPage<Content: Fn(Viewer) -> AnyView + Clone + Send + Sync + 'static>(
    /// Which page it is.
    tab: &'static SettingsTab,
    /// What stands in it. It gets the reader, who may see it.
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
                        Ok(viewer) if viewer.may(tab.needs) => view! { <Settings tab viewer=viewer.clone() content=content(viewer)/> }.into_any(),
                        Ok(_) => view! { <Unread fault=Fault::forbidden(tab.needs)/> }.into_any(),
                        Err(fault) => view! { <Unread fault/> }.into_any(),
                    }
                })
            }}
        </Suspense>
    }
}

#[component]
fn Settings(tab: &'static SettingsTab, viewer: Viewer, content: AnyView) -> impl IntoView {
    let tabs = ALL.iter().filter(|tab| viewer.may(tab.needs)).map(|tab| Tab { label: tab.label, path: tab.path }).collect();
    view! {
        <div class="page page-settings">
            <h1>"Settings"</h1>
            <Tabs label="Settings" tabs open=tab.path/>
            <section class="panel" role="tabpanel" aria-labelledby=OPEN_TAB_ID>{content}</section>
        </div>
    }
}

/// What was read for a page, below its tabs: `show` draws it, and what went wrong says so in its place.
fn when_read<T: Clone + Send + Sync + 'static>(read: OnceResource<Result<T, Fault>>, show: impl FnOnce(T) -> AnyView + Send + 'static) -> AnyView {
    view! {
        <Suspense>
            {Suspend::new(async move {
                match read.await {
                    Ok(data) => show(data),
                    Err(Fault::SignedOut) => view! { <Unread fault=Fault::SignedOut/> }.into_any(),
                    Err(fault) => view! { <AlertWithRetry message=fault.to_string() on_retry=|()| browser::go(&browser::path_and_query())/> }.into_any(),
                }
            })}
        </Suspense>
    }
    .into_any()
}
