//! JSON bodies: what can't be read is a clear refusal that repeats nothing of what was sent.

use std::{pin::pin, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::StatusCode,
};
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, error::Category};
use tokio::time::timeout;

use super::problem::Problem;

/// How long a caller may take to send it.
const BODY_LIMIT: Duration = Duration::from_secs(10);
/// The largest body of a call, in bytes.
pub const BODY_MAX: usize = 64 * 1024;

/// The largest body of a call that brings many things at once, in bytes.
pub const LARGE_BODY_MAX: usize = 8 * 1024 * 1024;

/// The body, read as JSON whatever the content type says: calls are authenticated by a header that no foreign page can send.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        parse(&read(request.into_body(), BODY_MAX).await?).map(Self)
    }
}

/// The body as it came, to be read with [`parse`] into what borrows from it.
pub struct Raw(pub Bytes);

impl<S: Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read(request.into_body(), BODY_MAX).await.map(Self)
    }
}

/// The same for a call that brings many at once: up to 8 MiB.
pub struct LargeRaw(pub Bytes);

impl<S: Sync> FromRequest<S> for LargeRaw {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read(request.into_body(), LARGE_BODY_MAX).await.map(Self)
    }
}

/// The same for a call that brings many things at once. Only those who were let in may send so much: it is read last.
pub struct LargeJson<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for LargeJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        parse(&read(request.into_body(), LARGE_BODY_MAX).await?).map(Self)
    }
}

/// The whole body, if it is no larger than `max` bytes.
///
/// # Errors
/// 413 `too_large`, 408 `too_slow`, 400 `malformed`.
pub async fn read(body: Body, max: usize) -> Result<Bytes, Problem> {
    let mut collecting = pin!(Limited::new(body, max).collect());
    // Mostly it has come with the head: then nothing needs a timer.
    let collected = match collecting.as_mut().now_or_never() {
        Some(collected) => Ok(collected),
        None => timeout(BODY_LIMIT, collecting).await,
    };
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(max)),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "The body did not come in time.")),
        Ok(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "malformed", "The body broke off.")),
    }
}

/// The refusal of a body over the limit, in bytes.
pub fn too_large(max: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("The body is larger than {max} bytes."))
}

/// Reads a part of a body that was read already.
///
/// # Errors
/// As for a body: 422 with the field that is wrong.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| wrong_field(&error.path().to_string(), &error.inner().to_string()))
}

/// A refusal names the field that is wrong, never its value, which may be a secret.
///
/// # Errors
/// 400 `malformed` for what is no JSON; 422 with the field that is wrong.
pub fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    let malformed = || Problem::new(StatusCode::BAD_REQUEST, "malformed", "The body is no JSON.");
    // serde would take a list for an object, its values in the order of the fields.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(wrong_field(".", ""));
    }
    // What can be read is read without noting where one is, which takes as long again.
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| match error.inner().classify() {
        Category::Data => wrong_field(&error.path().to_string(), &error.inner().to_string()),
        Category::Io | Category::Syntax | Category::Eof => malformed(),
    })?;
    deserializer.end().map_err(|_| malformed())?;
    Ok(value)
}

fn wrong_field(path: &str, message: &str) -> Problem {
    let named = |rest: &str| rest.split('`').nth(1).unwrap_or_default().chars().take(100).collect::<String>();
    let (field, detail) = if let Some(rest) = message.strip_prefix("missing field ") {
        (named(rest), "This field is missing.")
    } else if let Some(rest) = message.strip_prefix("unknown field ") {
        (named(rest), "This call has no such field.")
    } else {
        (path.to_owned(), "This is of the wrong type, or no value that can be taken.")
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail).at(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Call {
        #[expect(dead_code, reason = "only read from JSON here")]
        key: String,
    }

    #[test]
    fn a_refusal_names_the_field_and_repeats_no_value() {
        for (body, field) in [(r#"{"key": 12345}"#, "key"), ("{}", "key"), (r#"{"key":"a","extra":"12345"}"#, "extra"), (r#"["12345"]"#, ".")] {
            let told = serde_json::to_string(&parse::<Call>(body.as_bytes()).unwrap_err()).unwrap();
            assert!(told.contains(&format!(r#""field":"{field}""#)) && !told.contains("12345"), "{body}: {told}");
        }
    }

    #[test]
    fn broken_json_is_malformed() {
        for body in ["", "{", r#"{"key":"a"} x"#, "\u{FEFF}{}"] {
            let told = serde_json::to_string(&parse::<Call>(body.as_bytes()).unwrap_err()).unwrap();
            assert!(told.contains("malformed"), "{told}");
        }
    }
}
