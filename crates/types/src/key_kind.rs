//! Specification of all key kinds: one table, read by page and server.

use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use super::{
    permission::{Permission, UnknownWord},
    time::Timestamp,
};

/// Kind of API key (inbound): issued by Latchkey and stored as a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Internal key: authenticates callers of Latchkey's own API.
    Platform,
    /// For a caller of the customer's API.
    Client,
    /// Gives anonymous access to corpora.
    Corpus,
    /// Authenticates an agent.
    Agent,
    /// Gives access to one project. A signed JWT instead of an opaque key.
    Project,
}

/// Kind of credential (outbound): issued by another service, stored encrypted and used by Latchkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// External key: for a storage provider.
    Storage,
    /// General key: for a provider of language models.
    Llm,
}

/// Kind of API key or credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Kind {
    Key(KeyKind),
    Credential(CredentialKind),
}

/// How a key is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Making {
    /// By a button with this label.
    Button(&'static str),
    /// By a button with this label that opens a menu of kinds.
    Menu(&'static str),
    /// Not from its list: issued by a project.
    ByProject,
}

/// Which characters of a secret are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    Hidden,
    /// This number of characters at the start and at the end.
    Ends(usize, usize),
}

/// Where a new secret is shown once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revealed {
    /// In the key's row, until the user leaves the page.
    InRow,
    InPopUp,
    /// To the holder, on the project page.
    ToHolder,
    /// Never: the user entered it.
    Never,
}

/// Whether and when a key of a kind expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    Never,
    /// This number of days after creation.
    Days(i64),
    /// After a duration that the user must choose.
    Chosen,
    /// After a duration that the user chooses, or never.
    ChosenOrNever,
}

/// What must be unique among keys that are not deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    Nothing,
    /// The name, per kind and organization, ignoring case.
    Name,
    /// One key per provider and user.
    Provider,
}

/// Scopes that keys of a kind can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scoping {
    None,
    /// Scopes of Latchkey's own API: [`Scope`](super::permission::Scope).
    Api,
    /// Any names, defined by the customer.
    Words,
    /// One of [`CORPUS_ACCESS`], for selected corpora.
    Corpora,
}

/// API access of a corpus key: scopes and their common label on the page. The first is the default.
pub const CORPUS_ACCESS: [(&[&str], &str); 2] = [(&["query"], "QueryService"), (&["query", "index"], "QueryService & IndexService")];

/// Which fields can be edited after creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Editable {
    Nothing,
    Name,
    NameAndValue,
    /// Name, external id, metadata, scopes, limits and expiry.
    All,
}

/// Specification of one kind.
#[derive(Debug)]
pub struct Policy {
    pub kind: Kind,
    /// Name in the API and in the database.
    pub word: &'static str,
    /// Label of the tab and of the entry in the create menu.
    pub label: &'static str,
    /// Path of the list page; `None` for keys that are listed on their project's page.
    pub page: Option<&'static str>,
    pub making: Making,
    /// Prefix of the secrets; `None` for signed tokens and credentials. Must not change: secret scanners and callers rely on it.
    pub prefix: Option<&'static str>,
    pub mask: Mask,
    pub revealed: Revealed,
    pub expiry: Expiry,
    pub unique: Unique,
    pub scoping: Scoping,
    /// Whether it has an external id and metadata.
    pub annotated: bool,
    /// Whether it can have rate limits, credits and an address allow-list.
    pub limited: bool,
    pub editable: Editable,
    /// Whether it belongs to its creator: only owners and admins see keys of others.
    pub personal: bool,
    /// Permission to view the list.
    pub view: Permission,
    /// Permission to create, change and delete.
    pub manage: Permission,
}

/// All kinds: inbound, then outbound, each in the order of its enum, because the enums' discriminants are indices.
pub const POLICIES: &[Policy] = &[
    Policy {
        kind: Kind::Key(KeyKind::Platform),
        word: "platform",
        label: "Internal",
        page: Some("/keys/internal"),
        making: Making::Button("Create"),
        prefix: Some("lkp_"),
        mask: Mask::Ends(4, 4),
        revealed: Revealed::InRow,
        expiry: Expiry::Chosen,
        unique: Unique::Nothing,
        scoping: Scoping::Api,
        annotated: false,
        limited: false,
        editable: Editable::Nothing,
        personal: true,
        view: Permission::ManageApiKeys,
        manage: Permission::ManageApiKeys,
    },
    Policy {
        kind: Kind::Key(KeyKind::Client),
        word: "client",
        label: "Client",
        page: Some("/keys/client"),
        making: Making::Button("Create"),
        prefix: Some("lkc_"),
        mask: Mask::Ends(4, 4),
        revealed: Revealed::InPopUp,
        expiry: Expiry::ChosenOrNever,
        unique: Unique::Nothing,
        scoping: Scoping::Words,
        annotated: true,
        limited: true,
        editable: Editable::All,
        personal: false,
        view: Permission::ViewKeys,
        manage: Permission::ManageApiKeys,
    },
    Policy {
        kind: Kind::Key(KeyKind::Corpus),
        word: "corpus",
        label: "Corpus",
        page: Some("/keys/corpus"),
        making: Making::Button("Create"),
        prefix: Some("lkq_"),
        mask: Mask::Ends(0, 4),
        revealed: Revealed::InPopUp,
        expiry: Expiry::Never,
        unique: Unique::Nothing,
        scoping: Scoping::Corpora,
        annotated: false,
        limited: false,
        editable: Editable::Nothing,
        personal: false,
        view: Permission::ViewKeys,
        manage: Permission::ManageApiKeys,
    },
    Policy {
        kind: Kind::Key(KeyKind::Agent),
        word: "agent",
        label: "Agent API Key",
        page: Some("/keys/agent"),
        making: Making::Menu("Create API Key"),
        prefix: Some("lka_"),
        mask: Mask::Ends(4, 4),
        revealed: Revealed::InPopUp,
        expiry: Expiry::Days(90),
        unique: Unique::Name,
        scoping: Scoping::None,
        annotated: false,
        limited: false,
        editable: Editable::Name,
        personal: false,
        view: Permission::ViewKeys,
        manage: Permission::ManageApiKeys,
    },
    Policy {
        kind: Kind::Key(KeyKind::Project),
        word: "project",
        label: "Project",
        page: None,
        making: Making::ByProject,
        prefix: None,
        mask: Mask::Hidden,
        revealed: Revealed::ToHolder,
        expiry: Expiry::ChosenOrNever,
        unique: Unique::Nothing,
        scoping: Scoping::None,
        annotated: false,
        limited: false,
        editable: Editable::Nothing,
        personal: false,
        view: Permission::ViewProject,
        manage: Permission::ManageProjects,
    },
    Policy {
        kind: Kind::Credential(CredentialKind::Storage),
        word: "storage",
        label: "External",
        page: Some("/keys/external"),
        making: Making::Button("Create"),
        prefix: None,
        mask: Mask::Hidden,
        revealed: Revealed::Never,
        expiry: Expiry::Chosen,
        unique: Unique::Provider,
        scoping: Scoping::None,
        annotated: false,
        limited: false,
        editable: Editable::Nothing,
        personal: true,
        view: Permission::ManageApiKeys,
        manage: Permission::ManageApiKeys,
    },
    Policy {
        kind: Kind::Credential(CredentialKind::Llm),
        word: "llm",
        label: "General Key",
        page: Some("/keys/general"),
        making: Making::Button("New API Key"),
        prefix: None,
        mask: Mask::Ends(3, 3),
        revealed: Revealed::Never,
        expiry: Expiry::Never,
        unique: Unique::Name,
        scoping: Scoping::None,
        annotated: false,
        limited: false,
        editable: Editable::NameAndValue,
        personal: false,
        view: Permission::ManageCredentials,
        manage: Permission::ManageCredentials,
    },
];

/// Number of inbound kinds.
const INBOUND: usize = KeyKind::Project as usize + 1;

impl Policy {
    /// Whether keys of this kind have a list page. Others are managed on their project's page.
    pub const fn is_listed(&self) -> bool {
        self.page.is_some()
    }
}

impl KeyKind {
    pub const fn policy(self) -> &'static Policy {
        &POLICIES[self as usize]
    }

    /// Name in the API and in the database.
    pub const fn word(self) -> &'static str {
        self.policy().word
    }
}

impl CredentialKind {
    pub const fn policy(self) -> &'static Policy {
        &POLICIES[INBOUND + self as usize]
    }

    /// Name in the API and in the database.
    pub const fn word(self) -> &'static str {
        self.policy().word
    }
}

impl Kind {
    pub const fn policy(self) -> &'static Policy {
        match self {
            Self::Key(kind) => kind.policy(),
            Self::Credential(kind) => kind.policy(),
        }
    }
}

impl FromStr for Kind {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        POLICIES.iter().find(|policy| policy.word == text).map(|policy| policy.kind).ok_or(UnknownWord)
    }
}

impl FromStr for KeyKind {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        if let Kind::Key(kind) = text.parse()? { Ok(kind) } else { Err(UnknownWord) }
    }
}

impl FromStr for CredentialKind {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        if let Kind::Credential(kind) = text.parse()? { Ok(kind) } else { Err(UnknownWord) }
    }
}

impl TryFrom<String> for Kind {
    type Error = UnknownWord;

    fn try_from(text: String) -> Result<Self, UnknownWord> {
        text.parse()
    }
}

impl From<Kind> for String {
    fn from(kind: Kind) -> Self {
        kind.policy().word.to_owned()
    }
}

impl Serialize for KeyKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl Serialize for CredentialKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// Secrets of up to this many characters are hidden completely. No mask shows more characters than this.
const HIDDEN_MAX: usize = 8;

impl Mask {
    /// Masks a secret. Secrets of up to [`HIDDEN_MAX`] characters are hidden completely.
    pub fn apply(self, secret: &str) -> String {
        const ELLIPSIS: &str = "…";
        let Self::Ends(front, end) = self else { return ELLIPSIS.to_owned() };
        let length = secret.chars().count();
        if length <= HIDDEN_MAX {
            return ELLIPSIS.to_owned();
        }
        let head: String = secret.chars().take(front).collect();
        let tail: String = secret.chars().skip(length - end).collect();
        format!("{head}{ELLIPSIS}{tail}")
    }
}

/// Timestamps that determine the status of a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lifecycle {
    pub expires_at: Option<Timestamp>,
    /// Reversible.
    pub disabled_at: Option<Timestamp>,
    /// Permanent.
    pub revoked_at: Option<Timestamp>,
    /// Permanent.
    pub deleted_at: Option<Timestamp>,
}

/// Status of a key at a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Active,
    Disabled,
    Expired,
    Revoked,
    Deleted,
}

impl Lifecycle {
    /// The only computation of the status, for page and verify alike. Deleted beats revoked beats expired beats disabled.
    pub fn status(&self, now: Timestamp) -> Status {
        if self.deleted_at.is_some() {
            Status::Deleted
        } else if self.revoked_at.is_some() {
            Status::Revoked
        } else if self.expires_at.is_some_and(|expiry| expiry <= now) {
            Status::Expired
        } else if self.disabled_at.is_some() {
            Status::Disabled
        } else {
            Status::Active
        }
    }
}

impl Status {
    /// Name in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Deleted => "deleted",
        }
    }

    /// Label on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Disabled => "Disabled",
            Self::Expired => "Expired",
            Self::Revoked => "Revoked",
            Self::Deleted => "Deleted",
        }
    }
}

impl FromStr for Status {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        [Self::Active, Self::Disabled, Self::Expired, Self::Revoked].into_iter().find(|status| status.word() == text).ok_or(UnknownWord)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_row() {
        for policy in POLICIES {
            assert_eq!(policy.kind.policy().kind, policy.kind);
            assert_eq!(policy.word.parse(), Ok(policy.kind));
            assert_eq!(matches!(policy.kind, Kind::Credential(_)), policy.revealed == Revealed::Never);
            assert!(matches!(policy.mask, Mask::Hidden | Mask::Ends(0..=4, 0..=4)), "a mask shows at most 8 characters, so never a whole secret");
        }
    }

    #[test]
    fn a_short_secret_is_hidden_completely() {
        assert_eq!(Mask::Ends(4, 4).apply("lka_0123456789xYz1"), "lka_…xYz1");
        assert_eq!(Mask::Ends(0, 4).apply("lkq_0123456789xYz1"), "…xYz1");
        assert_eq!(Mask::Ends(4, 4).apply("12345678"), "…");
        assert_eq!(Mask::Ends(3, 3).apply("12345678"), "…");
        assert_eq!(Mask::Ends(3, 3).apply("sk-456789"), "sk-…789");
        assert_eq!(Mask::Hidden.apply("lka_0123456789"), "…");
    }

    #[test]
    fn deleted_beats_revoked_beats_expired_beats_disabled() {
        let (past, now) = (Some(Timestamp(1)), Timestamp(2));
        let mut lifecycle = Lifecycle::default();
        assert_eq!(lifecycle.status(now), Status::Active);
        lifecycle.disabled_at = past;
        assert_eq!(lifecycle.status(now), Status::Disabled);
        lifecycle.expires_at = Some(now);
        assert_eq!(lifecycle.status(Timestamp(1)), Status::Disabled);
        assert_eq!(lifecycle.status(now), Status::Expired);
        lifecycle.revoked_at = past;
        assert_eq!(lifecycle.status(now), Status::Revoked);
        lifecycle.deleted_at = past;
        assert_eq!(lifecycle.status(now), Status::Deleted);
    }
}
