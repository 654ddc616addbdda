//! The pages: path, label, required access, chunk and view of each, in one table. Links, tabs, titles, routes, chunks, redirects and permission
//! checks are derived from it.

use latchkey_types::{
    access::Access,
    key_kind::{CredentialKind, KeyKind, Kind},
    permission::{Permission, Permissions},
};

/// A page.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// `:id` stands for any one segment.
    pub path: &'static str,
    /// Tab, link and title.
    pub label: &'static str,
    /// Required to open the page. For pages of a project, also in the project.
    pub access: Access,
}

/// Calls a macro with the table of pages. Each chunk is a part of the WebAssembly binary that is loaded when one of its pages is opened.
/// Pages of a section are in the order of their tabs.
macro_rules! with_pages {
    ($use:ident) => {
        $use! {
            // For visitors without a session. They have their own binary.
            entrance {
                SETUP "/setup", "Set up" => SetupPage;
                SIGN_IN "/sign-in", "Sign in" => SignInPage;
                JOIN "/join", "Join" => JoinPage;
            }
            // The server redirects these to the first page that the user can open.
            redirected {
                HOME "/", "Latchkey";
                KEYS "/keys", "API Keys";
                SETTINGS "/settings", "Settings";
            }
            /// Lists of keys.
            KeysRoute keys_chunk preload_keys_chunk {
                INTERNAL_KEYS "/keys/internal", key_label(KEY_INTERNAL), key_access(KEY_INTERNAL) => { view! { <KeysPage kind=KEY_INTERNAL/> } };
                CLIENT_KEYS "/keys/client", key_label(KEY_CLIENT), key_access(KEY_CLIENT) => { view! { <KeysPage kind=KEY_CLIENT/> } };
                AGENT_KEYS "/keys/agent", key_label(KEY_AGENT), key_access(KEY_AGENT) => { view! { <KeysPage kind=KEY_AGENT/> } };
                CORPUS_KEYS "/keys/corpus", key_label(KEY_CORPUS), key_access(KEY_CORPUS) => { view! { <KeysPage kind=KEY_CORPUS/> } };
                EXTERNAL_KEYS "/keys/external", key_label(KEY_EXTERNAL), key_access(KEY_EXTERNAL) => { view! { <KeysPage kind=KEY_EXTERNAL/> } };
                GENERAL_KEYS "/keys/general", key_label(KEY_GENERAL), key_access(KEY_GENERAL) => { view! { <KeysPage kind=KEY_GENERAL/> } };
            }
            /// Projects.
            ProjectsRoute projects_chunk preload_projects_chunk {
                PROJECTS "/projects", "Projects", Access::Permission(Permission::ViewProject) => { view! { <ProjectsPage/> } };
                PROJECT "/projects/:id", "About Project", Access::Permission(Permission::ViewProject) => { view! { <AboutPage/> } };
                SAMPLES "/projects/:id/samples", "Samples", Access::Permission(Permission::ViewProject) => { view! { <SamplesPage/> } };
                PROJECT_KEYS "/projects/:id/keys", "API KEYS", Access::All(VIEW_AND_MANAGE_PROJECT) => { view! { <TemplatesPage/> } };
                ISSUED_KEYS "/projects/:id/keys/issued", "ISSUED KEYS", Access::All(VIEW_AND_MANAGE_PROJECT) => { view! { <IssuedKeysPage/> } };
            }
            /// Settings.
            SettingsRoute settings_chunk preload_settings_chunk {
                PROVIDERS "/settings/providers", "Providers", Access::Permission(Permission::ManageCredentials) => { view! { <ProvidersPage/> } };
                SERVICES "/settings/services", "Services", Access::Permission(Permission::ManageServices) => { view! { <ServicesPage/> } };
                CORPORA "/settings/corpora", "Corpora", Access::Permission(Permission::ManageCorpora) => { view! { <CorporaPage/> } };
                CORPUS "/settings/corpora/:id", "Corpus", Access::Permission(Permission::ManageCorpora) => { view! { <CorpusPage/> } };
                MEMBERS "/settings/members", "Members", Access::Permission(Permission::ManageMembers) => { view! { <MembersPage/> } };
                ROLES "/settings/roles", "Roles", Access::Permission(Permission::ManageRoles) => { view! { <RolesPage/> } };
                CALLS "/settings/calls", "Call log", Access::Permission(Permission::ViewBilling) => { view! { <CallsPage/> } };
                AUDIT "/settings/audit", "Audit log", Access::Permission(Permission::ViewAuditLog) => { view! { <AuditPage/> } };
                INSTANCES "/settings/instances", "Instances", Access::Permission(Permission::ManageOrganization) => { view! { <InstancesPage/> } };
                ORGANIZATION "/settings/organization", "Organization", Access::Permission(Permission::ManageOrganization) => { view! { <OrganizationPage/> } };
            }
            /// Overview, profile, billing and notifications.
            AccountRoute account_chunk preload_account_chunk {
                OVERVIEW "/overview", "Overview", Access::SignedIn => { view! { <OverviewPage/> } };
                PROFILE "/profile", "Profile", Access::SignedIn => { view! { <ProfilePage/> } };
                BILLING "/billing", "Billing", Access::Permission(Permission::ViewBilling) => { view! { <BillingPage/> } };
                NOTIFICATIONS "/notifications", "Notifications", Access::SignedIn => { view! { <NotificationsPage/> } };
            }
            /// API reference.
            ReferenceRoute reference_chunk preload_reference_chunk {
                REFERENCE "/api-reference", "API reference", Access::SignedIn => { view! { <ReferencePage/> } };
            }
        }
    };
}
pub(crate) use with_pages;

macro_rules! page_constants {
    (entrance { $($entrance:ident $entrance_path:literal, $entrance_label:literal => $entrance_view:ident;)* }
    redirected { $($redirected:ident $redirected_path:literal, $redirected_label:literal;)* }
    $($(#[$doc:meta])* $route:ident $chunk:ident $preload:ident {
        $($name:ident $path:literal, $label:expr, $access:expr => $view:block;)*
    })*) => {
        $($(pub const $name: Page = Page { path: $path, label: $label, access: $access };)*)*

        $(pub const $entrance: Page = Page { path: $entrance_path, label: $entrance_label, access: Access::Public };)*
        $(pub const $redirected: Page = Page { path: $redirected_path, label: $redirected_label, access: Access::SignedIn };)*

        /// Pages for visitors without a session.
        pub const ENTRANCE: &[&Page] = &[$(&$entrance),*];

        /// Pages that are redirected to the first page that the user can open.
        pub const REDIRECTED: &[&Page] = &[$(&$redirected),*];

        /// All other pages.
        const APPLICATION: &[&Page] = &[$($(&$name),*),*];
    };
}

with_pages!(page_constants);

pub const KEY_INTERNAL: Kind = Kind::Key(KeyKind::Internal);
pub const KEY_EXTERNAL: Kind = Kind::Credential(CredentialKind::External);
pub const KEY_CLIENT: Kind = Kind::Key(KeyKind::Client);
pub const KEY_CORPUS: Kind = Kind::Key(KeyKind::Corpus);
pub const KEY_GENERAL: Kind = Kind::Credential(CredentialKind::General);
pub const KEY_AGENT: Kind = Kind::Key(KeyKind::Agent);

/// The management pages of a project also show the project.
const VIEW_AND_MANAGE_PROJECT: &[Permission] = &[Permission::ViewProject, Permission::ManageProjects];

const fn key_label(kind: Kind) -> &'static str {
    kind.spec().label
}

const fn key_access(kind: Kind) -> Access {
    Access::Permission(kind.spec().view)
}

impl Page {
    /// Whether a user with these permissions can open the page.
    pub fn permits(&self, permissions: Permissions) -> bool {
        self.access.permits(permissions, None)
    }

    /// The path with this id.
    pub fn path_with(&self, id: impl ToString) -> String {
        with_id(self.path, id)
    }
}

/// Replaces the placeholder in the path of a page.
pub fn with_id(path: &str, id: impl ToString) -> String {
    path.replace(":id", &id.to_string())
}

/// The page that lists the keys of a kind.
pub const fn page_of(kind: Kind) -> &'static Page {
    match kind {
        KEY_INTERNAL => &INTERNAL_KEYS,
        KEY_EXTERNAL => &EXTERNAL_KEYS,
        KEY_CLIENT => &CLIENT_KEYS,
        KEY_CORPUS => &CORPUS_KEYS,
        KEY_GENERAL => &GENERAL_KEYS,
        KEY_AGENT => &AGENT_KEYS,
        Kind::Key(KeyKind::Project) => &ISSUED_KEYS,
    }
}

/// The documentation: static pages outside of the application.
pub const DOCS: &str = "/docs";

/// The query parameter by which a link opens the create dialog of a list.
pub const CREATE: &str = "create";

/// The page that lists the keys of a kind, with its create dialog open.
pub fn create_address(kind: Kind) -> String {
    format!("{}?{CREATE}", page_of(kind).path)
}

/// The page at a path; `None` if there is none.
pub fn page_at(path: &str) -> Option<&'static Page> {
    [APPLICATION, ENTRANCE, REDIRECTED].into_iter().flatten().copied().find(|page| matches(path, page.path))
}

/// The pages below a path such as `/settings`, in the order of their tabs. A page of one object, such as a corpus, has no tab.
pub fn section(path: &str) -> impl Iterator<Item = &'static Page> {
    let is_tab = move |page: &&Page| page.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/') && !rest.contains(':'));
    APPLICATION.iter().copied().filter(is_tab)
}

/// The sections of the top bar.
pub const SECTIONS: &[&Page] = &[&OVERVIEW, &KEYS, &PROJECTS, &BILLING, &SETTINGS];

/// The page itself or, for a page that is redirected, the first page to redirect to. `None` if these permissions open none.
pub fn first_permitted(page: &'static Page, permissions: Permissions) -> Option<&'static Page> {
    if page == &HOME {
        SECTIONS.iter().find_map(|section| first_permitted(section, permissions))
    } else if REDIRECTED.contains(&page) {
        first_of_section(page.path, permissions)
    } else {
        Some(page).filter(|page| page.permits(permissions))
    }
}

/// The first page of a section that these permissions open.
fn first_of_section(path: &str, permissions: Permissions) -> Option<&'static Page> {
    section(path).find(|page| page.permits(permissions))
}

/// The page for visitors without a session at a path.
pub fn entrance_at(path: &str) -> Option<&'static Page> {
    ENTRANCE.iter().copied().find(|page| page.path == path)
}

/// Whether a path matches a pattern, in which `:id` stands for any single segment.
pub(crate) fn matches(path: &str, pattern: &str) -> bool {
    let mut segments = path.split('/');
    pattern.split('/').all(|expected| segments.next().is_some_and(|segment| segment == expected || expected.starts_with(':')))
        && segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_one_object_match_any_id() {
        for (path, page) in [
            ("/projects", Some(&PROJECTS)),
            ("/projects/prj_1", Some(&PROJECT)),
            ("/projects/prj_1/samples", Some(&SAMPLES)),
            ("/projects/prj_1/keys", Some(&PROJECT_KEYS)),
            ("/projects/prj_1/keys/issued", Some(&ISSUED_KEYS)),
            ("/projects/prj_1/other", None),
            ("/settings/corpora", Some(&CORPORA)),
            ("/settings/corpora/7", Some(&CORPUS)),
            ("/", Some(&HOME)),
            ("/overview", Some(&OVERVIEW)),
            ("/sign-in", Some(&SIGN_IN)),
        ] {
            assert_eq!(page_at(path), page, "{path}");
        }
        assert_eq!(PROJECT_KEYS.path_with("prj_1"), "/projects/prj_1/keys");
        assert_eq!(CORPUS.path_with(7), "/settings/corpora/7");
    }

    #[test]
    fn a_page_of_one_object_is_no_tab() {
        let tabs: Vec<_> = section(SETTINGS.path).collect();
        assert!(tabs.contains(&&CORPORA) && !tabs.contains(&&CORPUS), "{tabs:?}");
    }

    #[test]
    fn the_first_page_of_a_section_depends_on_permissions() {
        let first = |path, permissions: &[Permission]| first_of_section(path, Permissions::of(permissions)).map(|page| page.path);
        assert_eq!(first(KEYS.path, Permission::ALL), Some("/keys/internal"));
        assert_eq!(first(KEYS.path, &[Permission::ViewKeys]), Some("/keys/client"));
        assert_eq!(first(KEYS.path, &[Permission::ManageCredentials]), Some("/keys/general"));
        assert_eq!(first(KEYS.path, &[]), None);
        assert_eq!(first(SETTINGS.path, &[Permission::ManageRoles]), Some("/settings/roles"));
        assert!(!PROJECT_KEYS.permits(Permissions::of(&[Permission::ManageProjects])), "the page also shows the project");
    }

    #[test]
    fn everybody_starts_at_the_overview() {
        for permissions in [Permission::ALL, &[], &[Permission::ManageRoles]] {
            assert_eq!(first_permitted(&HOME, Permissions::of(permissions)), Some(&OVERVIEW), "{permissions:?}");
        }
    }

    #[test]
    fn paths_are_unique() {
        assert_eq!(SIGN_IN.path, latchkey_ui::browser::SIGN_IN_PATH);
        let mut paths: Vec<_> = [APPLICATION, ENTRANCE, REDIRECTED].concat().iter().map(|page| page.path).collect();
        paths.sort_unstable();
        assert!(paths.windows(2).all(|pair| pair[0] != pair[1]), "{paths:?}");
    }
}
