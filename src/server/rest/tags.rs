//! Entity tags in answers and conditions in calls (RFC 9110, sections 8.8.3 and 13.1).

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

/// An answer that shows something with its tag.
pub struct Tagged<View> {
    /// What is shown.
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
    /// Its tag as a header.
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
        let Some(text) = lines(&parts.headers, &header::IF_MATCH)? else { return Ok(Self::Anything) };
        if text.trim() == "*" {
            return Ok(Self::There);
        }
        let tags = tag::listed(&text).ok_or_else(|| malformed(&header::IF_MATCH))?;
        // A weak one never matches here (section 13.1.1).
        Ok(Self::OneOf(tags.into_iter().filter(|listed| !listed.is_weak).map(|listed| listed.tag.to_owned()).collect()))
    }
}

/// 304 with these headers for those who have it, by `If-None-Match`; the whole body for others.
pub fn unless_known<const N: usize>(asked: &HeaderMap, headers: [(HeaderName, &str); N], body: Vec<u8>) -> Response {
    let tag = tag::of(&body);
    let headers = (headers, [(header::ETAG, tag.as_str())]);
    if is_known(asked, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Whether `If-None-Match` names this tag: `*`, or it is among them, as a weak one too (section 13.1.2). What can't be read names none.
fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    let Ok(Some(text)) = lines(asked, &header::IF_NONE_MATCH) else { return false };
    text.trim() == "*" || tag::listed(&text).is_some_and(|tags| tags.iter().any(|listed| listed.tag == tag))
}

/// The lines of a header as one list.
fn lines(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Problem> {
    let lines: Vec<&str> = headers.get_all(name).iter().map(|line| line.to_str().map_err(|_| malformed(name))).collect::<Result<_, _>>()?;
    Ok((!lines.is_empty()).then(|| lines.join(",")))
}

fn malformed(name: &HeaderName) -> Problem {
    let told = if *name == header::IF_MATCH { "If-Match" } else { "If-None-Match" };
    Problem::new(StatusCode::BAD_REQUEST, "malformed", format!("{told} takes * or a list of tags in quotes.")).at(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_every_form_that_callers_send() {
        let asked = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::IF_NONE_MATCH, line.parse().unwrap());
            }
            is_known(&headers, "\"a\"")
        };
        for lines in [&["*"][..], &[" * "], &["\"a\""], &["W/\"a\""], &["\"b\", \"a\""], &["\"b\",W/\"a\" "], &["\"b\"", "\"a\""]] {
            assert!(asked(lines), "{lines:?}");
        }
        for lines in [&[][..], &[""], &["a"], &["\"b\""], &["w/\"a\""], &["\"ab\""], &["\"*\""], &["W/"], &["\"b\"", "a"]] {
            assert!(!asked(lines), "{lines:?}");
        }
    }
}
