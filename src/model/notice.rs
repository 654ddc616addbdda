//! What somebody is told in the page.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{id::ProjectId, permission::UnknownWord, time::Timestamp};

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident $word:literal),* $(,)?) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum NoticeEvent { $($(#[$doc])* $name),* }

        impl NoticeEvent {
            /// The word in stored data.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }
        }

        impl FromStr for NoticeEvent {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word { $($word => Ok(Self::$name),)* _ => Err(UnknownWord) }
            }
        }
    };
}

events! {
    /// To those who decide: somebody asks for a key.
    Requested "requested",
    /// To those who decide: somebody no longer asks.
    Withdrawn "withdrawn",
    /// To who asked: the key is theirs.
    Approved "approved",
    /// To who asked: they don't get it.
    Rejected "rejected",
    /// To who asked: the template is gone, and their request with it.
    Closed "closed",
    /// To the holder: their key was taken back.
    Revoked "revoked",
}

/// One notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its place among all.
    pub seq: i64,
    /// What happened.
    pub event: NoticeEvent,
    /// In which project.
    pub project_id: ProjectId,
    /// That project's name then.
    pub project: String,
    /// The template's name then.
    pub template: String,
    /// The name of who did it.
    pub person: String,
    /// What they said.
    pub word: String,
    /// When.
    pub created_at: Timestamp,
    /// Whether its reader saw it.
    pub is_read: bool,
}
