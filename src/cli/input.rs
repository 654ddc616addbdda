//! What is read from the command line, from files, from the environment and from standard input.

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Read, Write},
    path::Path,
};

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::trouble::Trouble;
use crate::model::{
    limits::{RateLimit, Refill, WantedCredits},
    time::{DAY_MS, MINUTE_MS},
};

/// The longest secret that is read, in bytes.
const SECRET_MAX: u64 = 64 * 1024;
/// The largest file that is read, in bytes; the server takes 8 MiB.
const FILE_MAX: u64 = 16 * 1024 * 1024;

/// A secret from the environment; blank is none.
pub fn from_environment(name: &str) -> Option<SecretString> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).map(SecretString::from)
}

/// The first line of a file, or of standard input for `-`.
///
/// # Errors
/// When it can't be read, or is empty.
pub fn secret_from(path: &Path) -> Result<SecretString, Trouble> {
    let read = if path == Path::new("-") {
        first_line(io::stdin().lock())
    } else {
        fs::File::open(path).and_then(|file| first_line(io::BufReader::new(file)))
    };
    let secret = read.map_err(|error| Trouble::usage(format!("{} can't be read: {error}", named(path))))?;
    if secret.is_empty() { Err(Trouble::usage(format!("{} holds no key", named(path)))) } else { Ok(secret.into()) }
}

fn first_line(from: impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.take(SECRET_MAX).read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// A secret that somebody types unseen, or that a program writes to standard input.
///
/// # Errors
/// When there is none.
pub fn typed_secret(prompt: &str) -> Result<SecretString, Trouble> {
    if !io::stdin().is_terminal() {
        return secret_from(Path::new("-"));
    }
    let typed = rpassword::prompt_password(prompt).map_err(|error| Trouble::usage(format!("nothing can be typed here: {error}")))?;
    let typed = typed.trim();
    if typed.is_empty() { Err(Trouble::usage("no key was typed")) } else { Ok(typed.to_owned().into()) }
}

/// A whole file, or standard input for `-`.
///
/// # Errors
/// When it can't be read, is too large or no text.
pub fn text_of(path: &Path) -> Result<String, Trouble> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(FILE_MAX + 1).read_to_string(&mut text)
    } else {
        fs::File::open(path).and_then(|file| file.take(FILE_MAX + 1).read_to_string(&mut text))
    };
    match read {
        Ok(bytes) if bytes as u64 <= FILE_MAX => Ok(text),
        Ok(_) => Err(Trouble::usage(format!("{} is too large", named(path)))),
        Err(error) => Err(Trouble::usage(format!("{} can't be read: {error}", named(path)))),
    }
}

fn named(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

/// Asks whoever sits there. Where nobody sits, the answer is to be given beforehand.
///
/// # Errors
/// When the answer is no, or nobody can be asked.
pub fn confirm(question: &str) -> Result<(), Trouble> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Trouble::usage("nobody can be asked whether this is meant: say --yes"));
    }
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    let read = io::stdin().lock().take(64).read_line(&mut answer);
    let is_yes = read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
    if is_yes { Ok(()) } else { Err(Trouble::usage("nothing was done")) }
}

/// A number with its unit, in milliseconds: `500ms`, `60s`, `5m`, `24h`, `7d`.
///
/// # Errors
/// A sentence about what is wrong.
pub fn span_ms(text: &str) -> Result<i64, String> {
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
    span.ok_or_else(|| "use a number and ms, s, m, h or d, such as 60s".to_owned())
}

/// `NAME=LIMIT/SPAN`: `burst=100/60s`.
///
/// # Errors
/// A sentence about what is wrong.
pub fn rate_limit(text: &str) -> Result<RateLimit, String> {
    let parts = text.split_once('=').and_then(|(name, rest)| Some((name, rest.split_once('/')?)));
    let (name, (limit, span)) = parts.ok_or("use NAME=LIMIT/SPAN, such as burst=100/60s")?;
    let limit = limit.parse().map_err(|_| "the limit is a whole number, as in burst=100/60s")?;
    Ok(RateLimit { name: name.to_owned(), limit, duration_ms: span_ms(span)? })
}

/// `never`, `daily=AMOUNT` or `monthly=AMOUNT`.
///
/// # Errors
/// A sentence about what is wrong.
pub fn refill(text: &str) -> Result<WantedCredits, String> {
    let (word, amount) = text.split_once('=').map_or((text, None), |(word, amount)| (word, Some(amount)));
    let refill = word.parse::<Refill>().map_err(|_| "use never, daily=AMOUNT or monthly=AMOUNT")?;
    let amount = amount.map(str::parse).transpose().map_err(|_| "the amount is a whole number, as in daily=1000")?;
    if amount.is_none() && refill != Refill::Never {
        return Err(format!("say to how many: {word}=1000"));
    }
    Ok(WantedCredits { remaining: None, refill, amount })
}

/// A JSON object.
///
/// # Errors
/// A sentence about what is wrong, without what was sent.
pub fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|_| r#"use a JSON object, such as {"plan":"pro"}"#.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_they_are_written() {
        let limit = |name: &str, limit, duration_ms| Ok(RateLimit { name: name.to_owned(), limit, duration_ms });
        assert_eq!(rate_limit("burst=100/60s"), limit("burst", 100, 60_000));
        assert_eq!(rate_limit("a:b=1/500ms"), limit("a:b", 1, 500));
        assert_eq!(rate_limit("day=5/1d"), limit("day", 5, DAY_MS));
        for bad in ["", "burst", "burst=100", "burst=100/60", "burst=x/60s", "burst=1/s", "burst=1/-1s", "burst=1/9223372036854775807d"] {
            assert!(rate_limit(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refill_says_to_how_many() {
        assert_eq!(refill("daily=1000"), Ok(WantedCredits { remaining: None, refill: Refill::Daily, amount: Some(1000) }));
        assert_eq!(refill("never"), Ok(WantedCredits::default()));
        for bad in ["", "daily", "monthly=", "monthly=x", "weekly=1"] {
            assert!(refill(bad).is_err(), "{bad}");
        }
    }
}
