//! The request that a proxy asks about, as far as the headers of its own call tell it.

use std::{borrow::Cow, net::IpAddr};

use axum::http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{AUTHORIZATION, AsHeaderName},
};
use ipnet::IpNet;
use url::form_urlencoded;

use super::wanted::{Wanted, invalid};
use crate::server::{auth::address, rest::problem::Problem};

const METHOD: [&str; 2] = ["x-forwarded-method", "x-original-method"];
const URI: [&str; 2] = ["x-forwarded-uri", "x-original-uri"];

/// What is told of a request.
pub struct Original<'a> {
    /// The key that it presents.
    pub key: Option<Cow<'a, str>>,
    /// Its method.
    pub method: Option<&'a str>,
    /// From where it comes.
    pub ip: Option<IpAddr>,
}

/// Reads the headers. What contradicts itself is refused: the service behind the proxy might take the other half of it.
///
/// # Errors
/// 400 for headers that are no text, two keys, two methods or two URIs; 422 when the key may stand in a URI that the proxy does not say.
pub fn read<'a>(headers: &'a HeaderMap, wanted: &Wanted, trusted: &[IpNet]) -> Result<Original<'a>, Problem> {
    let uri = the_one(headers, URI)?;
    let mut key = None;
    for line in lines(headers, AUTHORIZATION) {
        line?
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map_or(Ok(()), |(_, it)| take(&mut key, it.trim().into()))?;
    }
    for line in lines(headers, "x-api-key") {
        take(&mut key, line?.into())?;
    }
    if let Some(name) = &wanted.key_param {
        let uri = uri.ok_or_else(|| invalid("key_param", "The URI is not said: send X-Forwarded-Uri or X-Original-URI."))?;
        for (_, value) in form_urlencoded::parse(query(uri).as_bytes()).filter(|(is, _)| is == name) {
            take(&mut key, value)?;
        }
    }
    // What `address` can't read it passes over.
    lines(headers, "x-forwarded-for").chain(lines(headers, "x-real-ip")).try_for_each(|line| line.map(drop))?;
    Ok(Original { key, method: the_one(headers, METHOD)?, ip: address::forwarded(headers, trusted) })
}

/// Another key that is presented; none, where it is blank.
fn take<'a>(key: &mut Option<Cow<'a, str>>, presented: Cow<'a, str>) -> Result<(), Problem> {
    if !presented.is_empty() && key.replace(presented.clone()).is_some_and(|before| before != presented) {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "two_api_keys", "Two different API keys were sent."));
    }
    Ok(())
}

/// What two headers of the same meaning say, if they say one thing.
fn the_one<'a>(headers: &'a HeaderMap, names: [&'static str; 2]) -> Result<Option<&'a str>, Problem> {
    let mut told = None;
    for line in names.into_iter().flat_map(|name| lines(headers, name)) {
        let line = line?;
        if !line.is_empty() && told.replace(line).is_some_and(|before| before != line) {
            return Err(malformed(&format!("The headers {} and {} say different things.", names[0], names[1])));
        }
    }
    Ok(told)
}

fn lines(headers: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = Result<&str, Problem>> {
    headers.get_all(name).iter().map(text)
}

fn text(value: &HeaderValue) -> Result<&str, Problem> {
    str::from_utf8(value.as_bytes()).map(str::trim).map_err(|_| malformed("A header of this request is no text."))
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

    /// The key that is found with `?key_param=k`, or the code of the refusal.
    fn key(lines: &[(&'static str, &str)]) -> Result<Option<String>, String> {
        let lines: Vec<_> = lines.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let wanted = Wanted { key_param: Some("k".into()), ..Wanted::default() };
        read(&headers(&lines), &wanted, &[]).map(|original| original.key.map(Cow::into_owned)).map_err(code)
    }

    #[test]
    fn the_key_stands_in_one_of_three_places() {
        let found = |value: &str| Ok(Some(value.to_owned()));
        let uri = ("x-forwarded-uri", "/a");
        assert_eq!(key(&[uri, ("x-api-key", " a ")]), found("a"));
        assert_eq!(key(&[uri, ("authorization", "bearer  a ")]), found("a"));
        assert_eq!(key(&[("x-forwarded-uri", "/a?x=1&k=a%2Fb#k=c")]), found("a/b"));
        assert_eq!(key(&[("x-original-uri", "https://host/a?k=a")]), found("a"));
        assert_eq!(key(&[("x-original-uri", "/a?k=a"), ("x-api-key", "a"), ("authorization", "Bearer a")]), found("a"));
        // Other schemes are the service's own affair.
        assert_eq!(key(&[uri, ("authorization", "Basic YTpi"), ("x-api-key", "a")]), found("a"));
        for none in [&[uri][..], &[uri, ("x-api-key", "")], &[uri, ("authorization", "Basic YTpi")], &[("x-forwarded-uri", "/a?k=&K=b#?k=c")]] {
            assert_eq!(key(none), Ok(None), "{none:?}");
        }
    }

    #[test]
    fn two_different_keys_are_refused() {
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
    fn what_contradicts_itself_or_is_no_text_is_refused() {
        let wanted = Wanted::default();
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
            assert_eq!(read(&bad, &wanted, &[]).map(|_| ()).map_err(code), Err("malformed".into()), "{bad:?}");
        }
        let same = headers(&[("x-forwarded-method", b"GET"), ("x-original-method", b"GET"), ("x-original-method", b"")]);
        assert_eq!(read(&same, &wanted, &[]).ok().unwrap().method, Some("GET"));
        // A URI in UTF-8 that nobody has escaped is text.
        assert!(read(&headers(&[("x-forwarded-uri", "/ä?ö".as_bytes())]), &wanted, &[]).is_ok());
    }

    #[test]
    fn a_key_in_a_uri_needs_the_uri() {
        assert_eq!(key(&[("x-api-key", "a")]), Err("invalid".into()));
    }

    proptest! {
        #[test]
        fn headers_of_any_bytes_are_read_or_refused(
            lines in prop::collection::vec((0..8_usize, prop::collection::vec(prop_oneof![Just(b'\t'), 32..=126_u8, 128..=255_u8], 0..80)), 0..12),
            param in "[a-z%&=?]{0,5}",
        ) {
            const NAMES: [&str; 8] = ["authorization", "x-api-key", "x-forwarded-for", "x-real-ip", METHOD[0], METHOD[1], URI[0], URI[1]];
            let lines: Vec<_> = lines.iter().map(|(at, value)| (NAMES[*at], value.as_slice())).collect();
            let wanted = Wanted { key_param: Some(param.as_str().into()), ..Wanted::default() };
            match read(&headers(&lines), &wanted, &["10.0.0.0/8".parse().unwrap()]) {
                Ok(original) => prop_assert!(original.key.is_none_or(|key| !key.is_empty())),
                Err(problem) => {
                    let status = serde_json::to_value(problem).unwrap()["status"].as_u64().unwrap();
                    prop_assert!(status == 400 || status == 422);
                }
            }
        }

        #[test]
        fn a_key_in_the_query_is_found_as_it_was_sent(key in "\\PC{1,40}", name in "[a-zA-Z_]{1,12}", before in "[a-z=&]{0,20}") {
            prop_assume!(before.split('&').all(|pair| pair.split('=').next() != Some(&name)));
            let query = form_urlencoded::Serializer::new(String::new()).append_pair(&name, &key).finish();
            let uri = format!("/path?{before}&{query}");
            let headers = headers(&[("x-original-uri", uri.as_bytes())]);
            let wanted = Wanted { key_param: Some(name.into()), ..Wanted::default() };
            let found = read(&headers, &wanted, &[]).ok().unwrap().key;
            prop_assert_eq!(found.as_deref(), Some(key.as_str()));
        }
    }
}
