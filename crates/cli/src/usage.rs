//! `latchkey usage` and `latchkey calls`: language models.

use clap::Args;
use reqwest::Method;

use super::{
    AFTER_HELP,
    client::{Client, ClientOptions},
    error::CliError,
    print,
    table::{format_rows, moment},
};
use latchkey_types::{
    billing::Day,
    id::KeyId,
    model_call::{CallOutcome, UsageGroup},
    rest::{
        usage::{Call, Calls, CallsQuery, UsageItem, UsageQuery, UsageReport},
        values::Rfc3339,
    },
    time::Timestamp,
};

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct UsageOptions {
    #[command(flatten)]
    client: ClientOptions,
    /// First day, in UTC [default: 29 days before the last one]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    from: Option<Day>,
    /// Last day, in UTC [default: today]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    to: Option<Day>,
    /// Sum up by key, model, member or day
    #[arg(long, value_name = "WHAT", default_value = "model", value_parser = group)]
    by: UsageGroup,
}

/// Prints the usage of language models.
pub async fn run(options: UsageOptions) -> Result<(), CliError> {
    let UsageOptions { client: client_options, from, to, by } = options;
    let query = UsageQuery { from, to, group_by: Some(by) };
    let client = Client::new(&client_options)?;
    let response = client.send(client.request(Method::GET, "usage").query(&query)).await?;
    if client_options.json {
        return print::line(&response.text);
    }
    let report: UsageReport = response.read()?;
    print::line(&usage_table(&report))
}

fn usage_table(report: &UsageReport) -> String {
    let row = |item: &UsageItem| {
        let counts = [item.calls, item.failures, item.tokens.input, item.tokens.output].map(|count| count.to_string());
        [vec![item.id.clone()], counts.to_vec(), vec![cost(item), item.name.clone()]].concat()
    };
    format_rows(&["ID", "CALLS", "FAILED", "INPUT", "OUTPUT", "COST", "NAME"], report.items.iter().map(row), &[0, 1, 2, 3, 4, 5])
}

/// The cost in dollars, and how many calls are not part of it.
fn cost(item: &UsageItem) -> String {
    if item.unpriced == 0 { format!("${}", item.cost) } else { format!("${} + {} unpriced", item.cost, item.unpriced) }
}

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct CallsOptions {
    #[command(flatten)]
    client: ClientOptions,
    /// Only calls with this key: `key_…`
    // Parsed later, because clap would print an invalid value, which can be a secret.
    #[arg(long, value_name = "ID")]
    key: Option<String>,
    /// Only calls of this model or alias
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Only calls that succeeded or failed
    #[arg(long, value_name = "succeeded|failed", value_parser = outcome)]
    outcome: Option<CallOutcome>,
    /// Only calls since this time, such as 2026-11-30T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Rfc3339>,
    /// Only calls before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<Rfc3339>,
    /// Calls per page: 1 to 100 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Cursor of the next page
    #[arg(long)]
    cursor: Option<String>,
}

impl CallsOptions {
    fn query(&self) -> Result<CallsQuery, CliError> {
        let invalid = |_| CliError::usage("invalid key id: an id is key_ and 32 hexadecimal digits, as shown by `latchkey keys list`");
        let key = self.key.as_deref().map(str::parse::<KeyId>).transpose().map_err(invalid)?;
        Ok(CallsQuery {
            key,
            model: self.model.clone(),
            user: None,
            outcome: self.outcome,
            from: self.from,
            to: self.to,
            limit: self.limit,
            cursor: self.cursor.clone(),
        })
    }
}

/// Prints one page of the log of calls.
pub async fn run_calls(options: CallsOptions) -> Result<(), CliError> {
    let query = options.query()?;
    let client = Client::new(&options.client)?;
    let response = client.send(client.request(Method::GET, "calls").query(&query)).await?;
    if options.client.json {
        return print::line(&response.text);
    }
    let calls: Calls = response.read()?;
    print::line(&calls_table(&calls.items))?;
    if calls.dropped > 0 {
        print::status(&format!("{} calls are missing: the log could not record them.", calls.dropped));
    }
    if let Some(cursor) = calls.next_cursor {
        print::status(&format!("Use --cursor {cursor} for the next page."));
    }
    Ok(())
}

fn calls_table(calls: &[Call]) -> String {
    let now = Timestamp::now();
    let row = |call: &Call| {
        let status = if call.code.is_empty() { call.status.to_string() } else { format!("{} {}", call.status, call.code) };
        let cost = call.cost.map_or_else(|| "-".to_owned(), |cost| format!("${cost}"));
        let key = if call.key.is_some() { call.key_name.clone() } else { "-".to_owned() };
        let (tokens, duration) = (format!("{}/{}", call.tokens.input, call.tokens.output), format!("{} ms", call.duration_ms));
        vec![moment(call.at, now), status, tokens, cost, duration, call.model.clone(), key]
    };
    format_rows(&["TIME", "STATUS", "TOKENS", "COST", "DURATION", "MODEL", "KEY"], calls.iter().map(row), &[0, 1, 2, 3, 4])
}

/// Parses a day.
fn day(text: &str) -> Result<Day, String> {
    text.parse().map_err(|_| "use a day such as 2026-11-30".to_owned())
}

/// Parses what usage is summed up by.
fn group(text: &str) -> Result<UsageGroup, String> {
    text.parse().map_err(|_| "use key, model, member or day".to_owned())
}

/// Parses an outcome.
fn outcome(text: &str) -> Result<CallOutcome, String> {
    text.parse().map_err(|_| "use succeeded or failed".to_owned())
}

/// Parses a time.
fn time(text: &str) -> Result<Rfc3339, String> {
    text.parse().map_err(|_| "use a time such as 2026-11-30T10:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::{budget::TokenCounts, dollars::Dollars};

    #[test]
    fn usage_is_one_line_per_item() {
        let item = UsageItem {
            id: "2026-11-30".to_owned(),
            name: "2026-11-30".to_owned(),
            calls: 3,
            failures: 1,
            tokens: TokenCounts { input: 1000, output: 20, ..TokenCounts::default() },
            cost: Dollars(2_500_000),
            estimated: 0,
            unpriced: 2,
        };
        let day = Day(20_787);
        let report = UsageReport { from: day, to: day, group_by: UsageGroup::Day, items: vec![item] };
        let text = usage_table(&report);
        let cells: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(cells, ["2026-11-30", "3", "1", "1000", "20", "$0.0025", "+", "2", "unpriced", "2026-11-30"]);
    }

    #[test]
    fn values_are_parsed() {
        assert_eq!((day("2026-11-30"), group("member"), outcome("failed")), (Ok(Day(20_787)), Ok(UsageGroup::Member), Ok(CallOutcome::Failed)));
        assert!(day("today").is_err() && group("year").is_err() && outcome("200").is_err() && time("now").is_err());
    }
}
