//! Entity tags of responses and conditional requests (RFC 9110, sections 8.8.3 and 13.1).

use axum::{
    Json as Answer,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::problem::Problem;
use crate::{
    model::key::KeyRow,
    server::tag::{self, IfMatch},
};

/// A response body with its entity tag.
pub struct Tagged<View> {
    pub view: View,
    tag: String,
}

impl<View: From<KeyRow>> From<KeyRow> for Tagged<View> {
    fn from(row: KeyRow) -> Self {
        let tag = tag::of_row(&row);
        Self { view: row.into(), tag }
    }
}

impl<View> Tagged<View> {
    /// The `ETag` header.
    pub fn header(&self) -> [(HeaderName, String); 1] {
        [(header::ETAG, self.tag.clone())]
    }
}

impl<View: Serialize> IntoResponse for Tagged<View> {
    fn into_response(self) -> Response {
        (self.header(), Answer(self.view)).into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(text) = joined(&parts.headers, &header::IF_MATCH)? else { return Ok(Self::Anything) };
        if text.trim() == "*" {
            return Ok(Self::There);
        }
        let tags = tag::listed(&text).ok_or_else(|| malformed(&header::IF_MATCH))?;
        // `If-Match` uses strong comparison: a weak tag never matches (section 13.1.1).
        Ok(Self::OneOf(tags.into_iter().filter(|listed| !listed.is_weak).map(|listed| listed.tag.to_owned()).collect()))
    }
}

/// 304 with these headers if `If-None-Match` of the request matches the body; else the body.
pub fn unless_known<const N: usize>(request: &HeaderMap, headers: [(HeaderName, &str); N], body: Vec<u8>) -> Response {
    let tag = tag::of(&body);
    let headers = (headers, [(header::ETAG, tag.as_str())]);
    if matches_tag(request, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Whether `If-None-Match` matches this tag by weak comparison (section 13.1.2). A malformed header matches nothing.
fn matches_tag(request: &HeaderMap, tag: &str) -> bool {
    let Ok(Some(text)) = joined(request, &header::IF_NONE_MATCH) else { return false };
    text.trim() == "*" || tag::listed(&text).is_some_and(|tags| tags.iter().any(|listed| listed.tag == tag))
}

/// The values of a repeated header, joined by commas.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Problem> {
    let values: Vec<&str> = headers.get_all(name).iter().map(|value| value.to_str().map_err(|_| malformed(name))).collect::<Result<_, _>>()?;
    Ok((!values.is_empty()).then(|| values.join(",")))
}

fn malformed(name: &HeaderName) -> Problem {
    let header = if *name == header::IF_MATCH { "If-Match" } else { "If-None-Match" };
    Problem::new(StatusCode::BAD_REQUEST, "malformed", format!("{header} must be * or a list of quoted entity tags.")).at(header)
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
