//! Compression of pages and lists.
//!
//! A response is compressed only if it is known to contain no secret. Otherwise its length would reveal the secret to an attacker who makes a
//! browser repeat the request with guesses: a guess that occurs in the response twice compresses better (BREACH). Pages contain no secrets;
//! they get new ones from server functions, whose responses stay uncompressed.

use axum::{
    extract::Request,
    http::{Extensions, HeaderMap, HeaderName, Method, StatusCode, Version, header},
    middleware::Next,
    response::Response,
};
use tower_http::compression::{CompressionLayer, Predicate, predicate::SizeAbove};

/// Compressing a shorter response saves no packet.
const MIN_BYTES: u16 = 1024;

/// Server functions that read lists. The others are small, or respond with a new secret, such as `keys/create`, `keys/rotate`, `issued/reveal`
/// and `invitations/create`.
const LISTS: [&str; 25] = [
    "access-requests/cards",
    "audit/actors",
    "audit/read",
    "billing/month",
    "corpora/all",
    "corpora/details",
    "corpora/documents",
    "corpora/page",
    "corpora/search",
    "issued/list",
    "keys/ids",
    "keys/open",
    "keys/rows",
    "members/list",
    "notifications/list",
    "overview/get",
    "profile/sessions",
    "projects/list",
    "projects/resources",
    "providers/list",
    "roles/list",
    "samples/list",
    "samples/source",
    "services/list",
    "templates/page",
];

/// In the extensions of a response to a request that reveals no secret.
#[derive(Clone, Copy)]
struct Compressible;

/// Middleware inside [`layer`]: marks the responses that may be compressed.
pub(crate) async fn mark_compressible(request: Request, next: Next) -> Response {
    let is_safe = reveals_no_secret(request.method(), request.uri().path());
    let mut response = next.run(request).await;
    if is_safe {
        response.extensions_mut().insert(Compressible);
    }
    response
}

/// Compresses the marked responses with gzip, if the client accepts it.
pub(crate) fn layer() -> CompressionLayer<impl Predicate> {
    CompressionLayer::new().compress_when(SizeAbove::new(MIN_BYTES).and(is_compressible))
}

/// Pages and reads of the API are GET requests; creating a secret is not.
fn reveals_no_secret(method: &Method, path: &str) -> bool {
    match path.strip_prefix("/fn/") {
        Some(function) => LISTS.contains(&function),
        None => *method == Method::GET,
    }
}

fn is_compressible(_: StatusCode, _: Version, headers: &HeaderMap, extensions: &Extensions) -> bool {
    let is_text = ["text/html", "text/plain", "application/json"].into_iter().any(|kind| has_prefix(headers, header::CONTENT_TYPE, kind));
    // Handlers set `no-store` on responses with a secret, such as the value of a project secret. On others it is set outside of this layer.
    let has_secret = has_prefix(headers, header::CACHE_CONTROL, "no-store");
    // A strong entity tag identifies the exact bytes.
    let has_strong_tag = headers.contains_key(header::ETAG) && !has_prefix(headers, header::ETAG, "W/");
    extensions.get::<Compressible>().is_some() && is_text && !has_secret && !has_strong_tag
}

fn has_prefix(headers: &HeaderMap, name: HeaderName, prefix: &str) -> bool {
    headers.get(name).is_some_and(|value| value.as_bytes().starts_with(prefix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_reads_are_compressible() {
        for (method, path, expected) in [
            (Method::GET, "/keys/client", true),
            (Method::GET, "/api/v1/keys", true),
            (Method::POST, "/api/v1/keys", false),
            (Method::POST, "/api/v1/keys/key_1/rotate", false),
            (Method::POST, "/fn/keys/rows", true),
            (Method::POST, "/fn/keys/create", false),
            (Method::POST, "/fn/issued/reveal", false),
            (Method::GET, "/fn/issued/reveal", false),
        ] {
            assert_eq!(reveals_no_secret(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn secrets_and_tagged_responses_are_not_compressed() {
        let mut marked = Extensions::new();
        marked.insert(Compressible);
        let mut headers = HeaderMap::new();
        let compressible = |headers: &HeaderMap, extensions: &Extensions| is_compressible(StatusCode::OK, Version::HTTP_11, headers, extensions);
        assert!(!compressible(&headers, &marked), "no content type");
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        assert!(compressible(&headers, &marked));
        headers.insert(header::ETAG, HeaderValue::from_static("W/\"1\""));
        assert!(compressible(&headers, &marked), "a weak tag stands for every encoding");
        assert!(!compressible(&headers, &Extensions::new()));
        for (name, value) in [(header::CACHE_CONTROL, "no-store"), (header::ETAG, "\"1\""), (header::CONTENT_TYPE, "text/event-stream")] {
            let mut headers = headers.clone();
            headers.insert(name, HeaderValue::from_static(value));
            assert!(!compressible(&headers, &marked), "{value}");
        }
    }
}
