//! Entity tags of responses and conditional requests (RFC 9110, sections 8.8.3 and 13.1).

use axum::{
    Json as JsonResponse,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use latchkey_core::etag::{self, IfMatch};
use latchkey_http::problem::Problem;
use latchkey_types::key::KeyRow;

/// A response body with its entity tag.
pub(crate) struct Tagged<View> {
    pub view: View,
    tag: String,
}

impl<View: From<KeyRow>> From<KeyRow> for Tagged<View> {
    fn from(row: KeyRow) -> Self {
        let tag = etag::of_key(&row);
        Self { view: row.into(), tag }
    }
}

impl<View> Tagged<View> {
    /// The `ETag` header.
    pub(crate) fn header(&self) -> [(HeaderName, String); 1] {
        [(header::ETAG, self.tag.clone())]
    }
}

impl<View: Serialize> IntoResponse for Tagged<View> {
    fn into_response(self) -> Response {
        (self.header(), JsonResponse(self.view)).into_response()
    }
}

/// The request's `If-Match` header.
pub(crate) struct Precondition(pub(crate) IfMatch);

impl<S: Sync> FromRequestParts<S> for Precondition {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(text) = joined(&parts.headers, &header::IF_MATCH)? else { return Ok(Self(IfMatch::Unconditional)) };
        if text.trim() == "*" {
            return Ok(Self(IfMatch::Exists));
        }
        let tags = etag::parse_list(&text).ok_or_else(|| malformed(&header::IF_MATCH))?;
        // `If-Match` uses strong comparison: a weak tag never matches (section 13.1.1).
        let strong = tags.into_iter().filter(|listed| !listed.is_weak).map(|listed| listed.tag.to_owned());
        Ok(Self(IfMatch::OneOf(strong.collect())))
    }
}

/// 304 with these headers if `If-None-Match` of the request matches the body; else the body.
pub(crate) fn not_modified_or<const N: usize>(request: &HeaderMap, headers: [(HeaderName, &str); N], body: Vec<u8>) -> Response {
    let tag = etag::of(&body);
    let headers = (headers, [(header::ETAG, tag.as_str())]);
    if matches_tag(request, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Whether `If-None-Match` matches this tag by weak comparison (section 13.1.2). A malformed header matches nothing.
fn matches_tag(request: &HeaderMap, tag: &str) -> bool {
    let Ok(Some(text)) = joined(request, &header::IF_NONE_MATCH) else { return false };
    text.trim() == "*" || etag::parse_list(&text).is_some_and(|tags| tags.iter().any(|listed| listed.tag == tag))
}

/// The values of a repeated header, joined by commas.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Problem> {
    let values: Vec<&str> = headers.get_all(name).iter().map(|value| value.to_str().map_err(|_| malformed(name))).collect::<Result<_, _>>()?;
    Ok((!values.is_empty()).then(|| values.join(",")))
}

fn malformed(name: &HeaderName) -> Problem {
    let header = if *name == header::IF_MATCH { "If-Match" } else { "If-None-Match" };
    Problem::new(StatusCode::BAD_REQUEST, "malformed", format!("{header} must be * or a list of quoted entity tags.")).with_field(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_matches_in_every_valid_form() {
        let matches = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::IF_NONE_MATCH, value.parse().unwrap());
            }
            matches_tag(&headers, "\"a\"")
        };
        for values in [&["*"][..], &[" * "], &["\"a\""], &["W/\"a\""], &["\"b\", \"a\""], &["\"b\",W/\"a\" "], &["\"b\"", "\"a\""]] {
            assert!(matches(values), "{values:?}");
        }
        for values in [&[][..], &[""], &["a"], &["\"b\""], &["w/\"a\""], &["\"ab\""], &["\"*\""], &["W/"], &["\"b\"", "a"]] {
            assert!(!matches(values), "{values:?}");
        }
    }
}
