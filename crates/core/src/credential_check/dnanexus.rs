//! `DNAnexus`: `/system/whoami`, which every token is permitted to call.
//! <https://documentation.dnanexus.com/developer/api/system-methods>

use reqwest::{Method, header};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::{Finding, secret_header};
use crate::http_client::{Answer, Outgoing};
use latchkey_types::key::StorageProvider;

const API: &str = "https://api.dnanexus.com";
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

pub(super) async fn test(outgoing: &Outgoing, endpoint: Option<&Url>, token: &SecretString) -> Finding {
    let base = endpoint.map_or(API, Url::as_str).trim_end_matches('/');
    let (Ok(url), Some(bearer)) = (Url::parse(&format!("{base}/system/whoami")), secret_header("Bearer ", token)) else {
        return Finding::unchecked("The DNAnexus URL is invalid.");
    };
    let request = outgoing.request(Method::POST, url).header(header::AUTHORIZATION, bearer).header(header::CONTENT_TYPE, "application/json");
    match outgoing.send(request.body("{}")).await {
        Ok(response) => interpret(&response),
        Err(failure) => Finding::failed(PROVIDER, failure),
    }
}

fn interpret(response: &Answer) -> Finding {
    match (response.status, serde_json::from_slice::<WhoAmI>(&response.body).ok()) {
        (200, Some(WhoAmI { id: Some(id), .. })) if id.starts_with("user-") => Finding::works(PROVIDER),
        (401, _) => Finding::refused(PROVIDER),
        (400..=499, Some(WhoAmI { error: Some(error), .. })) if error.r#type == "InvalidAuthentication" => Finding::refused(PROVIDER),
        (status, _) => Finding::strange(PROVIDER, status),
    }
}
