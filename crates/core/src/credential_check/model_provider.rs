//! Language model providers: listing the models is free and shows whether the key is accepted.

use reqwest::{Method, RequestBuilder, header};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::CheckResult;
use crate::http_client::{HttpClient, HttpError, HttpResponse, read_body, secret_header};
use latchkey_store::providers::{Destination, ProviderRecord};
use latchkey_types::provider::ApiStyle;

/// API version sent to Anthropic. <https://docs.anthropic.com/en/api/versioning>
const ANTHROPIC_VERSION: &str = "2023-06-01";
/// Number of models requested from Anthropic: its maximum for one page.
const ANTHROPIC_PAGE: &str = "limit=1000";
/// Largest list of models, in bytes. That of `OpenRouter` has more than half a megabyte.
const LIST_MAX: usize = 8 * 1024 * 1024;
/// Largest number of models that are returned.
const MODELS_MAX: usize = 5_000;

/// The model list of both API styles.
#[derive(Deserialize)]
struct ModelList {
    data: Vec<ListedModel>,
}

#[derive(Deserialize)]
struct ListedModel {
    id: String,
}

/// Where a provider lists its models, and how it receives its key.
struct Endpoint<'a> {
    style: ApiStyle,
    base_url: &'a str,
    /// `None` for the header of the style.
    header: Option<&'a str>,
}

pub(super) async fn test(client: &HttpClient, to: &Destination, style: ApiStyle, key: &SecretString) -> CheckResult {
    let endpoint = Endpoint { style, base_url: &to.base_url, header: to.credential_header.as_deref() };
    let Some(request) = request(client, &endpoint, None, Some(key)) else {
        return CheckResult::inconclusive(format!("The URL of {} is invalid. Enter it again.", to.name));
    };
    match send(client, request).await {
        Ok(response) => interpret(&to.name, &response),
        Err(failure) => CheckResult::request_failed(&to.name, failure),
    }
}

/// The names of the models that a provider lists, in its order. An error is a sentence for the user.
pub(crate) async fn list_models(client: &HttpClient, provider: &ProviderRecord, key: Option<&SecretString>) -> Result<Vec<String>, String> {
    let header = provider.credential_header.as_deref();
    let endpoint = Endpoint { style: provider.api_style, base_url: &provider.base_url, header };
    let page = (provider.api_style == ApiStyle::Anthropic).then_some(ANTHROPIC_PAGE);
    let name = &provider.name;
    let request = request(client, &endpoint, page, key).ok_or_else(|| format!("The URL of {name} is invalid. Enter it again."))?;
    let response = send(client, request).await.map_err(|failure| format!("{name} {failure}"))?;
    if let Some(models) = models_of(&response) {
        return Ok(models.into_iter().take(MODELS_MAX).collect());
    }
    let CheckResult(_, message) = interpret(name, &response);
    Err(message)
}

fn request(client: &HttpClient, to: &Endpoint<'_>, query: Option<&str>, key: Option<&SecretString>) -> Option<RequestBuilder> {
    let url = match to.style {
        ApiStyle::Openai => format!("{}/models", to.base_url),
        // Anthropic documents its base URL without the version; with it is accepted too.
        ApiStyle::Anthropic => format!("{}/v1/models", to.base_url.strip_suffix("/v1").unwrap_or(to.base_url)),
    };
    let mut url = Url::parse(&url).ok()?;
    url.set_query(query);
    let mut request = client.request(Method::GET, url);
    if to.style == ApiStyle::Anthropic {
        request = request.header("anthropic-version", ANTHROPIC_VERSION);
    }
    let Some(key) = key else { return Some(request) };
    let name = to.header.unwrap_or_else(|| to.style.credential_header());
    let prefix = if name == header::AUTHORIZATION.as_str() { "Bearer " } else { "" };
    Some(request.header(name, secret_header(prefix, key)?))
}

async fn send(client: &HttpClient, request: RequestBuilder) -> Result<HttpResponse, HttpError> {
    let request = request.build().map_err(|_| HttpError::InvalidResponse)?;
    let response = client.execute(request).await?;
    Ok(HttpResponse { status: response.status().as_u16(), body: read_body(response, LIST_MAX).await?.into() })
}

fn models_of(response: &HttpResponse) -> Option<Vec<String>> {
    if response.status != 200 {
        return None;
    }
    let list = serde_json::from_slice::<ModelList>(&response.body).ok()?;
    Some(list.data.into_iter().map(|model| model.id).collect())
}

fn interpret(provider: &str, response: &HttpResponse) -> CheckResult {
    match response.status {
        401 | 403 => CheckResult::rejected(provider),
        200 if models_of(response).is_some() => CheckResult::accepted(provider),
        status => CheckResult::unexpected_status(provider, status),
    }
}
