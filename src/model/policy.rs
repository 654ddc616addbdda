//! The one table of what differs between the kinds of keys. Page and server read the same rows.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::permission::{Permission, UnknownWord};
use super::time::Timestamp;

/// A kind of API key: made by us, presented to us, kept as a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

/// Which characters of a secret stay readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// None.
    Hidden,
    /// So many at the front and so many at the end.
    Ends(usize, usize),
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

/// Where a name may be used once only. Deleted keys free their name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UniqueName {
    /// Nowhere.
    No,
    /// Among the keys of this kind in the organization, whatever the case.
    InOrganization,
}

/// What can be changed once a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Editable {
    /// Nothing.
    Nothing,
    /// Its name.
    Name,
    /// Name, external id, metadata, scopes, limits and expiry.
    All,
}

/// One row of the table.
#[derive(Debug)]
pub struct KeyPolicy {
    /// Whose row it is.
    pub kind: KeyKind,
    /// The word in the API and in stored data.
    pub word: &'static str,
    /// What the page calls it, on its tab and in the menu that makes one.
    pub label: &'static str,
    /// The page that lists them; `None` for keys that stand on their project's.
    pub page: Option<&'static str>,
    /// What its secrets begin with; `None` for signed tokens. Never changed: scanners and callers know them.
    pub prefix: Option<&'static str>,
    /// What stays readable of a secret.
    pub mask: Mask,
    /// When it expires.
    pub expiry: Expiry,
    /// Where its name is unique.
    pub unique_name: UniqueName,
    /// What can be edited.
    pub editable: Editable,
    /// Needed to see the list.
    pub view: Permission,
    /// Needed to make, change and delete one.
    pub manage: Permission,
}

/// Every kind, once.
pub const KEY_POLICIES: &[KeyPolicy] = &[
    KeyPolicy {
        kind: KeyKind::Platform,
        word: "platform",
        label: "Internal",
        page: Some("/keys/internal"),
        prefix: Some("lkp_"),
        mask: Mask::Ends(4, 4),
        expiry: Expiry::Chosen,
        unique_name: UniqueName::No,
        editable: Editable::Nothing,
        view: Permission::ManageApiKeys,
        manage: Permission::ManageApiKeys,
    },
    KeyPolicy {
        kind: KeyKind::Client,
        word: "client",
        label: "Client",
        page: Some("/keys/client"),
        prefix: Some("lkc_"),
        mask: Mask::Ends(4, 4),
        expiry: Expiry::ChosenOrNever,
        unique_name: UniqueName::No,
        editable: Editable::All,
        view: Permission::ViewKeys,
        manage: Permission::ManageApiKeys,
    },
    KeyPolicy {
        kind: KeyKind::Corpus,
        word: "corpus",
        label: "Corpus",
        page: Some("/keys/corpus"),
        prefix: Some("lkq_"),
        mask: Mask::Ends(0, 4),
        expiry: Expiry::Never,
        unique_name: UniqueName::No,
        editable: Editable::Nothing,
        view: Permission::ViewKeys,
        manage: Permission::ManageApiKeys,
    },
    KeyPolicy {
        kind: KeyKind::Agent,
        word: "agent",
        label: "Agent API Key",
        page: Some("/keys/agent"),
        prefix: Some("lka_"),
        mask: Mask::Ends(4, 4),
        expiry: Expiry::Days(90),
        unique_name: UniqueName::InOrganization,
        editable: Editable::Name,
        view: Permission::ViewKeys,
        manage: Permission::ManageApiKeys,
    },
    KeyPolicy {
        kind: KeyKind::Project,
        word: "project",
        label: "Project",
        page: None,
        prefix: None,
        mask: Mask::Hidden,
        expiry: Expiry::ChosenOrNever,
        unique_name: UniqueName::No,
        editable: Editable::Nothing,
        view: Permission::ViewProject,
        manage: Permission::ManageProjects,
    },
];

impl KeyKind {
    /// The kind's row.
    pub const fn policy(self) -> &'static KeyPolicy {
        &KEY_POLICIES[self as usize]
    }

    /// The word in the API and in stored data.
    pub const fn word(self) -> &'static str {
        self.policy().word
    }
}

impl FromStr for KeyKind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        KEY_POLICIES.iter().find(|policy| policy.word == word).map(|policy| policy.kind).ok_or(UnknownWord)
    }
}

impl Mask {
    /// What may be shown of a secret. A secret no longer than what would stay readable is hidden whole.
    pub fn apply(self, secret: &str) -> String {
        const DOTS: &str = "…";
        let Self::Ends(front, end) = self else { return DOTS.to_owned() };
        let length = secret.chars().count();
        if length <= front + end {
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
        for policy in KEY_POLICIES {
            assert_eq!(policy.kind.policy().kind, policy.kind);
            assert_eq!(policy.word.parse(), Ok(policy.kind));
        }
    }

    #[test]
    fn a_mask_never_shows_a_short_secret() {
        assert_eq!(Mask::Ends(4, 4).apply("lka_0123456789xYz1"), "lka_…xYz1");
        assert_eq!(Mask::Ends(0, 4).apply("lkq_0123456789xYz1"), "…xYz1");
        assert_eq!(Mask::Ends(4, 4).apply("12345678"), "…");
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
