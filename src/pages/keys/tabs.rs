//! The tabs of the API Keys page: texts and columns per kind.

use super::columns::Field;
use crate::routes::{self, Page};
use latchkey_types::{
    account::Viewer,
    key_kind::{CreateAction, CredentialKind, Expiry, KeyKind, Kind, KindSpec},
};
use latchkey_ui::tabs::Tab;

/// Texts and columns of one kind. Differences in behavior are in the table of key kinds.
#[derive(Debug)]
pub struct KeyTab {
    pub kind: Kind,
    pub page: &'static Page,
    /// What keys of this kind are for, in one or two sentences.
    pub purpose: &'static str,
    /// The text of the empty state.
    pub empty_text: &'static str,
    /// The title of the create dialog.
    pub title: &'static str,
    /// The label of the name field.
    pub name_label: &'static str,
    /// The hint of the name field.
    pub name_hint: &'static str,
    /// The label of the create dialog's submit button.
    pub submit: &'static str,
    /// The headings and fields of the columns. Some labels are required to differ per kind.
    pub columns: &'static [(&'static str, Field)],
    /// The CSS class that sets the column widths.
    pub class: &'static str,
    /// Whether a row has edit and delete buttons besides its menu.
    pub has_buttons: bool,
}

/// Keys for Latchkey's own API.
pub const INTERNAL: KeyTab = KeyTab {
    kind: Kind::Key(KeyKind::Internal),
    page: &routes::INTERNAL_KEYS,
    purpose: "Authenticates your own scripts to the Latchkey API and CLI. One is typically enough.",
    empty_text: "Create one to call the Latchkey API or use the CLI.",
    title: "Create internal key",
    name_label: "Name",
    name_hint: "What uses this key, e.g. nightly-build",
    submit: "Submit",
    columns: &[
        ("Name", Field::Name),
        ("Key", Field::Mask),
        ("Status", Field::Status),
        ("Scopes", Field::Scopes),
        ("Created", Field::CreatedAt),
        ("Last used", Field::LastUsedAt),
        ("Expires", Field::ExpiresAt),
        ("Created by", Field::CreatedBy),
        ("Actions", Field::Action),
    ],
    class: "grid-internal",
    has_buttons: false,
};

/// Credentials of storage providers.
pub const EXTERNAL: KeyTab = KeyTab {
    kind: Kind::Credential(CredentialKind::External),
    page: &routes::EXTERNAL_KEYS,
    purpose: "Stores your AWS or DNAnexus credentials so Latchkey can pull sample files. One per provider.",
    empty_text: "Add your credentials to import samples from Amazon Web Services or DNAnexus.",
    title: "Add external key",
    name_label: "Label",
    name_hint: "A name you’ll recognize, e.g. sequencing-bucket",
    submit: "Submit",
    columns: &[
        ("Label", Field::Name),
        ("Provider", Field::Provider),
        ("Region", Field::Region),
        ("Status", Field::Status),
        ("Created", Field::CreatedAt),
        ("Expires", Field::ExpiresAt),
        ("Created by", Field::CreatedBy),
        ("Actions", Field::Action),
    ],
    class: "grid-external",
    has_buttons: false,
};

/// Keys for the callers of a customer's API.
pub const CLIENT: KeyTab = KeyTab {
    kind: Kind::Key(KeyKind::Client),
    page: &routes::CLIENT_KEYS,
    purpose: "Issue keys to the callers of your own API. Your API verifies each call with Latchkey, which returns the key’s owner, scopes and limits.",
    empty_text: "Create one key per caller, so you can track, limit and revoke each one separately.",
    title: "Create client key",
    name_label: "Name",
    name_hint: "Who uses this key, e.g. mobile-app",
    submit: "Submit",
    columns: &[
        ("Name", Field::Name),
        ("External ID", Field::ExternalId),
        ("Key", Field::Mask),
        ("Status", Field::Status),
        ("Scopes", Field::Scopes),
        ("Limits", Field::Limits),
        ("Created", Field::CreatedAt),
        ("Last used", Field::LastUsedAt),
        ("Expires", Field::ExpiresAt),
        ("Actions", Field::Action),
    ],
    class: "grid-client",
    has_buttons: true,
};

/// Keys for anonymous access to corpora.
pub const CORPUS: KeyTab = KeyTab {
    kind: Kind::Key(KeyKind::Corpus),
    page: &routes::CORPUS_KEYS,
    purpose: "Gives anonymous callers access to the corpora you select, and nothing else.",
    empty_text: "Create one to let a website or app query your corpora without signing in.",
    title: "Create corpus key",
    name_label: "Name",
    name_hint: "Where this key is used, e.g. help-center",
    submit: "Submit",
    columns: &[
        ("Name", Field::Name),
        ("API key", Field::Mask),
        ("Status", Field::Status),
        ("API access", Field::Access),
        ("Corpora", Field::Corpora),
        ("Created", Field::CreatedAt),
        ("Last used", Field::LastUsedAt),
        ("Actions", Field::Action),
    ],
    class: "grid-corpus",
    has_buttons: false,
};

/// Credentials of LLM providers.
pub const GENERAL: KeyTab = KeyTab {
    kind: Kind::Credential(CredentialKind::General),
    page: &routes::GENERAL_KEYS,
    purpose: "Store an LLM provider’s API key once, then link it to any provider or model.",
    empty_text: "Add a key from OpenAI, Anthropic or another provider. You won’t need to enter it again.",
    title: "New API Key",
    name_label: "API Key Name",
    name_hint: "A name you’ll recognize, e.g. openai-production",
    submit: "Save",
    columns: &[
        ("Key Name", Field::Name),
        ("Key Value", Field::Mask),
        ("Status", Field::Status),
        ("Used by", Field::LinkedTo),
        ("Created", Field::CreatedAt),
        ("Created by", Field::CreatedBy),
        ("Action", Field::Action),
    ],
    class: "grid-general",
    has_buttons: true,
};

/// Keys for agents.
pub const AGENT: KeyTab = KeyTab {
    kind: Kind::Key(KeyKind::Agent),
    page: &routes::AGENT_KEYS,
    purpose: "Identifies an agent at verify, forward-auth and the gateway. It can’t call Latchkey’s own API.",
    empty_text: "Create one key per agent, so you can track and revoke each one separately.",
    title: "Create Agent API Key",
    name_label: "API Key Name",
    name_hint: "What uses this key, e.g. nightly-build",
    submit: "Save",
    columns: &[
        ("Key Name", Field::Name),
        ("Status", Field::Status),
        ("Secret Key", Field::Mask),
        ("Created", Field::CreatedAt),
        ("Last Used", Field::LastUsedAt),
        ("Created by", Field::CreatedBy),
        ("Expired Date", Field::ExpiresAt),
        ("Action", Field::Action),
    ],
    class: "grid-agent",
    has_buttons: true,
};

impl KeyTab {
    /// The kind's row in the table of key kinds.
    pub const fn spec(&self) -> &'static KindSpec {
        self.kind.spec()
    }

    /// The label of the toolbar's create button.
    pub const fn create_label(&self) -> &'static str {
        match self.spec().create_action {
            CreateAction::Button(words) | CreateAction::Menu(words) => words,
            CreateAction::FromTemplate => "",
        }
    }

    /// Whether Latchkey issues keys of this kind, so that they can be disabled and rotated.
    pub const fn is_inbound(&self) -> bool {
        matches!(self.kind, Kind::Key(_))
    }

    /// When keys of this kind expire.
    pub fn expiry_note(&self) -> String {
        match self.spec().expiry {
            Expiry::Never => "Doesn’t expire.".to_owned(),
            Expiry::Days(days) => format!("Expires after {days} days; create a new key then."),
            Expiry::Chosen => "Expires on the date you choose.".to_owned(),
            Expiry::ChosenOrNever => "Expiry is optional.".to_owned(),
        }
    }
}

/// The tabs that this user can open.
pub fn visible_tabs(viewer: &Viewer) -> Vec<Tab> {
    let permitted = routes::section(routes::KEYS.path).filter(|page| page.permits(viewer.permissions));
    permitted.map(|page| Tab { label: page.label, path: page.path }).collect()
}
