//! Keys and credentials as the page sees them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    id::{CredentialId, InvalidId, KeyId, UserId},
    limits::{EditedCredits, Limits, RateLimit, WantedCredits},
    permission::UnknownWord,
    policy::{Kind, Status},
    secret::RevealedSecret,
    time::Timestamp,
};

/// The id of something that stands in a list of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ItemId {
    /// An API key.
    Key(KeyId),
    /// A credential.
    Credential(CredentialId),
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => id.fmt(f),
            Self::Credential(id) => id.fmt(f),
        }
    }
}

impl FromStr for ItemId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.parse().map(Self::Key).or_else(|_| text.parse().map(Self::Credential))
    }
}

impl TryFrom<String> for ItemId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ItemId> for String {
    fn from(id: ItemId) -> Self {
        id.to_string()
    }
}

/// One row of a list of keys, of whatever kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// Its id.
    pub id: ItemId,
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What may be shown of its secret.
    pub mask: String,
    /// What it was when the row was read.
    pub status: Status,
    /// When it was made.
    pub created_at: Timestamp,
    /// The name of who made it.
    pub created_by: String,
    /// And their id.
    pub creator: UserId,
    /// When it was last used, to within some seconds.
    pub last_used_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// What it may be used for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Which corpora it opens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corpora: Vec<CorpusRow>,
    /// Whose it is, in the words of the API that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// What that API notes of it: a flat JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// What limits it.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// The secret that it had before, while that is still good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retiring: Option<Retiring>,
    /// Since when a credential's secret is this one. On the server alone: by this it tells whether it was changed.
    #[serde(skip)]
    pub secret_since: Option<Timestamp>,
    /// A credential's storage provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<StorageProvider>,
    /// And its region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The providers and models that use a credential, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub linked_to: Vec<String>,
    /// How the last test of a credential went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tested: Option<Tested>,
    /// Whether a credential's secret can no longer be opened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unreadable: bool,
}

/// A corpus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpusRow {
    /// Its number in the organization.
    pub id: i64,
    /// Its name.
    pub name: String,
}

/// A secret that was replaced and stays good for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retiring {
    /// Until when.
    pub until: Timestamp,
    /// How often it was used since it was replaced.
    pub uses: i64,
    /// And when last.
    pub last_used_at: Option<Timestamp>,
}

/// Who keeps the files that a storage credential opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageProvider {
    /// Amazon Web Services: an access key, its secret and a region.
    Aws,
    /// `DNAnexus`: a token.
    Dnanexus,
}

impl StorageProvider {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Aws, Self::Dnanexus];

    /// The word in the API and in stored data.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Dnanexus => "dnanexus",
        }
    }

    /// The name in the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Aws => "Amazon Web Services",
            Self::Dnanexus => "DNAnexus",
        }
    }
}

impl FromStr for StorageProvider {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|provider| provider.word() == word).ok_or(UnknownWord)
    }
}

/// How a test of a credential went, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// When.
    pub at: Timestamp,
    /// How.
    pub outcome: TestOutcome,
}

/// How a test of a credential went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestOutcome {
    /// The provider takes it.
    Works,
    /// The provider does not take it.
    Refused,
    /// The provider did not answer, or not so that it could be told.
    Unchecked,
}

impl TestOutcome {
    /// The word in the API and in stored data.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Refused => "refused",
            Self::Unchecked => "unchecked",
        }
    }
}

impl FromStr for TestOutcome {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        [Self::Works, Self::Refused, Self::Unchecked].into_iter().find(|outcome| outcome.word() == word).ok_or(UnknownWord)
    }
}

/// When a key is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Ends {
    /// As its kind has it where nothing is chosen: after its own time, or never.
    #[default]
    Usual,
    /// So many days from now.
    Days(i64),
    /// At this moment.
    At(Timestamp),
}

/// A key that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedKey {
    /// Its kind: an inbound one.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// When it ends.
    #[serde(default)]
    pub ends: Ends,
    /// What it may be used for; `None` for what is usual for its kind.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// Which corpora it opens.
    #[serde(default)]
    pub corpora: Vec<i64>,
    /// Whose it is, in the words of the API that it is for.
    #[serde(default)]
    pub external_id: Option<String>,
    /// What that API notes of it: a flat JSON object.
    #[serde(default)]
    pub metadata: Option<String>,
    /// How often it may be used.
    #[serde(default)]
    pub rate_limits: Vec<RateLimit>,
    /// What it may spend; `None` for without end.
    #[serde(default)]
    pub credits: Option<WantedCredits>,
    /// From which networks it may be presented, in CIDR notation; none for everywhere.
    #[serde(default)]
    pub allowed_ips: Vec<String>,
}

impl WantedKey {
    /// A key of which only the name is chosen.
    pub const fn named(kind: Kind, name: String) -> Self {
        Self {
            kind,
            name,
            ends: Ends::Usual,
            scopes: None,
            corpora: Vec::new(),
            external_id: None,
            metadata: None,
            rate_limits: Vec::new(),
            credits: None,
            allowed_ips: Vec::new(),
        }
    }
}

/// What is to be changed of a key; `None` leaves it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EditedKey {
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// When it ends.
    #[serde(default)]
    pub ends: Option<Ends>,
    /// What it may be used for.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// Whose it is; blank for nobody's.
    #[serde(default)]
    pub external_id: Option<String>,
    /// What is noted of it; blank for nothing.
    #[serde(default)]
    pub metadata: Option<String>,
    /// How often it may be used.
    #[serde(default)]
    pub rate_limits: Option<Vec<RateLimit>>,
    /// What it may spend.
    #[serde(default)]
    pub credits: Option<EditedCredits>,
    /// From which networks it may be presented; none for everywhere.
    #[serde(default)]
    pub allowed_ips: Option<Vec<String>>,
}

/// What can be done with many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BulkAction {
    /// Deletes them for good.
    Delete,
    /// Puts them to rest.
    Disable,
    /// Wakes them.
    Enable,
}

/// The most of them in one call.
pub const BULK_MAX: usize = 200;

/// How an action on many went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BulkOutcome {
    /// How many are now as was wanted, also those that were so before.
    pub done: usize,
    /// How many are not there, or not the actor's to change.
    pub left: usize,
}

/// The longest that an old secret stays good once it was replaced, in seconds.
pub const GRACE_MAX_SECONDS: i64 = 604_800;

/// How long an old secret stays good once it was replaced, in seconds: the choices.
pub const GRACES: [(i64, &str); 4] = [(0, "None"), (3600, "1 hour"), (86_400, "24 hours"), (GRACE_MAX_SECONDS, "7 days")];

/// A key that was just made: the only time its secret is seen.
#[derive(Clone, Serialize, Deserialize)]
pub struct CreatedKey {
    /// The key.
    pub key: KeyRow,
    /// Its secret.
    pub secret: RevealedSecret,
}
