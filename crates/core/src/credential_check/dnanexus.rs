//! `DNAnexus`: `/system/whoami`, which every token is permitted to call.
//! <https://documentation.dnanexus.com/developer/api/system-methods>

use reqwest::{Method, header};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::CheckResult;
use crate::http_client::{HttpClient, HttpResponse, secret_header};
use latchkey_types::key::StorageProvider;

pub(crate) const API: &str = "https://api.dnanexus.com";
const PROVIDER: &str = StorageProvider::Dnanexus.label();

/// The fields read from success and error responses.
#[derive(Deserialize)]
struct WhoAmI {
    id: Option<String>,
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct ApiError {
    r#type: String,
}

pub(super) async fn test(client: &HttpClient, endpoint: Option<&Url>, token: &SecretString) -> CheckResult {
    let base = endpoint.map_or(API, Url::as_str).trim_end_matches('/');
    let (Ok(url), Some(bearer)) = (Url::parse(&format!("{base}/system/whoami")), secret_header("Bearer ", token)) else {
        return CheckResult::inconclusive("The DNAnexus URL is invalid.");
    };
    let request = client.request(Method::POST, url).header(header::AUTHORIZATION, bearer).header(header::CONTENT_TYPE, "application/json");
    match client.send(request.body("{}")).await {
        Ok(response) => interpret(&response),
        Err(failure) => CheckResult::request_failed(PROVIDER, failure),
    }
}

fn interpret(response: &HttpResponse) -> CheckResult {
    match (response.status, serde_json::from_slice::<WhoAmI>(&response.body).ok()) {
        (200, Some(WhoAmI { id: Some(id), .. })) if id.starts_with("user-") => CheckResult::accepted(PROVIDER),
        (401, _) => CheckResult::rejected(PROVIDER),
        (400..=499, Some(WhoAmI { error: Some(error), .. })) if error.r#type == "InvalidAuthentication" => CheckResult::rejected(PROVIDER),
        (status, _) => CheckResult::unexpected_status(PROVIDER, status),
    }
}
