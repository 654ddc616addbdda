//! The columns of an exported list.

use serde::Serialize;

use latchkey_types::{
    budget::{BudgetState, amount_text},
    key::KeyRow,
    limits::RateLimit,
    time::Timestamp,
};

pub const COLUMNS: [&str; 29] = [
    "id",
    "kind",
    "name",
    "mask",
    "status",
    "scopes",
    "corpora",
    "external_id",
    "metadata",
    "rate_limits",
    "address_rate_limits",
    "credits",
    "allowed_ips",
    "allowed_origins",
    "models",
    "budget_limit",
    "budget_unit",
    "budget_period",
    "budget_spent",
    "tokens_per_minute",
    "max_parallel",
    "log_bodies",
    "provider",
    "region",
    "linked_to",
    "created_at",
    "created_by",
    "last_used_at",
    "expires_at",
];

/// The cells of a row, in the order of the columns. Contains masks only, no secrets.
pub fn cells(row: &KeyRow) -> [String; COLUMNS.len()] {
    let access = &row.model_access;
    [
        row.id.to_string(),
        String::from(row.kind),
        row.name.clone(),
        row.mask.clone(),
        row.status.as_str().to_owned(),
        row.scopes.join(" "),
        row.corpora.iter().map(|corpus| corpus.id.to_string()).collect::<Vec<_>>().join(" "),
        row.external_id.clone().unwrap_or_default(),
        row.metadata.clone().unwrap_or_default(),
        rate_limits(&row.limits.rate_limits),
        rate_limits(&row.limits.address_rate_limits),
        row.limits.credits.as_ref().map(as_json).unwrap_or_default(),
        row.limits.allowed_ips.join(" "),
        row.limits.allowed_origins.join(" "),
        // No models are not the default.
        access.models.as_ref().map(as_json).unwrap_or_default(),
        access.budget.map(|budget| amount_text(budget.unit, budget.limit)).unwrap_or_default(),
        access.budget.map(|budget| budget.unit.as_str().to_owned()).unwrap_or_default(),
        access.budget.map(|budget| budget.period.as_str().to_owned()).unwrap_or_default(),
        row.budget.as_ref().map(spent).unwrap_or_default(),
        access.tokens_per_minute.map(|tokens| tokens.to_string()).unwrap_or_default(),
        access.max_parallel.map(|calls| calls.to_string()).unwrap_or_default(),
        if access.log_bodies { "true".to_owned() } else { String::new() },
        row.provider.map_or("", |provider| provider.as_str()).to_owned(),
        row.region.clone().unwrap_or_default(),
        row.linked_to.join(", "),
        row.created_at.rfc3339(),
        row.created_by.clone(),
        row.last_used_at.map(Timestamp::rfc3339).unwrap_or_default(),
        row.expires_at.map(Timestamp::rfc3339).unwrap_or_default(),
    ]
}

fn spent(state: &BudgetState) -> String {
    amount_text(state.budget.unit, state.spent)
}

fn rate_limits(limits: &[RateLimit]) -> String {
    if limits.is_empty() { String::new() } else { as_json(&limits) }
}

/// Nested values are written as in the API.
fn as_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::export_file;
    use latchkey_types::{
        budget::{Budget, BudgetPeriod, BudgetUnit, ModelAccess},
        key_kind::{KeyKind, Kind},
        limits::{Credits, Limits, Refill},
    };

    fn csv(rows: &[KeyRow]) -> String {
        latchkey_ui::csv::csv(&COLUMNS, rows.iter().map(cells))
    }

    fn json(rows: &[KeyRow]) -> String {
        export_file::json(&COLUMNS, rows.iter().map(cells))
    }

    fn row(name: &str) -> KeyRow {
        let id = "key_0193456789ab7cdef0123456789abcde".parse().unwrap();
        let creator = "usr_0193456789ab7cdef0123456789abcde".parse().unwrap();
        KeyRow {
            created_by: "Ada Lovelace".to_owned(),
            scopes: vec!["read".to_owned(), "write".to_owned()],
            metadata: Some("{\"plan\":\"pro\"}".to_owned()),
            ..KeyRow::new(id, Kind::Key(KeyKind::Client), name.to_owned(), "lkc_…xYz1".to_owned(), creator, Timestamp(0))
        }
    }

    #[test]
    fn writes_one_line_per_row_with_escaped_quotes() {
        let text = csv(&[row("a \"b\", c")]);
        let mut lines = text.split("\r\n");
        assert_eq!(lines.next().unwrap().trim_start_matches('\u{FEFF}'), COLUMNS.join(","));
        let line = lines.next().unwrap();
        assert!(line.contains(",client,\"a \"\"b\"\", c\",lkc_…xYz1,active,read write,"), "{line}");
        assert!(line.contains("\"{\"\"plan\"\":\"\"pro\"\"}\""), "{line}");
        assert!(line.contains(",1970-01-01T00:00:00.000Z,Ada Lovelace,,"), "{line}");
        assert_eq!(lines.next(), Some(""));
    }

    #[test]
    fn json_can_be_parsed() {
        let read: serde_json::Value = serde_json::from_str(&json(&[row("a \"b\"\n"), row("=c")])).unwrap();
        assert_eq!(read[0]["name"], "a \"b\"\n");
        assert_eq!(read[1]["name"], "=c");
        assert_eq!(read[1]["last_used_at"], "");
        assert_eq!(json(&[]).trim(), "[\n\n]");
    }

    #[test]
    fn writes_limits_as_in_the_api() {
        let mut limited = row("a");
        limited.limits = Limits {
            rate_limits: vec![RateLimit { name: "burst".to_owned(), limit: 9, duration_ms: 1000, strict: false }],
            credits: Some(Credits { remaining: 5, refill: Refill::Never, amount: 0 }),
            allowed_ips: vec!["10.0.0.0/8".to_owned(), "::1/128".to_owned()],
            allowed_origins: vec!["https://example.com".to_owned()],
            ..Limits::default()
        };
        let read: serde_json::Value = serde_json::from_str(&json(&[limited, row("b")])).unwrap();
        assert_eq!(read[0]["rate_limits"], r#"[{"name":"burst","limit":9,"duration_ms":1000}]"#);
        assert_eq!(read[0]["credits"], r#"{"remaining":5,"refill":"never","amount":0}"#);
        assert_eq!(read[0]["allowed_ips"], "10.0.0.0/8 ::1/128");
        assert_eq!(read[0]["address_rate_limits"], "");
        assert_eq!(read[0]["allowed_origins"], "https://example.com");
        for head in ["rate_limits", "credits", "allowed_ips"] {
            assert_eq!(read[1][head], "");
        }
    }

    #[test]
    fn writes_models_and_budget() {
        let budget = Budget { limit: 12_500_000_000, unit: BudgetUnit::Usd, period: BudgetPeriod::Month };
        let mut limited = row("a");
        limited.model_access =
            ModelAccess { models: Some(vec!["gpt-*".to_owned()]), budget: Some(budget), max_parallel: Some(5), ..ModelAccess::default() };
        limited.budget = Some(BudgetState { budget, spent: 3_200_000_000, reserved: 0, resets_at: None });
        let mut without = row("b");
        without.model_access = ModelAccess { models: Some(Vec::new()), log_bodies: true, ..ModelAccess::default() };
        let read: serde_json::Value = serde_json::from_str(&json(&[limited, without, row("c")])).unwrap();
        let heads = ["models", "budget_limit", "budget_unit", "budget_period", "budget_spent", "tokens_per_minute", "max_parallel", "log_bodies"];
        let cells = |row: usize| heads.map(|head| read[row][head].as_str().unwrap());
        assert_eq!(cells(0), [r#"["gpt-*"]"#, "12.5", "usd", "month", "3.2", "", "5", ""]);
        assert_eq!(cells(1), ["[]", "", "", "", "", "", "", "true"]);
        assert_eq!(cells(2), [""; 8]);
    }
}
