//! Filters and page of the log, kept in the URL query.

use std::str::FromStr;

use crate::{
    pages::settings::log::{LogQuery, LogQueryState, period_parameter},
    routes,
};
use latchkey_types::{
    audit::AuditPeriod,
    id::{KeyId, UserId},
    model_call::{CallFilter, CallOutcome},
};

/// Which calls the page shows. Empty texts accept all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct CallQuery {
    /// Name of a model or alias.
    pub model: String,
    /// Id of a key.
    pub key: String,
    /// Id of a member.
    pub member: String,
    pub outcome: String,
    pub period: AuditPeriod,
    /// The page of the log; empty for the newest calls.
    pub cursor: String,
}

impl CallQuery {
    pub(super) fn filter(&self) -> CallFilter {
        CallFilter {
            key: self.key.parse().ok(),
            model: Some(self.model.clone()).filter(|model| !model.is_empty()),
            user: self.member.parse().ok(),
            outcome: self.outcome.parse().ok(),
            from: None,
            to: None,
        }
    }

    pub(super) fn cursor(&self) -> Option<String> {
        Some(self.cursor.clone()).filter(|cursor| !cursor.is_empty())
    }

    /// Whether all calls are shown, from the newest on.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

pub(super) type CallQueryState = LogQueryState<CallQuery>;

impl CallQueryState {
    /// Opens another page of the log with the same filters.
    pub(super) fn turn_to(self, cursor: String) {
        self.open_page(&CallQuery { cursor, ..self.get_untracked() });
    }
}

impl LogQuery for CallQuery {
    const PATH: &'static str = routes::CALLS.path;

    // An invalid filter is ignored, so that none is shown that has no effect.
    fn parse(text: impl Fn(&str) -> String) -> Self {
        Self {
            model: text("model"),
            key: valid::<KeyId>(text("key")),
            member: valid::<UserId>(text("member")),
            outcome: valid::<CallOutcome>(text("outcome")),
            period: text("period").parse().unwrap_or_default(),
            cursor: text("cursor"),
        }
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        vec![
            ("model", self.model.clone()),
            ("key", self.key.clone()),
            ("member", self.member.clone()),
            ("outcome", self.outcome.clone()),
            ("period", period_parameter(self.period)),
            ("cursor", self.cursor.clone()),
        ]
    }

    fn at_first_page(self) -> Self {
        Self { cursor: String::new(), ..self }
    }
}

/// The text if it is a `T`, or an empty one.
fn valid<T: FromStr>(text: String) -> String {
    if text.parse::<T>().is_ok() { text } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::settings::log::query_string;

    const KEY: &str = "key_0193456789ab7cdef0123456789abcde";

    #[test]
    fn query_omits_defaults() {
        let query = |query: CallQuery| query_string(&query, str::to_owned);
        assert_eq!(query(CallQuery::default()), "");
        let failed = CallQuery { model: "gpt-5".to_owned(), outcome: "failed".to_owned(), period: AuditPeriod::Week, ..CallQuery::default() };
        assert_eq!(query(failed), "?model=gpt-5&outcome=failed&period=7d");
        let page = CallQuery { key: KEY.to_owned(), cursor: "a1".to_owned(), ..CallQuery::default() };
        assert_eq!(query(page), format!("?key={KEY}&cursor=a1"));
    }

    #[test]
    fn an_invalid_parameter_is_ignored() {
        let parameters = [("period", "century"), ("key", KEY), ("member", "ada"), ("outcome", "failed")];
        let query =
            CallQuery::parse(|name| parameters.iter().find(|(other, _)| *other == name).map_or_else(String::new, |(_, value)| (*value).to_owned()));
        assert_eq!((query.period, query.member.as_str(), query.outcome.as_str()), (AuditPeriod::All, "", "failed"));
        let filter = CallFilter { key: KEY.parse().ok(), outcome: Some(CallOutcome::Failed), ..CallFilter::default() };
        assert_eq!((query.filter(), query.cursor()), (filter, None));
        assert!(!query.is_default() && CallQuery::default().is_default());
    }
}
