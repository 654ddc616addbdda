//! The audit log as the page sees it.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    permission::UnknownWord,
    time::{DAY_MS, Timestamp},
};

/// How many rows one answer has at most.
pub const EVENTS_MAX: usize = 50;

/// How far back somebody looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Period {
    /// To the beginning.
    #[default]
    All,
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
    /// 30 days.
    Month,
}

impl Period {
    /// Every period, in the order of the page.
    pub const ALL: &'static [Self] = &[Self::All, Self::Day, Self::Week, Self::Month];

    /// The word in the address and in the call.
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// The words in the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::All => "All time",
            Self::Day => "Last 24 hours",
            Self::Week => "Last 7 days",
            Self::Month => "Last 30 days",
        }
    }

    /// Its earliest moment; `None` for the beginning.
    pub const fn begins(self, now: Timestamp) -> Option<Timestamp> {
        let days = match self {
            Self::All => return None,
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 30,
        };
        Some(now.plus_ms(-days * DAY_MS))
    }
}

impl FromStr for Period {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.iter().copied().find(|period| period.word() == word).ok_or(UnknownWord)
    }
}

impl TryFrom<String> for Period {
    type Error = UnknownWord;

    fn try_from(word: String) -> Result<Self, UnknownWord> {
        word.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.word().to_owned()
    }
}

/// Which rows of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AuditQuery {
    /// What actor, action, object, id or address must hold. Blank for all.
    pub search: String,
    /// How far back.
    pub period: Period,
    /// Only rows before this place in the log; `None` for the newest.
    #[serde(default)]
    pub before: Option<i64>,
}

/// Rows of the log, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    /// At most [`EVENTS_MAX`].
    pub events: Vec<AuditEventRow>,
    /// Before which place to go on; `None` at the end.
    pub next: Option<i64>,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEventRow {
    /// Its place in the log.
    pub seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// Through what, where it was not the page: “API key”, “console”.
    pub means: Option<String>,
    /// What was done, as the log has it: `key.created`.
    pub action: String,
    /// To what: its name.
    pub object: String,
    /// Its id.
    pub object_id: String,
    /// More: names and values.
    pub details: Vec<(String, String)>,
    /// From which address; blank at the console.
    pub address: String,
}

/// An action in words: “Key created”. Those that have no words of their own are told by their parts.
pub fn action_in_words(action: &str) -> String {
    let words = match action {
        "session.begun" => "Signed in",
        "session.ended" => "Signed out",
        "sessions.ended" => "Signed out everywhere",
        "user.password_reset" => "Password reset",
        "user.password_changed" => "Password changed",
        "user.created" => "Member added",
        "user.joined" => "Invitation accepted",
        "user.renamed" => "Member renamed",
        "user.disabled" => "Member disabled",
        "user.enabled" => "Member enabled",
        "user.role_changed" => "Role of a member changed",
        "invitation.created" => "Member invited",
        _ => return parts_in_words(action),
    };
    words.to_owned()
}

/// `key.taken_back` → “Key taken back”.
fn parts_in_words(action: &str) -> String {
    let spaced = action.replace(['.', '_'], " ");
    let mut characters = spaced.chars();
    characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_told_in_words() {
        assert_eq!(action_in_words("key.created"), "Key created");
        assert_eq!(action_in_words("key.taken_back"), "Key taken back");
        assert_eq!(action_in_words("session.begun"), "Signed in");
        assert_eq!(action_in_words(""), "");
    }

    #[test]
    fn a_period_reads_back_and_ends_in_the_past() {
        for period in Period::ALL {
            assert_eq!(period.word().parse(), Ok(*period));
            assert!(period.begins(Timestamp(0)).is_none_or(|begins| begins < Timestamp(0)));
        }
        assert_eq!("yesterday".parse::<Period>(), Err(UnknownWord));
    }
}
