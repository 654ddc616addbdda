//! Language model providers: listing the models is free and shows whether the key is accepted.

use reqwest::{Method, RequestBuilder, header};
use secrecy::SecretString;
use serde::{Deserialize, de::IgnoredAny};
use url::Url;

use super::{Finding, secret_header};
use crate::http_client::{Answer, Outgoing};
use latchkey_store::providers::Destination;
use latchkey_types::provider::Style;

/// API version sent to Anthropic. <https://docs.anthropic.com/en/api/versioning>
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// The model list of both API styles.
#[derive(Deserialize)]
struct ModelList {
    #[serde(rename = "data")]
    _models: Vec<IgnoredAny>,
}

pub(super) async fn test(outgoing: &Outgoing, to: &Destination, key: &SecretString) -> Finding {
    let Some(request) = to.style.parse().ok().and_then(|style| request(outgoing, style, &to.base_url, key)) else {
        return Finding::unchecked(format!("The URL of {} is invalid. Enter it again.", to.name));
    };
    match outgoing.send(request).await {
        Ok(response) => interpret(&to.name, &response),
        Err(failure) => Finding::failed(&to.name, failure),
    }
}

fn request(outgoing: &Outgoing, style: Style, base: &str, key: &SecretString) -> Option<RequestBuilder> {
    let get = |url: String| Url::parse(&url).ok().map(|url| outgoing.request(Method::GET, url));
    Some(match style {
        Style::Openai => get(format!("{base}/models"))?.header(header::AUTHORIZATION, secret_header("Bearer ", key)?),
        // Anthropic documents its base URL without the version; with it is accepted too.
        Style::Anthropic => get(format!("{}/v1/models", base.strip_suffix("/v1").unwrap_or(base)))?
            .header("x-api-key", secret_header("", key)?)
            .header("anthropic-version", ANTHROPIC_VERSION),
    })
}

fn interpret(provider: &str, response: &Answer) -> Finding {
    match response.status {
        401 | 403 => Finding::refused(provider),
        200 if serde_json::from_slice::<ModelList>(&response.body).is_ok() => Finding::works(provider),
        status => Finding::strange(provider, status),
    }
}
