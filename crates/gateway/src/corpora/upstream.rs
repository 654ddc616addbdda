//! Calls to the upstream of a corpus, with the upstream's ids and key.

use axum::http::{HeaderValue, Method, StatusCode, header::VIA};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use url::Url;

use super::refusal::Refusal;
use crate::{mask::Masker, via};
use latchkey_core::{
    Core,
    corpora::backends::{Upstream, UpstreamKey},
    http_client::{HttpError, secret_header},
};

/// A status of an upstream.
#[derive(Deserialize)]
pub(super) struct UpstreamStatus {
    #[serde(default)]
    pub(super) code: String,
}

impl UpstreamStatus {
    pub(super) fn is_ok(&self) -> bool {
        self.code == "OK"
    }
}

/// Whether corpora of both upstreams can be searched with one call.
pub(super) fn is_same_account(one: &Upstream, other: &Upstream) -> bool {
    let has_same_key = match (&one.key, &other.key) {
        (UpstreamKey::None, UpstreamKey::None) => true,
        (UpstreamKey::Value(one), UpstreamKey::Value(other)) => one.expose_secret() == other.expose_secret(),
        _ => false,
    };
    has_same_key && one.base_url == other.base_url && one.customer_id == other.customer_id
}

/// An id as upstreams expect it: a number if it consists of digits.
pub(super) fn id(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| text.into(), Into::into)
}

/// The text of an id, which may be a number.
pub(super) fn id_text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), ToOwned::to_owned)
}

/// Calls `query` or `index` of the upstream of a corpus. Returns the response, in which the key is masked.
///
/// # Errors
/// 503 `UPSTREAM_KEY_UNUSABLE`, 504 `UPSTREAM_TIMEOUT`, 502 `UPSTREAM_FAILED`.
pub(super) async fn call<T: DeserializeOwned>(core: &Core, upstream: &Upstream, corpus: i64, operation: &str, body: &Value) -> Result<T, Refusal> {
    let unusable = |detail: &str| {
        let detail = format!("The upstream of corpus {corpus} cannot be called: {detail}");
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "UPSTREAM_KEY_UNUSABLE", detail)
    };
    let key = match &upstream.key {
        UpstreamKey::None => None,
        UpstreamKey::Value(key) => Some(key),
        UpstreamKey::Unlinked => return Err(unusable("its key was deleted or unlinked.")),
        UpstreamKey::Unreadable => return Err(unusable("its key cannot be decrypted.")),
    };
    let customer_id = HeaderValue::from_str(&upstream.customer_id).map_err(|_| unusable("its customer id is not a valid header value."))?;
    let url = endpoint(&upstream.base_url, operation);
    let mut request = core.http_client.request(Method::POST, url).header("customer-id", customer_id).header(VIA, via::own()).json(body);
    if let Some(key) = key {
        request = request.header("x-api-key", secret_header("", key).ok_or_else(|| unusable("its key is not a valid header value."))?);
    }
    let response = core.http_client.send(request).await.map_err(|error| failed_request(corpus, error))?;
    match response.status {
        200 => parse(&response.body, key, corpus).map_err(|_| failed(corpus, "sent a response that is not in Vectara's form.")),
        401 | 403 => Err(failed(corpus, "rejected the stored key or ids.")),
        status => Err(failed(corpus, &format!("responded with status {status}."))),
    }
}

/// The upstream could not be called, or its response cannot be used.
pub(super) fn failed(corpus: i64, detail: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_GATEWAY, "UPSTREAM_FAILED", format!("The upstream of corpus {corpus} {detail}"))
}

fn failed_request(corpus: i64, error: HttpError) -> Refusal {
    if error == HttpError::Timeout {
        let detail = format!("The upstream of corpus {corpus} did not respond in time.");
        return Refusal::new(StatusCode::GATEWAY_TIMEOUT, "UPSTREAM_TIMEOUT", detail);
    }
    failed(corpus, &error.to_string())
}

/// The base URL may end with the version, as in Vectara's documentation.
fn endpoint(base: &Url, operation: &str) -> Url {
    let mut url = base.clone();
    let path = base.path().trim_end_matches('/');
    url.set_path(&format!("{}/v1/{operation}", path.strip_suffix("/v1").unwrap_or(path)));
    url
}

/// Parses a response and masks the key in it, because callers are anonymous and an upstream may repeat the key.
fn parse<T: DeserializeOwned>(body: &[u8], key: Option<&SecretString>, corpus: i64) -> serde_json::Result<T> {
    let answer: Value = serde_json::from_slice(body)?;
    let Some(key) = key else { return serde_json::from_value(answer) };
    // Serialized again, so that escapes cannot hide the key.
    let mut text = serde_json::to_vec(&answer)?;
    let count = Masker::new(&[key.expose_secret().as_bytes()]).mask_all(&mut text);
    if count > 0 {
        tracing::warn!(corpus, count, "an upstream repeated its key in a response, where it was masked");
    }
    serde_json::from_slice(&text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn endpoints_have_the_version_once() {
        for (base, expected) in [
            ("https://api.vectara.io", "https://api.vectara.io/v1/query"),
            ("https://api.vectara.io/", "https://api.vectara.io/v1/query"),
            ("https://api.vectara.io/v1", "https://api.vectara.io/v1/query"),
            ("https://example.com/search/v1/", "https://example.com/search/v1/query"),
            ("https://example.com/search", "https://example.com/search/v1/query"),
        ] {
            assert_eq!(endpoint(&base.parse().unwrap(), "query").as_str(), expected);
        }
    }

    #[test]
    fn ids_are_numbers_if_they_are_numeric() {
        assert_eq!((id("12"), id("docs")), (json!(12), json!("docs")));
        assert_eq!((id_text(&json!(12)), id_text(&json!("docs"))), ("12".to_owned(), "docs".to_owned()));
    }

    #[test]
    fn the_key_is_masked_however_it_is_escaped() {
        let key = SecretString::from("upstream-key/\"1\"");
        for text in [r#""upstream-key/\"1\"""#, r#""upstream-\u006bey\/\"1\u0022""#, r#""\u0075\u0070stream-key\u002F\"1\"""#] {
            let answer: Vec<String> = parse(format!("[{text}]").as_bytes(), Some(&key), 1).unwrap();
            assert!(answer[0].bytes().all(|byte| byte == b'*'), "{text}: {answer:?}");
            assert_eq!(parse::<Vec<String>>(format!("[{text}]").as_bytes(), None, 1).unwrap(), [key.expose_secret()]);
        }
        assert!(parse::<Vec<String>>(b"[1]", Some(&key), 1).is_err());
    }

    #[test]
    fn only_corpora_of_one_account_share_a_call() {
        let upstream = |url: &str, customer: &str, key| Upstream {
            base_url: url.parse().unwrap(),
            customer_id: customer.to_owned(),
            corpus_id: "1".to_owned(),
            key,
        };
        let value = |key: &str| UpstreamKey::Value(key.into());
        let one = upstream("https://a.test", "1", value("key"));
        for (other, is_same) in [
            (upstream("https://a.test", "1", value("key")), true),
            (upstream("https://a.test", "1", value("other")), false),
            (upstream("https://a.test", "1", UpstreamKey::None), false),
            (upstream("https://a.test", "2", value("key")), false),
            (upstream("https://b.test", "1", value("key")), false),
        ] {
            assert_eq!(is_same_account(&one, &other), is_same);
        }
    }
}
