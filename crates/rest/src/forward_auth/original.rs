//! The original request, reconstructed from the headers of the proxy's request.

use std::{borrow::Cow, net::IpAddr};

use axum::http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{AUTHORIZATION, AsHeaderName},
};
use ipnet::IpNet;
use url::form_urlencoded;

use super::requirements::{Requirements, invalid};
use latchkey_http::{client_address, problem::Problem};

const METHOD: [&str; 2] = ["x-forwarded-method", "x-original-method"];
const URI: [&str; 2] = ["x-forwarded-uri", "x-original-uri"];

/// The forwarded attributes of a request.
pub struct Original<'a> {
    /// The presented key.
    pub key: Option<Cow<'a, str>>,
    pub method: Option<&'a str>,
    /// The client address.
    pub ip: Option<IpAddr>,
}

/// Reads the headers. Contradictory headers are an error, because the service behind the proxy might use the other value.
///
/// # Errors
/// 400 for headers that are not UTF-8, two keys, two methods or two URIs; 422 if the key may be in the URI and the proxy does not forward it.
pub fn read<'a>(headers: &'a HeaderMap, requirements: &Requirements, trusted: &[IpNet]) -> Result<Original<'a>, Problem> {
    let uri = single(headers, URI)?;
    let mut key = None;
    for value in values(headers, AUTHORIZATION) {
        value?
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map_or(Ok(()), |(_, token)| set_key(&mut key, token.trim().into()))?;
    }
    for value in values(headers, "x-api-key") {
        set_key(&mut key, value?.into())?;
    }
    if let Some(name) = &requirements.key_param {
        let uri = uri.ok_or_else(|| invalid("key_param", "The original URI is missing. Send X-Forwarded-Uri or X-Original-URI."))?;
        for (_, value) in form_urlencoded::parse(query(uri).as_bytes()).filter(|(parameter, _)| parameter == name) {
            set_key(&mut key, value)?;
        }
    }
    // Not UTF-8 is an error here as in every other header; an entry that is text but no address counts as none.
    values(headers, "x-forwarded-for").chain(values(headers, "x-real-ip")).try_for_each(|value| value.map(drop))?;
    Ok(Original { key, method: single(headers, METHOD)?, ip: client_address::forwarded_client_address(headers, trusted) })
}

/// Records a presented key. An empty value counts as none.
fn set_key<'a>(key: &mut Option<Cow<'a, str>>, presented: Cow<'a, str>) -> Result<(), Problem> {
    if !presented.is_empty() && key.replace(presented.clone()).is_some_and(|before| before != presented) {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "two_api_keys", "The request contains two different API keys. Send only one."));
    }
    Ok(())
}

/// The value of two headers with the same meaning, if they agree.
fn single<'a>(headers: &'a HeaderMap, names: [&'static str; 2]) -> Result<Option<&'a str>, Problem> {
    let mut found = None;
    for value in names.into_iter().flat_map(|name| values(headers, name)) {
        let value = value?;
        if !value.is_empty() && found.replace(value).is_some_and(|before| before != value) {
            return Err(malformed(&format!("The headers {} and {} contradict each other.", names[0], names[1])));
        }
    }
    Ok(found)
}

fn values(headers: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = Result<&str, Problem>> {
    headers.get_all(name).iter().map(text)
}

fn text(value: &HeaderValue) -> Result<&str, Problem> {
    str::from_utf8(value.as_bytes()).map(str::trim).map_err(|_| malformed("A header of this request is not UTF-8."))
}

fn malformed(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed", detail)
}

fn query(uri: &str) -> &str {
    let before_fragment = uri.split_once('#').map_or(uri, |(before, _)| before);
    before_fragment.split_once('?').map_or("", |(_, query)| query)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(&'static str, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    fn code(problem: Problem) -> String {
        serde_json::to_value(problem).unwrap()["code"].as_str().unwrap().to_owned()
    }

    /// The key that is found with `?key_param=k`, or the error code.
    fn key(lines: &[(&'static str, &str)]) -> Result<Option<String>, String> {
        let lines: Vec<_> = lines.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let requirements = Requirements { key_param: Some("k".into()), ..Requirements::default() };
        read(&headers(&lines), &requirements, &[]).map(|original| original.key.map(Cow::into_owned)).map_err(code)
    }

    #[test]
    fn the_key_is_found_in_each_of_three_locations() {
        let found = |value: &str| Ok(Some(value.to_owned()));
        let uri = ("x-forwarded-uri", "/a");
        assert_eq!(key(&[uri, ("x-api-key", " a ")]), found("a"));
        assert_eq!(key(&[uri, ("authorization", "bearer  a ")]), found("a"));
        assert_eq!(key(&[("x-forwarded-uri", "/a?x=1&k=a%2Fb#k=c")]), found("a/b"));
        assert_eq!(key(&[("x-original-uri", "https://host/a?k=a")]), found("a"));
        assert_eq!(key(&[("x-original-uri", "/a?k=a"), ("x-api-key", "a"), ("authorization", "Bearer a")]), found("a"));
        // Other schemes belong to the service behind the proxy.
        assert_eq!(key(&[uri, ("authorization", "Basic YTpi"), ("x-api-key", "a")]), found("a"));
        for none in [&[uri][..], &[uri, ("x-api-key", "")], &[uri, ("authorization", "Basic YTpi")], &[("x-forwarded-uri", "/a?k=&K=b#?k=c")]] {
            assert_eq!(key(none), Ok(None), "{none:?}");
        }
    }

    #[test]
    fn two_different_keys_are_rejected() {
        let (a, uri) = (("x-api-key", "a"), ("x-forwarded-uri", "/"));
        for two in [
            [a, uri, ("x-api-key", "b")],
            [a, uri, ("authorization", "Bearer b")],
            [a, ("x-forwarded-uri", "/?k=b"), ("x-real-ip", "")],
            [uri, ("authorization", "Bearer a"), ("authorization", "Bearer b")],
            [("x-forwarded-uri", "/?k=a&k=b"), ("x-real-ip", ""), ("x-real-ip", "")],
        ] {
            assert_eq!(key(&two), Err("two_api_keys".into()), "{two:?}");
        }
    }

    #[test]
    fn contradictory_or_non_utf8_headers_are_malformed() {
        let requirements = Requirements::default();
        for bad in [
            headers(&[("x-forwarded-method", b"GET"), ("x-original-method", b"POST")]),
            headers(&[("x-forwarded-method", b"GET"), ("x-forwarded-method", b"POST")]),
            headers(&[("x-forwarded-uri", b"/a"), ("x-original-uri", b"/b")]),
            headers(&[("x-api-key", b"\xff")]),
            headers(&[("authorization", b"Bearer \xff")]),
            headers(&[("x-forwarded-uri", b"/\xff")]),
            headers(&[("x-forwarded-for", b"\xff")]),
            headers(&[("x-real-ip", b"\xff")]),
        ] {
            assert_eq!(read(&bad, &requirements, &[]).map(|_| ()).map_err(code), Err("malformed".into()), "{bad:?}");
        }
        let same = headers(&[("x-forwarded-method", b"GET"), ("x-original-method", b"GET"), ("x-original-method", b"")]);
        assert_eq!(read(&same, &requirements, &[]).ok().unwrap().method, Some("GET"));
        // An unescaped URI in UTF-8 is accepted.
        assert!(read(&headers(&[("x-forwarded-uri", "/ä?ö".as_bytes())]), &requirements, &[]).is_ok());
    }

    #[test]
    fn a_key_in_a_uri_needs_the_uri() {
        assert_eq!(key(&[("x-api-key", "a")]), Err("invalid".into()));
    }

    fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop_oneof![Just(b'\t'), 32..=126_u8, 128..=255_u8], 0..80)
    }

    /// Random bytes above 127 are hardly ever valid UTF-8.
    fn any_text() -> impl Strategy<Value = Vec<u8>> {
        "\\PC{0,40}".prop_map(String::into_bytes)
    }

    proptest! {
        #[test]
        fn any_header_bytes_are_read_or_rejected(
            lines in prop::collection::vec((0..8_usize, prop_oneof![any_bytes(), any_text()]), 0..12),
            param in "[a-z%&=?]{0,5}",
        ) {
            const NAMES: [&str; 8] = ["authorization", "x-api-key", "x-forwarded-for", "x-real-ip", METHOD[0], METHOD[1], URI[0], URI[1]];
            let lines: Vec<_> = lines.iter().map(|(index, value)| (NAMES[*index], value.as_slice())).collect();
            let requirements = Requirements { key_param: Some(param.as_str().into()), ..Requirements::default() };
            match read(&headers(&lines), &requirements, &["10.0.0.0/8".parse().unwrap()]) {
                Ok(original) => prop_assert!(original.key.is_none_or(|key| !key.is_empty())),
                Err(problem) => {
                    let status = serde_json::to_value(problem).unwrap()["status"].as_u64().unwrap();
                    prop_assert!(status == 400 || status == 422);
                }
            }
        }

        #[test]
        fn no_entry_of_the_client_changes_the_address_that_the_proxy_appends(
            entries in prop::collection::vec("\\PC{0,40}", 0..4), real_ip in "\\PC{0,20}|192\\.0\\.2\\.7",
        ) {
            let lines: Vec<_> = entries.iter().map(|entry| ("x-forwarded-for", entry.as_bytes())).collect();
            let appended = format!("{},203.0.113.9", entries.last().map_or("", String::as_str));
            let kept = lines.len().saturating_sub(1);
            let lines = [&lines[..kept], &[("x-forwarded-for", appended.as_bytes()), ("x-real-ip", real_ip.as_bytes())]].concat();
            let headers = headers(&lines);
            let original = read(&headers, &Requirements::default(), &[]).ok().unwrap();
            prop_assert_eq!(original.ip, Some([203, 0, 113, 9].into()));
        }

        #[test]
        fn a_key_in_the_query_is_decoded(key in "\\PC{1,40}", name in "[a-zA-Z_]{1,12}", before in "[a-z=&]{0,20}") {
            prop_assume!(before.split('&').all(|pair| pair.split('=').next() != Some(&name)));
            let query = form_urlencoded::Serializer::new(String::new()).append_pair(&name, &key).finish();
            let uri = format!("/path?{before}&{query}");
            let headers = headers(&[("x-original-uri", uri.as_bytes())]);
            let requirements = Requirements { key_param: Some(name.into()), ..Requirements::default() };
            let found = read(&headers, &requirements, &[]).ok().unwrap().key;
            prop_assert_eq!(found.as_deref(), Some(key.as_str()));
        }
    }
}
