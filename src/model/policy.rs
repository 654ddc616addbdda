//! The one table of what differs between the kinds of keys. Page and server read the same rows.

use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use super::permission::{Permission, UnknownWord};
use super::time::Timestamp;

/// A kind of API key: made by us, presented to us, kept as a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Authenticates callers of Latchkey's own API.
    Platform,
    /// Belongs to a caller of the customer's API.
    Client,
    /// Gives anonymous access to corpora.
    Corpus,
    /// Authenticates an agent.
    Agent,
    /// Gives access to one project; a signed token instead of an opaque one.
    Project,
}

/// A kind of credential: made by others, kept encrypted, used by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// Opens a storage provider.
    Storage,
    /// Opens a provider of language models.
    Llm,
}

/// A kind of either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Kind {
    /// Inbound.
    Key(KeyKind),
    /// Outbound.
    Credential(CredentialKind),
}

/// How one is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Making {
    /// By a button with these words.
    Button(&'static str),
    /// By a button with these words that opens a menu of kinds.
    Menu(&'static str),
    /// Not in its list: a project issues it.
    ByProject,
}

/// Which characters of a secret stay readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// None.
    Hidden,
    /// So many at the front and so many at the end.
    Ends(usize, usize),
}

/// Where a new secret is shown, the one time that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revealed {
    /// In its row, until the page is left.
    InRow,
    /// In a pop-up.
    InPopUp,
    /// To its holder, on the project's page.
    ToHolder,
    /// Nowhere: who stored it has it.
    Never,
}

/// Whether and when a key of a kind expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Never.
    Never,
    /// So many days after it was made.
    Days(i64),
    /// After a duration that must be chosen.
    Chosen,
    /// After a duration, or never, as chosen.
    ChosenOrNever,
}

/// What may stand once only. Deleted ones free it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    /// Nothing.
    Nothing,
    /// Its name, among those of its kind in the organization, whatever the case.
    Name,
    /// One of each provider for each user.
    Provider,
}

/// Which scopes a kind has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scoping {
    /// None.
    None,
    /// Those of our own API: [`Scope`](super::permission::Scope).
    Api,
    /// Any words.
    Words,
    /// One of [`CORPUS_ACCESS`], for corpora that are named.
    Corpora,
}

/// What a corpus key may be used for: the scopes, and what the page calls them together. The first is the usual one.
pub const CORPUS_ACCESS: [(&[&str], &str); 2] = [(&["query"], "QueryService"), (&["query", "index"], "QueryService & IndexService")];

/// What can be changed once it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Editable {
    /// Nothing.
    Nothing,
    /// Its name.
    Name,
    /// Its name and its value.
    NameAndValue,
    /// Name, external id, metadata, scopes, limits and expiry.
    All,
}

/// One row of the table.
#[derive(Debug)]
pub struct Policy {
    /// Whose row it is.
    pub kind: Kind,
    /// The word in the API and in stored data.
    pub word: &'static str,
    /// What the page calls it: its tab, and the menu that makes one.
    pub label: &'static str,
    /// The page that lists them; `None` for keys that stand on their project's.
    pub page: Option<&'static str>,
    /// How one is made.
    pub making: Making,
    /// What its secrets begin with; `None` for signed tokens and what others made. Never changed: scanners and callers know them.
    pub prefix: Option<&'static str>,
    /// What stays readable of a secret.
    pub mask: Mask,
    /// Where its secret is shown.
    pub revealed: Revealed,
    /// When it expires.
    pub expiry: Expiry,
    /// What is unique about it.
    pub unique: Unique,
    /// Which scopes it has.
    pub scoping: Scoping,
    /// Whether it notes whose it is, and more, in the words of the API that it is for.
    pub annotated: bool,
    /// Whether it can have rate limits, credits and an allow-list of addresses.
    pub limited: bool,
    /// What can be edited.
    pub editable: Editable,
    /// Whether it belongs to who made it: only owners and admins see those of others.
    pub personal: bool,
    /// Needed to see the list.
    pub view: Permission,
    /// Needed to make, change and delete one.
    pub manage: Permission,
}

/// Every kind, once: inbound, then outbound, each in the order of its enum.
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

/// How many rows of the table are inbound.
const INBOUND: usize = KeyKind::Project as usize + 1;

impl Policy {
    /// Whether they are listed, read and changed with those of the other kinds; if not, that is for the project that they stand on.
    pub const fn is_listed(&self) -> bool {
        self.page.is_some()
    }
}

impl KeyKind {
    /// The kind's row.
    pub const fn policy(self) -> &'static Policy {
        &POLICIES[self as usize]
    }

    /// The word in the API and in stored data.
    pub const fn word(self) -> &'static str {
        self.policy().word
    }
}

impl CredentialKind {
    /// The kind's row.
    pub const fn policy(self) -> &'static Policy {
        &POLICIES[INBOUND + self as usize]
    }

    /// The word in the API and in stored data.
    pub const fn word(self) -> &'static str {
        self.policy().word
    }
}

impl Kind {
    /// The kind's row.
    pub const fn policy(self) -> &'static Policy {
        match self {
            Self::Key(kind) => kind.policy(),
            Self::Credential(kind) => kind.policy(),
        }
    }
}

impl FromStr for Kind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        POLICIES.iter().find(|policy| policy.word == word).map(|policy| policy.kind).ok_or(UnknownWord)
    }
}

impl FromStr for KeyKind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        if let Kind::Key(kind) = word.parse()? { Ok(kind) } else { Err(UnknownWord) }
    }
}

impl FromStr for CredentialKind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        if let Kind::Credential(kind) = word.parse()? { Ok(kind) } else { Err(UnknownWord) }
    }
}

impl TryFrom<String> for Kind {
    type Error = UnknownWord;

    fn try_from(word: String) -> Result<Self, UnknownWord> {
        word.parse()
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

/// The longest secret of which nothing is shown, in characters; no mask shows more of one.
const HIDDEN_MAX: usize = 8;

impl Mask {
    /// What may be shown of a secret. One of [`HIDDEN_MAX`] characters or fewer is hidden whole.
    pub fn apply(self, secret: &str) -> String {
        const DOTS: &str = "…";
        let Self::Ends(front, end) = self else { return DOTS.to_owned() };
        let length = secret.chars().count();
        if length <= HIDDEN_MAX {
            return DOTS.to_owned();
        }
        let head: String = secret.chars().take(front).collect();
        let tail: String = secret.chars().skip(length - end).collect();
        format!("{head}{DOTS}{tail}")
    }
}

/// The moments that decide what a key is now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was put to rest; may be undone.
    pub disabled_at: Option<Timestamp>,
    /// When it was taken back for good.
    pub revoked_at: Option<Timestamp>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

/// What a key is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// In use.
    Active,
    /// At rest.
    Disabled,
    /// Past its end.
    Expired,
    /// Taken back.
    Revoked,
    /// Gone.
    Deleted,
}

impl Lifecycle {
    /// The one answer to "what is this key now": what the page shows and what verify says.
    /// Deleted beats revoked beats expired beats disabled.
    pub fn status(&self, now: Timestamp) -> Status {
        if self.deleted_at.is_some() {
            Status::Deleted
        } else if self.revoked_at.is_some() {
            Status::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            Status::Expired
        } else if self.disabled_at.is_some() {
            Status::Disabled
        } else {
            Status::Active
        }
    }
}

impl Status {
    /// The word in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Deleted => "deleted",
        }
    }

    /// The word in the page.
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

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        [Self::Active, Self::Disabled, Self::Expired, Self::Revoked].into_iter().find(|status| status.word() == word).ok_or(UnknownWord)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_finds_its_own_row() {
        for policy in POLICIES {
            assert_eq!(policy.kind.policy().kind, policy.kind);
            assert_eq!(policy.word.parse(), Ok(policy.kind));
            assert_eq!(matches!(policy.kind, Kind::Credential(_)), policy.revealed == Revealed::Never);
            assert!(matches!(policy.mask, Mask::Hidden | Mask::Ends(0..=4, 0..=4)), "no mask shows all of a secret that it does not hide");
        }
    }

    #[test]
    fn a_mask_never_shows_a_short_secret() {
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
        let mut life = Lifecycle::default();
        assert_eq!(life.status(now), Status::Active);
        life.disabled_at = past;
        assert_eq!(life.status(now), Status::Disabled);
        life.expires_at = Some(now);
        assert_eq!(life.status(Timestamp(1)), Status::Disabled);
        assert_eq!(life.status(now), Status::Expired);
        life.revoked_at = past;
        assert_eq!(life.status(now), Status::Revoked);
        life.deleted_at = past;
        assert_eq!(life.status(now), Status::Deleted);
    }
}
