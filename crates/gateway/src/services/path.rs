//! The path of a call: `/gateway/{service}/{path}`. It is neither decoded nor normalized, so that the bytes that matched a rule are sent.

use std::{borrow::Cow, iter::successors};

use axum::http::{StatusCode, Uri};
use percent_encoding::percent_decode;
use url::{Position, Url, form_urlencoded};

use crate::uri;
use latchkey_http::problem::Problem;

/// The beginning of the paths of all services.
pub(super) const PREFIX: &str = "/gateway/";

/// How often a path is decoded to find what is hidden by repeated encoding.
const ROUNDS: usize = 3;

/// Splits the path of a request into the service's name and the path after it, which begins with `/`.
pub(super) fn split(path: &str) -> (&str, &str) {
    let rest = path.strip_prefix(PREFIX).unwrap_or_default();
    rest.find('/').map_or((rest, "/"), |at| rest.split_at(at))
}

/// Refuses paths that servers interpret differently.
///
/// # Errors
/// 400 `invalid_path`.
pub(super) fn check(path: &str) -> Result<(), Problem> {
    if !is_encoded(path) {
        return Err(invalid("The path contains a character that must be percent-encoded, or an incomplete percent-encoding."));
    }
    if path.contains("//") {
        return Err(invalid("The path contains “//”. Use a single slash."));
    }
    if path.split('/').any(hides_separator) {
        return Err(invalid("The path contains an encoded slash, backslash or control character."));
    }
    if path.split('/').any(is_dot_segment) {
        return Err(invalid("The path contains a “.” or “..” segment, or a segment of parameters only."));
    }
    Ok(())
}

fn invalid(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid_path", detail)
}

/// Whether the path consists of RFC 3986's characters for paths.
fn is_encoded(path: &str) -> bool {
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let is_allowed = match byte {
            b'%' => (0..2).all(|_| bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit())),
            byte => byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte),
        };
        if !is_allowed {
            return false;
        }
    }
    true
}

/// The segment as it is sent, and decoded once or repeatedly, as some servers do.
fn decoded(segment: &str) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let sent = Cow::<[u8]>::Borrowed(segment.as_bytes());
    successors(Some(sent), |bytes| bytes.contains(&b'%').then(|| Cow::<[u8]>::Owned(percent_decode(bytes).collect()))).take(1 + ROUNDS)
}

/// Whether the segment contains bytes that some servers treat as separators, or as the end of the path.
fn hides_separator(segment: &str) -> bool {
    let is_separator = |byte: &u8| matches!(byte, b'/' | b'\\') || byte.is_ascii_control();
    decoded(segment).any(|bytes| bytes.iter().any(is_separator))
}

/// Also if it is so only without its parameters (`..;a`, `;a`), which some servers remove.
fn is_dot_segment(segment: &str) -> bool {
    decoded(segment).any(|bytes| {
        let name = bytes.split(|byte| *byte == b';').next().unwrap_or_default();
        matches!(name, b"." | b"..") || (name.is_empty() && !bytes.is_empty())
    })
}

/// The URI of a path, which [`check`] accepts, and query below the base URL.
///
/// # Errors
/// 400 `invalid_path` if it would have other bytes, or is too long.
pub(super) fn target(base: &Url, path: &str, query: Option<&str>) -> Result<Uri, Problem> {
    let base = base[..Position::AfterPath].trim_end_matches('/');
    uri::below(base, path, query).ok_or_else(|| invalid("The path is not in its normal form, or too long."))
}

/// The query without the parameters of this name.
pub(super) fn without_parameter(query: &str, name: &str) -> String {
    let is_other = |pair: &&str| form_urlencoded::parse(pair.as_bytes()).next().is_none_or(|(own, _)| own != name);
    query.split('&').filter(is_other).collect::<Vec<_>>().join("&")
}

/// The query with this parameter instead of others of its name. The value is percent-encoded.
pub(super) fn with_parameter(query: Option<&str>, name: &str, value: &str) -> String {
    let others = query.map(|query| without_parameter(query, name)).unwrap_or_default();
    let separator = if others.is_empty() { "" } else { "&" };
    format!("{others}{separator}{name}={value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_valid(path: &str) -> bool {
        check(path).is_ok()
    }

    #[test]
    fn the_service_is_the_first_segment() {
        for (path, parts) in [
            ("/gateway/openai", ("openai", "/")),
            ("/gateway/openai/", ("openai", "/")),
            ("/gateway/openai/v1/models", ("openai", "/v1/models")),
            ("/gateway/a%2Fb/c", ("a%2Fb", "/c")),
            ("/gateway/a//b", ("a", "//b")),
        ] {
            assert_eq!(split(path), parts, "{path}");
        }
    }

    #[test]
    fn ordinary_paths_are_forwarded() {
        for path in ["/", "/v1/models", "/a/", "/a.b/.c/...", "/a%20b/%C3%A9", "/users/a@b.c;v=1", "/a:b/(c)!$&'*+,=~", "/%2ea", "/..a", "/%25"] {
            assert!(is_valid(path), "{path}");
        }
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        for path in [
            "//",
            "/a//b",
            "/a//",
            "/.",
            "/..",
            "/a/./b",
            "/a/../b",
            "/a/..",
            "/a/%2e%2E/b",
            "/a/.%2e/b",
            "/a/%2e",
            "/a/..;/b",
            "/a/.;x=1/b",
            "/a/%2e%2e;x",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a%5C",
            "/a%00",
            "/a%0d%0ab",
            "/a%7f",
            "/a%252fb",
            "/a%25252fb",
            "/%252e%252e",
            "/..%3ba",
            "/a/;",
            "/a/;x=1/b",
            "/a/%3b",
            "/a\\b",
            "/a\\..\\b",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%u002f",
            "/a\"b",
            "/{a}",
            "/a|b",
            "/a^b",
            "/[a]",
            "/é",
            "/a b",
            "/a?b",
        ] {
            assert!(!is_valid(path), "{path}");
        }
    }

    #[test]
    fn a_target_has_the_bytes_of_the_path() {
        let target = |base: &str, path: &str, query| target(&Url::parse(base).unwrap(), path, query).map(|uri| uri.to_string()).map_err(|_| ());
        assert_eq!(target("https://a.test", "/v1/models", None).as_deref(), Ok("https://a.test/v1/models"));
        assert_eq!(target("https://a.test:8443/base", "/", Some("q=1&q=2")).as_deref(), Ok("https://a.test:8443/base/?q=1&q=2"));
        let path = "/a%20b/%c3%a9/users/a@b.c;v=1/a:b/(c)!$&'*+,=~";
        assert_eq!(target("https://a.test/base", path, None), Ok(format!("https://a.test/base{path}")));
        assert_eq!(target("https://a.test", "/a b", None), Err(()));
        assert_eq!(target("https://a.test/base", "/b#c", None), Err(()));
    }

    #[test]
    fn a_parameter_replaces_those_of_its_name() {
        for (query, result) in [
            (None, "key=s"),
            (Some(""), "key=s"),
            (Some("a=1&b"), "a=1&b&key=s"),
            (Some("key=mine&a=1&key"), "a=1&key=s"),
            (Some("k%65y=mine"), "key=s"),
            (Some("Key=1&keys=2&a=%26key%3D1"), "Key=1&keys=2&a=%26key%3D1&key=s"),
        ] {
            assert_eq!(with_parameter(query, "key", "s"), result, "{query:?}");
        }
        assert_eq!(without_parameter("a=1&key=s", "key"), "a=1");
    }
}
