//! URIs of requests to services and models: the text of a URL that was parsed before, with a path and a query that need no normalization.

use axum::http::Uri;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// Encoded in a query, as in a URL (URL Standard, special-query percent-encode set).
const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'\'');

/// The URI of `path` and `query` after `base`, which has neither query nor fragment. `None` if it is not a URI, or its path would be another one.
pub(crate) fn below(base: &str, path: &str, query: Option<&str>) -> Option<Uri> {
    let mut text = String::with_capacity(base.len() + path.len() + query.map_or(0, |query| query.len() + 1));
    text.push_str(base);
    text.push_str(path);
    if let Some(query) = query {
        text.push('?');
        text.extend(utf8_percent_encode(query, QUERY));
    }
    Uri::try_from(text).ok().filter(|uri| uri.path().ends_with(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_kept_and_the_query_encoded_as_in_a_url() {
        let text = |path, query| below("https://a.test:8443/base", path, query).map(|uri| uri.to_string());
        assert_eq!(text("/a%20b/%c3%a9", None).as_deref(), Some("https://a.test:8443/base/a%20b/%c3%a9"));
        assert_eq!(text("/", Some("")).as_deref(), Some("https://a.test:8443/base/?"));
        assert_eq!(text("/a", Some("q='é'&{x}|\\%2F+?")).as_deref(), Some("https://a.test:8443/base/a?q=%27%C3%A9%27&{x}|\\%2F+?"));
        for path in ["/a b", "/a?b", "/a#b", "/a\n"] {
            assert_eq!(text(path, Some("q")), None, "{path}");
        }
    }
}
