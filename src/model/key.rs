//! Keys and credentials as the page sees them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    id::{CredentialId, InvalidId, KeyId},
    policy::{Kind, Status},
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
    /// The secret that it had before, while that is still good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retiring: Option<Retiring>,
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

/// A key that was just made: the only time its secret is seen.
#[derive(Clone, Serialize, Deserialize)]
pub struct CreatedKey {
    /// The key.
    pub key: KeyRow,
    /// Its secret.
    pub secret: RevealedSecret,
}

/// A secret on its way to the one who may see it. Prints nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevealedSecret(String);

impl RevealedSecret {
    /// Takes a secret that is meant to be shown.
    pub const fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The secret itself, to show or to copy.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for RevealedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RevealedSecret(…)")
    }
}

impl Drop for RevealedSecret {
    fn drop(&mut self) {
        #[cfg(feature = "ssr")]
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}
