//! Reading arguments, files, environment variables and standard input.

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Read, Write},
    path::Path,
};

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::error::CliError;
use latchkey_types::{
    budget::BudgetUnit,
    dollars::Dollars,
    limits::{CreditsRequest, RateLimit, Refill},
    rest::keys::{BudgetAmount, RequestedBudget},
    time::{DAY_MS, MINUTE_MS},
};

/// Maximum length of a secret, in bytes.
const SECRET_MAX: u64 = 64 * 1024;
/// Maximum size of a file, in bytes; the server accepts 8 MiB.
const FILE_MAX: u64 = 16 * 1024 * 1024;

/// Reads a secret from an environment variable; `None` if it is unset or blank.
pub fn from_environment(name: &str) -> Option<SecretString> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).map(SecretString::from)
}

/// Reads the first line of a file, or of standard input for `-`. An empty line is an error.
pub fn read_secret(path: &Path) -> Result<SecretString, CliError> {
    let read = if path == Path::new("-") {
        first_line(io::stdin().lock())
    } else {
        fs::File::open(path).and_then(|file| first_line(io::BufReader::new(file)))
    };
    let secret = read.map_err(|error| CliError::usage(format!("can't read {}: {error}", display_name(path))))?;
    if secret.is_empty() { Err(CliError::usage(format!("{} contains no key", display_name(path)))) } else { Ok(secret.into()) }
}

fn first_line(from: impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.take(SECRET_MAX).read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// Prompts for a secret without echo, or reads it from standard input if that is no terminal.
pub fn prompt_secret(prompt: &str) -> Result<SecretString, CliError> {
    if !io::stdin().is_terminal() {
        return read_secret(Path::new("-"));
    }
    let typed = rpassword::prompt_password(prompt).map_err(|error| CliError::usage(format!("can't prompt for the key: {error}")))?;
    let typed = typed.trim();
    if typed.is_empty() { Err(CliError::usage("no key was entered")) } else { Ok(typed.to_owned().into()) }
}

/// Reads a whole file, or standard input for `-`. More than [`FILE_MAX`] bytes or invalid UTF-8 are an error.
pub fn read_text(path: &Path) -> Result<String, CliError> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(FILE_MAX + 1).read_to_string(&mut text)
    } else {
        fs::File::open(path).and_then(|file| file.take(FILE_MAX + 1).read_to_string(&mut text))
    };
    match read {
        Ok(bytes) if bytes as u64 <= FILE_MAX => Ok(text),
        Ok(_) => Err(CliError::usage(format!("{} is larger than 16 MiB", display_name(path)))),
        Err(error) => Err(CliError::usage(format!("can't read {}: {error}", display_name(path)))),
    }
}

fn display_name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

/// Asks for confirmation on the terminal.
///
/// # Errors
/// If the answer is not yes, or there is no terminal: scripts must pass `--yes`.
pub fn confirm(question: &str) -> Result<(), CliError> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(CliError::usage("can't ask for confirmation without a terminal: add --yes"));
    }
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    let read = io::stdin().lock().take(64).read_line(&mut answer);
    let is_yes = read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
    if is_yes { Ok(()) } else { Err(CliError::usage("cancelled")) }
}

/// Parses a duration into milliseconds: `500ms`, `60s`, `5m`, `24h`, `7d`.
pub fn parse_duration_ms(text: &str) -> Result<i64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(MINUTE_MS),
        "h" => Some(60 * MINUTE_MS),
        "d" => Some(DAY_MS),
        _ => None,
    };
    let span = number.parse::<i64>().ok().zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
    span.ok_or_else(|| "use a number with ms, s, m, h or d, such as 60s".to_owned())
}

/// Parses `NAME=LIMIT/SPAN` or `NAME=LIMIT/SPAN,strict`, such as `burst=100/60s`.
pub fn rate_limit(text: &str) -> Result<RateLimit, String> {
    let (text, strict) = text.strip_suffix(",strict").map_or((text, false), |rest| (rest, true));
    let parts = text.split_once('=').and_then(|(name, rest)| Some((name, rest.split_once('/')?)));
    let (name, (limit, span)) = parts.ok_or("use NAME=LIMIT/SPAN, such as burst=100/60s")?;
    let limit = limit.parse().map_err(|_| "the limit must be a whole number, as in burst=100/60s")?;
    Ok(RateLimit { name: name.to_owned(), limit, duration_ms: parse_duration_ms(span)?, strict })
}

/// Parses `never`, `daily=AMOUNT` or `monthly=AMOUNT`.
pub fn refill(text: &str) -> Result<CreditsRequest, String> {
    let (interval, amount) = text.split_once('=').map_or((text, None), |(interval, amount)| (interval, Some(amount)));
    let refill = interval.parse::<Refill>().map_err(|_| "use never, daily=AMOUNT or monthly=AMOUNT")?;
    let amount = amount.map(str::parse).transpose().map_err(|_| "the amount must be a whole number, as in daily=1000")?;
    if amount.is_none() && refill != Refill::Never {
        return Err(format!("add the amount: {interval}=1000"));
    }
    Ok(CreditsRequest { remaining: None, refill, amount })
}

/// Parses the budget of a key: dollars as in `12.50/month`, or tokens as in `tokens=1000000/day`.
pub fn budget(text: &str) -> Result<RequestedBudget, String> {
    let example = "use LIMIT/PERIOD with day, week, month or none, such as 12.50/month or tokens=1000000/day";
    let (limit, period) = text.split_once('/').ok_or(example)?;
    let (unit, limit) = match limit.strip_prefix("tokens=") {
        Some(tokens) => (BudgetUnit::Tokens, BudgetAmount::Tokens(tokens.parse().map_err(|_| example)?)),
        None => (BudgetUnit::Usd, BudgetAmount::Dollars(limit.parse::<Dollars>().map_err(|_| example)?.to_string())),
    };
    Ok(RequestedBudget { limit, unit, period: period.parse().map_err(|_| example)? })
}

/// Sets a field of a request to null or to its empty value.
///
/// # Errors
/// [`CliError::Usage`] if the request sets the field.
pub fn clear<T: Default + PartialEq>(field: &mut Option<T>) -> Result<(), CliError> {
    match field.replace(T::default()) {
        Some(value) if value != T::default() => Err(CliError::usage("a field can't be both set and cleared")),
        _ => Ok(()),
    }
}

/// Parses a JSON object. The message does not repeat the input.
pub fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|_| r#"use a JSON object, such as {"plan":"pro"}"#.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_limits_are_parsed() {
        let limit = |name: &str, limit, duration_ms| Ok(RateLimit { name: name.to_owned(), limit, duration_ms, strict: false });
        assert_eq!(rate_limit("burst=100/60s"), limit("burst", 100, 60_000));
        assert_eq!(rate_limit("a:b=1/500ms"), limit("a:b", 1, 500));
        assert_eq!(rate_limit("day=5/1d"), limit("day", 5, DAY_MS));
        assert_eq!(rate_limit("day=5/1d,strict"), limit("day", 5, DAY_MS).map(|limit: RateLimit| RateLimit { strict: true, ..limit }));
        let bad = ["", "burst", "burst=100", "burst=100/60", "burst=x/60s", "burst=1/s", "burst=1/-1s", "burst=1/1s,", "burst=1/1s,loose", ",strict"];
        for bad in bad.into_iter().chain(["burst=1/9223372036854775807d"]) {
            assert!(rate_limit(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_budget_has_a_limit_and_a_period() {
        let parsed = |text: &str| serde_json::to_value(budget(text).unwrap()).unwrap();
        assert_eq!(parsed("12.50/month"), serde_json::json!({ "limit": "12.5", "unit": "usd", "period": "month" }));
        assert_eq!(parsed("tokens=1000/none"), serde_json::json!({ "limit": 1000, "unit": "tokens", "period": "none" }));
        for bad in ["", "12", "12/", "12/year", "/day", "-1/day", "1e3/day", "tokens=/day", "tokens=1.5/day", "tokens/day"] {
            assert!(budget(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refill_needs_an_amount() {
        assert_eq!(refill("daily=1000"), Ok(CreditsRequest { remaining: None, refill: Refill::Daily, amount: Some(1000) }));
        assert_eq!(refill("never"), Ok(CreditsRequest::default()));
        for bad in ["", "daily", "monthly=", "monthly=x", "weekly=1"] {
            assert!(refill(bad).is_err(), "{bad}");
        }
    }
}
