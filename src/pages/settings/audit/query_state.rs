//! Filters and page of the log, kept in the URL query.

use crate::{
    pages::settings::log::{LogQuery, LogQueryState, period_parameter},
    routes,
};
use latchkey_types::audit::AuditQuery;

pub(super) type AuditQueryState = LogQueryState<AuditQuery>;

impl AuditQueryState {
    /// Opens another page of the log with the same filters.
    pub(super) fn turn_to(self, before: Option<i64>, after: Option<i64>) {
        self.open_page(&AuditQuery { before, after, ..self.get_untracked() });
    }
}

impl LogQuery for AuditQuery {
    const PATH: &'static str = routes::AUDIT.path;

    fn parse(text: impl Fn(&str) -> String) -> Self {
        Self {
            search: text("q"),
            period: text("period").parse().unwrap_or_default(),
            actor: text("actor"),
            action: text("action"),
            target: text("target"),
            before: text("before").parse().ok(),
            after: text("after").parse().ok(),
            limit: None,
        }
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        let position = |seq: Option<i64>| seq.map(|seq| seq.to_string()).unwrap_or_default();
        vec![
            ("q", self.search.clone()),
            ("period", period_parameter(self.period)),
            ("actor", self.actor.clone()),
            ("action", self.action.clone()),
            ("target", self.target.clone()),
            ("before", position(self.before)),
            ("after", position(self.after)),
        ]
    }

    fn at_first_page(self) -> Self {
        Self { before: None, after: None, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::settings::log::query_string;
    use latchkey_types::audit::AuditPeriod;

    #[test]
    fn query_omits_defaults() {
        let query = |query: AuditQuery| query_string(&query, str::to_owned);
        assert_eq!(query(AuditQuery::default()), "");
        let search = AuditQuery { search: "ada".to_owned(), period: AuditPeriod::Week, ..AuditQuery::default() };
        assert_eq!(query(search), "?q=ada&period=7d");
        let page = AuditQuery { actor: "console".to_owned(), target: "key".to_owned(), before: Some(7), ..AuditQuery::default() };
        assert_eq!(query(page), "?actor=console&target=key&before=7");
    }

    #[test]
    fn an_invalid_parameter_is_ignored() {
        let parameters = [("period", "century"), ("before", "soon"), ("action", "key.created")];
        let query =
            AuditQuery::parse(|name| parameters.iter().find(|(other, _)| *other == name).map_or_else(String::new, |(_, value)| (*value).to_owned()));
        assert_eq!(query, AuditQuery { action: "key.created".to_owned(), ..AuditQuery::default() });
    }
}
