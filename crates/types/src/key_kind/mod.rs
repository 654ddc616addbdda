//! Specification of all key kinds: one table, read by page and server.

mod list;
mod specs;

use std::{borrow::Cow, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{
    names::parse_by_name,
    permission::{Permission, UnknownValue},
    time::Timestamp,
};
pub use list::{KeyField, ListSpec};
pub use specs::KIND_SPECS;

/// Kind of API key (inbound): issued by Latchkey and stored as a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Internal key: authenticates callers of Latchkey's own API.
    Internal,
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
    External,
    /// General key: for a provider of language models.
    General,
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
pub enum CreateAction {
    /// By a button with this label.
    Button(&'static str),
    /// By a button with this label that opens a menu of kinds.
    Menu(&'static str),
    /// Not from its list: issued by a project.
    FromTemplate,
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
pub enum SecretReveal {
    /// In the key's row, until the user leaves the page.
    InRow,
    InPopUp,
    /// To the holder, on the project page.
    OnProjectPage,
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
pub enum ScopeRule {
    None,
    /// Scopes of Latchkey's own API: [`Scope`](super::permission::Scope).
    Api,
    /// Any names, defined by the customer.
    Custom,
    /// One of [`CORPUS_ACCESS`], for selected corpora.
    Corpora,
}

/// API access of a corpus key: scopes and their common label on the page. The first is the default.
pub const CORPUS_ACCESS: [(&[&str], &str); 2] = [(&["query"], "QueryService"), (&["query", "index"], "QueryService & IndexService")];

/// Which fields can be edited after creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Editable {
    Nothing,
    NameAndValue,
    /// Name, limits, and what it may do with language models.
    NameAndLimits,
    /// Rate limits, credits and allowed origins.
    Limits,
    /// Name, external id, metadata, scopes, limits, models and expiry.
    All,
}

/// Specification of one kind.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "these are independent columns of a table")]
pub struct KindSpec {
    pub kind: Kind,
    /// Name in the API and in the database.
    pub name: &'static str,
    /// Label of the tab and of the entry in the create menu.
    pub label: &'static str,
    pub create_action: CreateAction,
    /// Prefix of the secrets; `None` for signed tokens and credentials. Must not change: secret scanners and callers rely on it.
    pub prefix: Option<&'static str>,
    pub mask: Mask,
    pub reveal: SecretReveal,
    pub expiry: Expiry,
    pub unique: Unique,
    pub scope_rule: ScopeRule,
    /// Whether it has an external id and metadata.
    pub has_annotations: bool,
    /// Whether it can have rate limits, credits and, unless it is public, an address allow-list.
    pub has_limits: bool,
    /// Whether it is used by public web pages, where anybody can read it: it can have rate limits per address and allowed origins.
    pub is_public: bool,
    /// Whether it can call language models through the gateway, so that it can have models, a budget and limits of tokens and parallel calls.
    pub can_call_models: bool,
    /// Whether a key without a list of models may call all of them, and starts with the organization's default budget; otherwise none.
    pub calls_all_models: bool,
    pub editable: Editable,
    /// Whether it belongs to its creator: only owners and admins see keys of others.
    pub is_personal: bool,
    /// Permission to view the list.
    pub view: Permission,
    /// Permission to create, change and delete.
    pub manage: Permission,
    /// `None` if there is no page with all keys of this kind, because they are listed on the page of their project.
    pub list: Option<ListSpec>,
}

/// Number of inbound kinds.
const INBOUND: usize = KeyKind::Project as usize + 1;

impl KindSpec {
    /// Whether keys of this kind have a list page. Others are managed on their project's page.
    pub const fn is_listed(&self) -> bool {
        self.list.is_some()
    }

    /// For the list page. Panics for kinds that have none.
    pub const fn list_spec(&self) -> &ListSpec {
        self.list.as_ref().expect("keys of this kind have a list page")
    }

    /// Whether Latchkey issues keys of this kind, so that they can be disabled and rotated.
    pub const fn is_inbound(&self) -> bool {
        matches!(self.kind, Kind::Key(_))
    }

    /// Label of the list's create button.
    pub const fn create_label(&self) -> &'static str {
        match self.create_action {
            CreateAction::Button(words) | CreateAction::Menu(words) => words,
            CreateAction::FromTemplate => "",
        }
    }

    /// The purpose of the kind, and its expiry unless that is chosen for each key.
    pub fn lead(&self) -> String {
        let purpose = self.list_spec().purpose;
        match self.expiry {
            Expiry::Never => format!("{purpose} Doesn’t expire."),
            Expiry::Days(days) => format!("{purpose} Expires after {days} days; create a new key then."),
            Expiry::Chosen | Expiry::ChosenOrNever => purpose.to_owned(),
        }
    }
}

impl KeyKind {
    pub const fn spec(self) -> &'static KindSpec {
        &KIND_SPECS[self as usize]
    }

    /// Name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        self.spec().name
    }
}

impl CredentialKind {
    pub const fn spec(self) -> &'static KindSpec {
        &KIND_SPECS[INBOUND + self as usize]
    }

    /// Name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        self.spec().name
    }
}

impl Kind {
    pub const fn spec(self) -> &'static KindSpec {
        match self {
            Self::Key(kind) => kind.spec(),
            Self::Credential(kind) => kind.spec(),
        }
    }
}

impl FromStr for Kind {
    type Err = UnknownValue;

    fn from_str(text: &str) -> Result<Self, UnknownValue> {
        KIND_SPECS.iter().find(|spec| spec.name == text).map(|spec| spec.kind).ok_or(UnknownValue)
    }
}

impl FromStr for KeyKind {
    type Err = UnknownValue;

    fn from_str(text: &str) -> Result<Self, UnknownValue> {
        if let Kind::Key(kind) = text.parse()? { Ok(kind) } else { Err(UnknownValue) }
    }
}

impl FromStr for CredentialKind {
    type Err = UnknownValue;

    fn from_str(text: &str) -> Result<Self, UnknownValue> {
        if let Kind::Credential(kind) = text.parse()? { Ok(kind) } else { Err(UnknownValue) }
    }
}

impl TryFrom<String> for Kind {
    type Error = UnknownValue;

    fn try_from(text: String) -> Result<Self, UnknownValue> {
        text.parse()
    }
}

impl From<Kind> for String {
    fn from(kind: Kind) -> Self {
        kind.spec().name.to_owned()
    }
}

impl Serialize for KeyKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for KeyKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Unlike a plain `Cow`, this borrows where the format allows it.
        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        let Name(name) = Name::deserialize(deserializer)?;
        name.parse().map_err(D::Error::custom)
    }
}

impl Serialize for CredentialKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Secrets of up to this many characters are hidden completely. No mask shows more characters than this.
const HIDDEN_MAX: usize = 8;

impl Mask {
    /// Stands for the hidden characters; the whole mask of a secret that is hidden completely.
    pub const ELLIPSIS: &str = "…";

    /// Masks a secret. Secrets of up to [`HIDDEN_MAX`] characters are hidden completely.
    pub fn apply(self, secret: &str) -> String {
        let Self::Ends(front, end) = self else { return Self::ELLIPSIS.to_owned() };
        let length = secret.chars().count();
        if length <= HIDDEN_MAX {
            return Self::ELLIPSIS.to_owned();
        }
        let head: String = secret.chars().take(front).collect();
        let tail: String = secret.chars().skip(length - end).collect();
        format!("{head}{}{tail}", Self::ELLIPSIS)
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
    pub const fn as_str(self) -> &'static str {
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

parse_by_name!(Status, [Status::Active, Status::Disabled, Status::Expired, Status::Revoked]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_row() {
        for spec in KIND_SPECS {
            assert_eq!(spec.kind.spec().kind, spec.kind);
            assert_eq!(spec.name.parse(), Ok(spec.kind));
            assert_eq!(spec.is_inbound(), spec.reveal != SecretReveal::Never);
            assert_eq!(spec.is_listed(), spec.create_action != CreateAction::FromTemplate, "keys are created from their list");
            assert!(spec.has_limits || !spec.is_public, "a public key can be limited");
            assert!(spec.can_call_models || !spec.calls_all_models);
            assert!(matches!(spec.mask, Mask::Hidden | Mask::Ends(0..=4, 0..=4)), "a mask shows at most 8 characters, so never a whole secret");
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
