//! Audit log: query and rows for the page.

use serde::{Deserialize, Serialize};

use super::{
    names::{capitalized, parse_by_name},
    permission::UnknownValue,
    time::{DAY_MS, Timestamp},
};

/// Number of rows on a page of the log.
pub const EVENTS_MAX: usize = 50;

/// Maximum number of rows in one response, for exports.
pub const EXPORT_MAX: usize = 1000;

/// Value of [`AuditQuery::actor`] for all API keys.
pub const ACTOR_KEYS: &str = "key";

/// Value of [`AuditQuery::actor`] for the command line.
pub const ACTOR_CONSOLE: &str = "console";

/// Time range of an audit query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AuditPeriod {
    /// No lower bound.
    #[default]
    All,
    Day,
    Week,
    Month,
}

impl AuditPeriod {
    /// All periods, in the order in which the page lists them.
    pub const ALL: &'static [Self] = &[Self::All, Self::Day, Self::Week, Self::Month];

    /// Name in the URL and in requests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// Label on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::All => "All time",
            Self::Day => "Last 24 hours",
            Self::Week => "Last 7 days",
            Self::Month => "Last 30 days",
        }
    }

    /// Start of the period; `None` if it has no lower bound.
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

parse_by_name!(AuditPeriod, AuditPeriod::ALL);

impl TryFrom<String> for AuditPeriod {
    type Error = UnknownValue;

    fn try_from(text: String) -> Result<Self, UnknownValue> {
        text.parse()
    }
}

impl From<AuditPeriod> for String {
    fn from(period: AuditPeriod) -> Self {
        period.as_str().to_owned()
    }
}

/// Filters of the log, and which of its pages. An empty filter matches all events.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AuditQuery {
    /// Substring of actor, action, target, id or address.
    pub search: String,
    pub period: AuditPeriod,
    /// Id of a user, [`ACTOR_KEYS`] or [`ACTOR_CONSOLE`].
    #[serde(default)]
    pub actor: String,
    /// Action code.
    #[serde(default)]
    pub action: String,
    /// Kind of the target, such as `key`.
    #[serde(default)]
    pub target: String,
    /// Only rows with a smaller `seq`, the newest of them.
    #[serde(default)]
    pub before: Option<i64>,
    /// Only rows with a greater `seq`, the oldest of them. Ignored with `before`.
    #[serde(default)]
    pub after: Option<i64>,
    /// At most [`EXPORT_MAX`]; [`EVENTS_MAX`] by default.
    #[serde(default)]
    pub limit: Option<usize>,
}

/// One page of audit events, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    pub events: Vec<AuditEventRow>,
    /// Value of [`AuditQuery::before`] for older events; `None` on the last page.
    pub next: Option<i64>,
    /// Value of [`AuditQuery::after`] for newer events; `None` on the first page.
    pub previous: Option<i64>,
}

/// One audit event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEventRow {
    /// Position in the log.
    pub seq: i64,
    pub at: Timestamp,
    pub actor: String,
    /// Id of the user or key; empty for the console.
    pub actor_id: String,
    /// How the actor authenticated, if not in the page: “API key”, “Command line”.
    pub auth_method: Option<String>,
    /// Action code, such as `key.created`.
    pub action: String,
    /// Name of the object that was changed, at that time.
    pub object: String,
    /// For example `key`.
    pub object_kind: String,
    pub object_id: String,
    /// Further details as pairs of name and value. A value before a change precedes the one after it.
    pub details: Vec<(String, String)>,
    /// Client address; empty for the console.
    pub address: String,
}

impl AuditEventRow {
    /// The value of a detail.
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.details.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// A member who may have acted: id and name.
pub type AuditActor = (String, String);

/// Action as text, such as “Key created”. An action without a text of its own is derived from its code.
pub fn action_label(action: &str) -> String {
    let label = match action {
        "session.begun" => "Signed in",
        "sign_in.failed" => "Sign-in failed",
        "sign_in.throttled" => "Sign-ins blocked after failures",
        "session.ended" => "Signed out",
        "sessions.ended" => "Signed out everywhere",
        "sessions.others_ended" => "Signed out other devices",
        "user.password_reset" => "Password reset",
        "user.password_changed" => "Password changed",
        "user.created" => "Member added",
        "user.joined" => "Invitation accepted",
        "user.renamed" => "Member renamed",
        "user.disabled" => "Member disabled",
        "user.enabled" => "Member enabled",
        "user.role_changed" => "Member role changed",
        "user.budget_set" => "Member budget changed",
        "organization.budget_set" => "Organization budget changed",
        "organization.agent_budget_set" => "Default budget changed",
        "organization.call_log_days_set" => "Days of the call log changed",
        "invitation.created" => "Member invited",
        "call.bodies_read" => "Bodies of a call read",
        _ => return label_from_code(action),
    };
    label.to_owned()
}

/// `key.rotated` → “Key rotated”.
fn label_from_code(action: &str) -> String {
    capitalized(&action.replace(['.', '_'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_has_a_label() {
        assert_eq!(action_label("key.created"), "Key created");
        assert_eq!(action_label("key.rotated"), "Key rotated");
        assert_eq!(action_label("session.begun"), "Signed in");
        assert_eq!(action_label(""), "");
    }

    #[test]
    fn a_period_round_trips_and_begins_in_the_past() {
        for period in AuditPeriod::ALL {
            assert_eq!(period.as_str().parse(), Ok(*period));
            assert!(period.begins(Timestamp(0)).is_none_or(|begins| begins < Timestamp(0)));
        }
        assert_eq!("yesterday".parse::<AuditPeriod>(), Err(UnknownValue));
    }
}
