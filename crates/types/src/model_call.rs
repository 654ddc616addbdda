//! Calls of language models: usage and the log.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    budget::{TokenCounts, UsageState},
    dollars::Dollars,
    id::{KeyId, OrganizationId, RequestId, UserId},
    names::parse_by_name,
    time::Timestamp,
};

/// Maximum number of calls in one response.
pub const CALLS_MAX: usize = 100;
/// Maximum number of days whose usage is summed up.
pub const USAGE_DAYS_MAX: i64 = 400;
/// Maximum number of rows of usage; those with the lowest cost are left out.
pub const USAGE_ROWS_MAX: usize = 10_000;

/// The code of a call that the client ended.
pub const CLIENT_CLOSED: &str = "client_closed";
/// The code of a call whose provider reported more usage than was reserved.
pub const USAGE_ABOVE_BOUND: &str = "usage_above_bound";

/// The part of a request body that is kept for a key that logs bodies, in bytes.
pub const REQUEST_BODY_MAX: usize = 64 * 1024;
/// The part of a response body that is kept for a key that logs bodies, in bytes.
pub const RESPONSE_BODY_MAX: usize = 256 * 1024;

/// A call in the log. Contains no text of the call and no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallEvent {
    pub id: RequestId,
    /// When the call began.
    pub at: Timestamp,
    pub organization: OrganizationId,
    /// The member to whom the call is counted.
    pub user: UserId,
    /// `None` for calls from the page.
    pub key: Option<KeyId>,
    /// Name of the key at that time; empty without a key.
    pub key_name: String,
    /// The name that the caller used: of a model or alias.
    pub model: String,
    /// Name of the model that was called last; empty if none was.
    pub target: String,
    /// Name of the provider that was called last; empty if none was.
    pub provider: String,
    /// Path of the API, for example `/v1/messages`.
    pub path: String,
    pub is_stream: bool,
    /// Status of the response to the caller.
    pub status: u16,
    /// Latchkey's own code, for example `budget_exceeded`; empty if the response is the provider's.
    pub code: String,
    pub tokens: TokenCounts,
    pub cost: Option<Dollars>,
    /// `None` if nothing was used.
    pub usage: Option<UsageState>,
    /// Number of targets that were called.
    pub attempts: u8,
    /// From the call to the first byte of the response, in milliseconds; `None` without a response of a provider.
    pub first_byte_ms: Option<u32>,
    /// From the call to the end of the response, in milliseconds.
    pub duration_ms: u32,
    /// Whether the bodies were logged too.
    #[serde(default)]
    pub has_bodies: bool,
}

impl CallEvent {
    pub fn outcome(&self) -> CallOutcome {
        CallOutcome::of(self.status, &self.code)
    }
}

/// Which calls of the log are listed. Empty fields accept all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CallFilter {
    pub key: Option<KeyId>,
    /// Name of a model or alias, as the caller used it, or of the model that was called.
    pub model: Option<String>,
    pub user: Option<UserId>,
    pub outcome: Option<CallOutcome>,
    pub from: Option<Timestamp>,
    /// Exclusive.
    pub to: Option<Timestamp>,
}

impl CallFilter {
    /// Whether the call is listed. Names are compared without case.
    pub fn accepts(&self, call: &CallEvent) -> bool {
        self.key.is_none_or(|key| call.key == Some(key))
            && self.user.is_none_or(|user| call.user == user)
            && self.outcome.is_none_or(|outcome| call.outcome() == outcome)
            && self.from.is_none_or(|from| call.at >= from)
            && self.to.is_none_or(|to| call.at < to)
            && self.model.as_ref().is_none_or(|name| [&call.model, &call.target].iter().any(|model| model.eq_ignore_ascii_case(name)))
    }
}

/// Whether a call succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CallOutcome {
    /// Status below 400, and the response was not interrupted except by the client.
    Succeeded,
    Failed,
}

impl CallOutcome {
    pub const ALL: [Self; 2] = [Self::Succeeded, Self::Failed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// The outcome of a call whose response has this status and this code of Latchkey.
    pub fn of(status: u16, code: &str) -> Self {
        if status < 400 && matches!(code, "" | CLIENT_CLOSED | USAGE_ABOVE_BOUND) { Self::Succeeded } else { Self::Failed }
    }
}

parse_by_name!(CallOutcome, CallOutcome::ALL);

/// Calls, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallPage {
    pub items: Vec<CallEvent>,
    /// For the next page; `None` at the end. A page can have fewer items than requested although there are more.
    pub next_cursor: Option<String>,
    /// Calls that were not recorded since the start of this instance, because the log was too slow.
    pub dropped: u64,
}

/// The bodies of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CallBodies {
    /// As the caller sent it.
    pub request: CallBody,
    /// As it was sent to the caller.
    pub response: CallBody,
}

/// The body of a request or a response.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CallBody {
    /// The first 64 KiB of a request, or 256 KiB of a response. Bytes that are not UTF-8 are replaced.
    pub text: String,
    /// Whether the body was longer.
    pub is_cut: bool,
}

/// Prints nothing of the text, so that it cannot get into the server's log.
impl fmt::Debug for CallBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallBody").field("bytes", &self.text.len()).field("is_cut", &self.is_cut).finish()
    }
}

/// How usage is summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum UsageGroup {
    Key,
    #[default]
    Model,
    Member,
    Day,
}

impl UsageGroup {
    pub const ALL: [Self; 4] = [Self::Key, Self::Model, Self::Member, Self::Day];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Model => "model",
            Self::Member => "member",
            Self::Day => "day",
        }
    }
}

parse_by_name!(UsageGroup, UsageGroup::ALL);

/// Usage of one key, model, member or day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelUsageRow {
    /// Id of the key, model or member, or the day as `YYYY-MM-DD`. Empty for calls from the page if grouped by key.
    pub id: String,
    /// Its current name; for deleted models the last one. `Page` for calls from the page if grouped by key.
    pub name: String,
    pub calls: i64,
    pub failures: i64,
    pub tokens: TokenCounts,
    pub cost: Dollars,
    /// Calls whose tokens are estimated.
    pub estimated: i64,
    /// Calls of models without a price, which are not part of `cost`.
    pub unpriced: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(status: u16) -> CallEvent {
        CallEvent {
            id: RequestId::new(),
            at: Timestamp(1000),
            organization: OrganizationId::new(),
            user: UserId::new(),
            key: Some(KeyId::new()),
            key_name: "build".to_owned(),
            model: "fast".to_owned(),
            target: "gpt-5-mini".to_owned(),
            provider: "OpenAI".to_owned(),
            path: "/v1/chat/completions".to_owned(),
            is_stream: false,
            status,
            code: String::new(),
            tokens: TokenCounts::default(),
            cost: None,
            usage: None,
            attempts: 1,
            first_byte_ms: Some(1),
            duration_ms: 2,
            has_bodies: false,
        }
    }

    #[test]
    fn the_text_of_a_body_is_not_printed() {
        let body = CallBody { text: "A secret plan".to_owned(), is_cut: true };
        assert_eq!(format!("{body:?}"), "CallBody { bytes: 13, is_cut: true }");
    }

    #[test]
    fn a_call_of_an_earlier_version_has_no_bodies() {
        let call = call(200);
        let mut json = serde_json::to_value(&call).unwrap();
        json.as_object_mut().unwrap().remove("has_bodies");
        assert_eq!(serde_json::from_value::<CallEvent>(json).unwrap(), call);
    }

    #[test]
    fn an_empty_filter_accepts_every_call() {
        assert!(CallFilter::default().accepts(&call(200)) && CallFilter::default().accepts(&call(502)));
    }

    #[test]
    fn a_response_that_broke_off_is_a_failure() {
        for (status, code, outcome) in [
            (200, "", CallOutcome::Succeeded),
            (200, CLIENT_CLOSED, CallOutcome::Succeeded),
            (200, USAGE_ABOVE_BOUND, CallOutcome::Succeeded),
            (200, "upstream_failed", CallOutcome::Failed),
            (429, "", CallOutcome::Failed),
            (499, CLIENT_CLOSED, CallOutcome::Failed),
        ] {
            assert_eq!(CallEvent { code: code.to_owned(), ..call(status) }.outcome(), outcome, "{status} {code}");
        }
    }

    #[test]
    fn every_field_of_a_filter_is_checked() {
        let call = call(429);
        let all = CallFilter {
            key: call.key,
            model: Some("FAST".to_owned()),
            user: Some(call.user),
            outcome: Some(CallOutcome::Failed),
            from: Some(Timestamp(1000)),
            to: Some(Timestamp(1001)),
        };
        assert!(all.accepts(&call) && CallFilter { model: Some("gpt-5-MINI".to_owned()), ..all.clone() }.accepts(&call));
        for other in [
            CallFilter { key: Some(KeyId::new()), ..all.clone() },
            CallFilter { model: Some("gpt".to_owned()), ..all.clone() },
            CallFilter { user: Some(UserId::new()), ..all.clone() },
            CallFilter { outcome: Some(CallOutcome::Succeeded), ..all.clone() },
            CallFilter { from: Some(Timestamp(1001)), ..all.clone() },
            CallFilter { to: Some(Timestamp(1000)), ..all.clone() },
        ] {
            assert!(!other.accepts(&call), "{other:?}");
        }
    }
}
