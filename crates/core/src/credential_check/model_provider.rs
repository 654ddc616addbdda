//! Language model providers: listing the models is free and shows whether the key is accepted.

use reqwest::{Method, RequestBuilder, header};
use secrecy::SecretString;
use serde::{Deserialize, de::IgnoredAny};
use url::Url;

use super::CheckResult;
use crate::http_client::{HttpClient, HttpResponse, secret_header};
use latchkey_store::providers::Destination;
use latchkey_types::provider::ApiStyle;

/// API version sent to Anthropic. <https://docs.anthropic.com/en/api/versioning>
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// The model list of both API styles.
#[derive(Deserialize)]
struct ModelList {
    #[serde(rename = "data")]
    _models: Vec<IgnoredAny>,
}

pub(super) async fn test(client: &HttpClient, to: &Destination, style: ApiStyle, key: &SecretString) -> CheckResult {
    let Some(request) = request(client, style, &to.base_url, key) else {
        return CheckResult::inconclusive(format!("The URL of {} is invalid. Enter it again.", to.name));
    };
    match client.send(request).await {
        Ok(response) => interpret(&to.name, &response),
        Err(failure) => CheckResult::request_failed(&to.name, failure),
    }
}

fn request(client: &HttpClient, style: ApiStyle, base: &str, key: &SecretString) -> Option<RequestBuilder> {
    let get = |url: String| Url::parse(&url).ok().map(|url| client.request(Method::GET, url));
    Some(match style {
        ApiStyle::Openai => get(format!("{base}/models"))?.header(header::AUTHORIZATION, secret_header("Bearer ", key)?),
        // Anthropic documents its base URL without the version; with it is accepted too.
        ApiStyle::Anthropic => get(format!("{}/v1/models", base.strip_suffix("/v1").unwrap_or(base)))?
            .header("x-api-key", secret_header("", key)?)
            .header("anthropic-version", ANTHROPIC_VERSION),
    })
}

fn interpret(provider: &str, response: &HttpResponse) -> CheckResult {
    match response.status {
        401 | 403 => CheckResult::rejected(provider),
        200 if serde_json::from_slice::<ModelList>(&response.body).is_ok() => CheckResult::accepted(provider),
        status => CheckResult::unexpected_status(provider, status),
    }
}
