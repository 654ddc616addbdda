//! JSON request bodies. Errors name the field that is wrong and never repeat its value.

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

/// How long a client may take to send the body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest request body, in bytes.
pub const BODY_MAX: usize = 64 * 1024;

/// The largest body of a batch request, in bytes.
pub const LARGE_BODY_MAX: usize = 8 * 1024 * 1024;

/// The body parsed as JSON. The content type is ignored: requests are authenticated by a header that a cross-site page cannot send.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        parse(&read(request.into_body(), BODY_MAX).await?).map(Self)
    }
}

/// The raw body, for [`parse`] into a type that borrows from it.
pub struct Raw(pub Bytes);

impl<S: Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read(request.into_body(), BODY_MAX).await.map(Self)
    }
}

/// Like [`Raw`], up to [`LARGE_BODY_MAX`], for batch requests.
pub struct LargeRaw(pub Bytes);

impl<S: Sync> FromRequest<S> for LargeRaw {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read(request.into_body(), LARGE_BODY_MAX).await.map(Self)
    }
}

/// Like [`Json`], up to [`LARGE_BODY_MAX`], for batch requests. It is the last extractor, so that only an authenticated caller can send this
/// much.
pub struct LargeJson<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for LargeJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        parse(&read(request.into_body(), LARGE_BODY_MAX).await?).map(Self)
    }
}

/// Reads the whole body, of at most `max` bytes.
///
/// # Errors
/// 413 `too_large`, 408 `too_slow`, 400 `malformed`.
pub async fn read(body: Body, max: usize) -> Result<Bytes, Problem> {
    let mut collecting = pin!(Limited::new(body, max).collect());
    // The body has usually arrived with the headers: skip the timer then.
    let collected = match collecting.as_mut().now_or_never() {
        Some(collected) => Ok(collected),
        None => timeout(BODY_TIMEOUT, collecting).await,
    };
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(max)),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "Timed out reading the request body. Send it within 10 seconds.")),
        Ok(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "malformed", "The request body is incomplete.")),
    }
}

/// The error for a body larger than `max` bytes.
pub fn too_large(max: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("The request body is larger than {max} bytes."))
}

/// Deserializes a part of an already parsed body.
///
/// # Errors
/// 422 `invalid` with the path of the field.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| wrong_field(&error.path().to_string(), &error.inner().to_string()))
}

/// Parses a body. An error names the field that is wrong, never its value, which may be a secret.
///
/// # Errors
/// 400 `malformed` for invalid JSON; 422 `invalid` with the path of the field.
pub fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    let malformed = || Problem::new(StatusCode::BAD_REQUEST, "malformed", "The request body is not valid JSON.");
    // serde would accept an array for a struct, with the values in field order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(wrong_field(".", ""));
    }
    // Tracking the path doubles the parse time, so it is done only after a failure.
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
    let quoted = |rest: &str| rest.split('`').nth(1).unwrap_or_default().chars().take(100).collect::<String>();
    let (field, detail) = if let Some(rest) = message.strip_prefix("missing field ") {
        (quoted(rest), "This field is required.")
    } else if let Some(rest) = message.strip_prefix("unknown field ") {
        (quoted(rest), "Unknown field.")
    } else {
        (path.to_owned(), "Invalid type or value.")
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail).with_field(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Payload {
        #[expect(dead_code, reason = "only deserialized")]
        key: String,
    }

    #[test]
    fn an_error_names_the_field_but_not_its_value() {
        for (body, field) in [(r#"{"key": 12345}"#, "key"), ("{}", "key"), (r#"{"key":"a","extra":"12345"}"#, "extra"), (r#"["12345"]"#, ".")] {
            let problem = serde_json::to_string(&parse::<Payload>(body.as_bytes()).unwrap_err()).unwrap();
            assert!(problem.contains(&format!(r#""field":"{field}""#)) && !problem.contains("12345"), "{body}: {problem}");
        }
    }

    #[test]
    fn invalid_json_is_malformed() {
        for body in ["", "{", r#"{"key":"a"} x"#, "\u{FEFF}{}"] {
            let problem = serde_json::to_string(&parse::<Payload>(body.as_bytes()).unwrap_err()).unwrap();
            assert!(problem.contains("malformed"), "{problem}");
        }
    }
}
