//! `DNAnexus`: `/system/whoami`, which every token may call.
//! <https://documentation.dnanexus.com/developer/api/system-methods>

use reqwest::{Method, header};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::{Finding, secret_header};
use crate::{
    model::key::StorageProvider,
    server::outgoing::{Answer, Outgoing},
};

const API: &str = "https://api.dnanexus.com";
const WHO: &str = StorageProvider::Dnanexus.label();

/// What is read of an answer, good or bad.
#[derive(Deserialize)]
struct Said {
    id: Option<String>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    r#type: String,
}

pub(super) async fn test(outgoing: &Outgoing, endpoint: Option<&Url>, token: &SecretString) -> Finding {
    let base = endpoint.map_or(API, Url::as_str).trim_end_matches('/');
    let (Ok(url), Some(bearer)) = (Url::parse(&format!("{base}/system/whoami")), secret_header("Bearer ", token)) else {
        return Finding::unchecked("The address of DNAnexus can't be read.");
    };
    let request = outgoing.request(Method::POST, url).header(header::AUTHORIZATION, bearer).header(header::CONTENT_TYPE, "application/json");
    match outgoing.send(request.body("{}")).await {
        Ok(answer) => judge(&answer),
        Err(failure) => Finding::failed(WHO, failure),
    }
}

fn judge(answer: &Answer) -> Finding {
    match (answer.status, serde_json::from_slice::<Said>(&answer.body).ok()) {
        (200, Some(Said { id: Some(id), .. })) if id.starts_with("user-") => Finding::works(WHO),
        (401, _) => Finding::refused(WHO),
        (400..=499, Some(Said { error: Some(refusal), .. })) if refusal.r#type == "InvalidAuthentication" => Finding::refused(WHO),
        (status, _) => Finding::strange(WHO, status),
    }
}
