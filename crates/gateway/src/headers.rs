//! Removes and masks headers of requests and responses.

use std::borrow::Cow;

use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, TRANSFER_ENCODING, UPGRADE, VARY,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use smallvec::SmallVec;

use super::mask::Masker;
use latchkey_types::service_rules::is_connection_header;

/// Whether the caller requests an upgrade to WebSocket. Other upgrades can be ignored.
pub(crate) fn has_websocket_upgrade(headers: &HeaderMap) -> bool {
    const PROTOCOL: &[u8] = b"websocket";
    let is_websocket = |protocol: &[u8]| protocol.trim_ascii().get(..PROTOCOL.len()).is_some_and(|name| name.eq_ignore_ascii_case(PROTOCOL));
    headers.get_all(UPGRADE).iter().any(|value| value.as_bytes().split(|byte| *byte == b',').any(is_websocket))
}

/// The first header that makes some services act on another method or path than those that a rule allows. Such a request is refused: without the
/// header it would do something else than the caller wants.
pub(crate) fn indirect(headers: &HeaderMap) -> Option<&HeaderName> {
    let is_indirect = |name: &HeaderName| {
        let name = with_hyphens(name.as_str());
        let is_override = matches!(
            name.as_ref(),
            "x-http-method" | "x-http-method-override" | "x-method-override" | "x-original-method" | "x-original-url" | "x-rewrite-url"
        );
        // Of object stores, such as `x-amz-copy-source`.
        is_override || ["-copy-source", "-copy-from", "-rename-source"].into_iter().any(|end| name.ends_with(end))
    };
    headers.keys().find(|name| is_indirect(name))
}

/// Services behind CGI or WSGI do not distinguish the two characters.
fn with_hyphens(name: &str) -> Cow<'_, str> {
    if name.contains('_') { Cow::Owned(name.replace('_', "-")) } else { Cow::Borrowed(name) }
}

/// Removes what must not reach the service: headers of the connection, the caller's key and cookies, and what Latchkey sets itself.
pub(crate) fn clean_request(headers: &mut HeaderMap) {
    remove(headers, |name| {
        let name = with_hyphens(name);
        is_connection_header(&name) || is_of_caller(&name)
    });
    // Latchkey searches the response for the credential.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
}

/// Removes headers of the connection, and those that would change how browsers treat the console, whose origin the response has, or what a proxy
/// or a shared cache in front of it does. Browsers give the response no rights on that origin.
pub(crate) fn clean_response(headers: &mut HeaderMap) {
    remove(headers, |name| is_connection_header(name) || is_of_origin(name));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    restrict_caching(headers);
}

/// Keeps shared caches, of which some ignore `Vary`, from answering callers without a key. Caches of single callers may store what the service
/// permits.
fn restrict_caching(headers: &mut HeaderMap) {
    let is_shared = |value: &HeaderValue| {
        let text = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
        text.contains("public") || text.contains("s-maxage")
    };
    if !headers.contains_key(CACHE_CONTROL) || headers.get_all(CACHE_CONTROL).iter().any(is_shared) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    } else {
        headers.append(CACHE_CONTROL, HeaderValue::from_static("private"));
    }
    headers.append(VARY, HeaderValue::from_static("authorization, x-api-key"));
}

fn remove(headers: &mut HeaderMap, is_removed: impl Fn(&str) -> bool) {
    let kinds = headers.keys().filter(|name| is_removed(name.as_str())).cloned();
    // Few are removed from a usual request or response: these need no allocation.
    let removed: SmallVec<[HeaderName; 4]> = named_by_connection(headers).chain(kinds).collect();
    for name in removed {
        headers.remove(name);
    }
}

/// The headers that `Connection` names, which apply only to the connection.
fn named_by_connection(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    let names = headers.get_all(CONNECTION).into_iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    names.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
}

fn is_of_caller(name: &str) -> bool {
    matches!(name, "authorization" | "cookie" | "cookie2" | "expect" | "forwarded" | "host" | "x-api-key" | "x-real-ip")
        || name.starts_with("x-forwarded-")
        || name.starts_with("x-latchkey-")
}

fn is_of_origin(name: &str) -> bool {
    matches!(
        name,
        "accept-ch"
            | "alt-svc"
            | "clear-site-data"
            | "content-security-policy-report-only"
            | "critical-ch"
            | "expect-ct"
            | "nel"
            | "origin-agent-cluster"
            | "public-key-pins"
            | "public-key-pins-report-only"
            | "refresh"
            | "report-to"
            | "reporting-endpoints"
            | "service-worker-allowed"
            | "set-cookie"
            | "set-cookie2"
            | "set-login"
            | "strict-transport-security"
            | "surrogate-control"
            | "x-lighttpd-send-file"
            | "x-reproxy-url"
            | "x-sendfile"
    ) || name.starts_with("access-control-")
        || name.ends_with("cdn-cache-control")
        || name.starts_with("x-accel-")
        || name.starts_with("x-latchkey-")
}

/// Whether the body is encoded, so that the credential cannot be found in it.
pub(crate) fn is_encoded(headers: &HeaderMap) -> bool {
    let codings = |name: HeaderName| headers.get_all(name).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let is_any_other =
        |name, allowed: &[u8]| codings(name).map(<[u8]>::trim_ascii).any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(allowed));
    is_any_other(CONTENT_ENCODING, b"identity") || is_any_other(TRANSFER_ENCODING, b"chunked")
}

/// Removes a `Content-Length` that is not the length of the body, which has `length` bytes if that is known.
pub(crate) fn clean_length(headers: &mut HeaderMap, length: Option<u64>, is_head: bool) {
    // In a response to HEAD, it is the length of the body of a GET.
    let has_length = if is_head { headers.get_all(CONTENT_LENGTH).iter().nth(1).is_none() } else { length.is_some_and(|length| length > 0) };
    if !has_length || headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
}

/// Masks the values of headers, and removes headers whose names contain a secret. Returns the number of occurrences.
pub(crate) fn mask(headers: &mut HeaderMap, masker: &Masker) -> u64 {
    let (mut occurrences, mut removed) = (0, Vec::new());
    // Most headers are shorter.
    let mut bytes = Vec::with_capacity(256);
    for (name, value) in headers.iter_mut() {
        bytes.clear();
        bytes.extend_from_slice(name.as_str().as_bytes());
        let in_name = masker.mask_all(&mut bytes);
        if in_name > 0 {
            removed.push(name.clone());
        }
        bytes.clear();
        bytes.extend_from_slice(value.as_bytes());
        // Not masked, because the response requires a valid length.
        let in_value = if *name == CONTENT_LENGTH { 0 } else { masker.mask_all(&mut bytes) };
        if in_value > 0
            && let Ok(masked) = HeaderValue::from_bytes(&bytes)
        {
            *value = masked;
        }
        occurrences += in_name + in_value;
    }
    for name in removed {
        headers.remove(name);
    }
    occurrences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_service_receives_only_its_own_headers() {
        let mut request = headers(&[
            ("accept", "text/plain"),
            ("content-type", "text/plain"),
            ("x-request-id", "1"),
            ("anthropic-version", "1"),
            ("authorization", "Bearer lkc_1"),
            ("x-api-key", "lkc_1"),
            ("cookie", "session=1"),
            ("host", "keys.test"),
            ("accept-encoding", "gzip, br"),
            ("connection", "close, X-Hop"),
            ("connection", "é, x-other"),
            ("x-hop", "1"),
            ("x-other", "1"),
            ("keep-alive", "1"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("http2-settings", "1"),
            ("proxy-authorization", "1"),
            ("proxy-connection", "1"),
            ("expect", "100-continue"),
            ("x-forwarded-for", "1"),
            ("x-forwarded-host", "1"),
            ("x-real-ip", "1"),
            ("forwarded", "1"),
            ("x-latchkey-caller", "1"),
            ("x_forwarded_for", "1"),
            ("x_real_ip", "1"),
            ("proxy_authorization", "1"),
        ]);
        clean_request(&mut request);
        assert_eq!(names(&request), ["accept", "accept-encoding", "anthropic-version", "content-type", "x-request-id"]);
        assert_eq!(request["accept-encoding"], "identity");
    }

    #[test]
    fn a_response_has_no_rights_on_the_origin() {
        let mut response = headers(&[
            ("content-type", "text/html"),
            ("etag", "\"1\""),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=1"),
            ("clear-site-data", "*"),
            ("service-worker-allowed", "/"),
            ("strict-transport-security", "max-age=0"),
            ("alt-svc", "h3"),
            ("access-control-allow-origin", "*"),
            ("access-control-allow-credentials", "true"),
            ("content-security-policy", "default-src *"),
            ("x-content-type-options", "sniff"),
            ("refresh", "0; url=https://other.test"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("x-latchkey-receipt", "1"),
            ("x-accel-redirect", "/internal"),
            ("x-sendfile", "/etc/passwd"),
            ("surrogate-control", "max-age=60"),
            ("cloudflare-cdn-cache-control", "max-age=60"),
        ]);
        clean_response(&mut response);
        assert_eq!(names(&response), ["cache-control", "content-security-policy", "content-type", "etag", "vary", "x-content-type-options"]);
        assert_eq!(response["content-security-policy"], "sandbox");
        assert_eq!(response["x-content-type-options"], "nosniff");
        assert_eq!(response["cache-control"], "no-store");
        for (sent, passed_on) in
            [("max-age=60", &["max-age=60", "private"][..]), ("Public, max-age=60", &["no-store"]), ("s-maxage=60", &["no-store"])]
        {
            let mut cacheable = headers(&[("cache-control", sent), ("vary", "accept")]);
            clean_response(&mut cacheable);
            assert_eq!(cacheable.get_all("cache-control").iter().collect::<Vec<_>>(), passed_on);
            assert_eq!(cacheable.get_all("vary").iter().collect::<Vec<_>>(), ["accept", "authorization, x-api-key"]);
        }
    }

    #[test]
    fn headers_that_redirect_the_request_are_found() {
        for name in ["x-http-method-override", "X-Original-URL", "x_rewrite_url", "x-amz-copy-source", "X-Copy-From", "x-ms-rename-source"] {
            assert!(indirect(&headers(&[("accept", "*/*")])).is_none());
            let mut sent = HeaderMap::new();
            sent.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static("1"));
            assert!(indirect(&sent).is_some(), "{name}");
        }
    }

    #[test]
    fn only_websocket_is_an_upgrade() {
        for (value, expected) in [("websocket", true), ("h2c, WebSocket/13", true), ("h2c", false), ("web", false), ("", false)] {
            assert_eq!(has_websocket_upgrade(&headers(&[("upgrade", value)])), expected, "{value}");
        }
        assert!(!has_websocket_upgrade(&HeaderMap::new()));
    }

    #[test]
    fn encoded_bodies_are_recognized() {
        for (lines, expected) in [
            (&[][..], false),
            (&[("content-encoding", "identity")][..], false),
            (&[("content-encoding", "")][..], false),
            (&[("content-encoding", "gzip")][..], true),
            (&[("content-encoding", "identity, br")][..], true),
            (&[("content-encoding", "identity"), ("content-encoding", "zstd")][..], true),
            (&[("transfer-encoding", "chunked")][..], false),
            (&[("transfer-encoding", "gzip, chunked")][..], true),
        ] {
            assert_eq!(is_encoded(&headers(lines)), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_length_is_kept_only_if_it_is_true() {
        for (lines, length, is_head, kept) in [
            (&[("content-length", "5")][..], Some(5), false, true),
            (&[("content-length", "5")][..], Some(0), false, false),
            (&[("content-length", "5")][..], None, false, false),
            (&[("content-length", "5"), ("transfer-encoding", "chunked")][..], Some(5), false, false),
            (&[("content-length", "5")][..], Some(0), true, true),
            (&[("content-length", "5"), ("content-length", "6")][..], Some(0), true, false),
        ] {
            let mut headers = headers(lines);
            clean_length(&mut headers, length, is_head);
            assert_eq!(headers.contains_key("content-length"), kept, "{lines:?} {length:?} {is_head}");
        }
    }

    #[test]
    fn secrets_in_headers_are_masked() {
        let masker = Masker::new(&[b"sk-12345", b"12345678"]);
        let mut response = headers(&[("x-echo", "key sk-12345."), ("x-sk-12345", "1"), ("content-length", "12345678"), ("x-other", "sk-1234")]);
        assert_eq!(mask(&mut response, &masker), 2);
        assert_eq!(names(&response), ["content-length", "x-echo", "x-other"]);
        assert_eq!(response["x-echo"], "key ********.");
        assert_eq!(response["content-length"], "12345678");
    }
}
