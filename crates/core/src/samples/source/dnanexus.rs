//! `DNAnexus`: `findDataObjects` lists the files of a project, and each file is read through a link.
//! <https://documentation.dnanexus.com/developer/api/search>

use std::{collections::HashMap, ops::Range};

use bytes::Bytes;
use reqwest::{
    Method, Request,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RANGE},
};
use secrecy::SecretString;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use url::Url;

use super::{LISTING_MAX, RemoteFile, SourceError, content_of, matches::Matches, range_header};
use crate::{
    credential_check::DNANEXUS_API,
    http_client::{HttpClient, HttpError, read_body, secret_header},
};
use latchkey_types::{
    sample::{SourceFile, SourceListing},
    time::Timestamp,
};

/// How long a link to a file is valid, in seconds. Expired links are replaced.
const LINK_SECONDS: i64 = 600;
/// Results per page; the highest number that the API permits.
const PAGE: i64 = 1000;
/// The state of files whose content is complete.
const CLOSED: &str = "closed";

pub(crate) struct Dnanexus {
    client: HttpClient,
    /// The URL of the API, without a slash at its end.
    api: String,
    token: SecretString,
}

/// A link to the content of a file.
pub(crate) struct Link {
    url: Url,
    headers: HeaderMap,
}

#[derive(Deserialize)]
struct Page {
    results: Vec<Found>,
    /// Where the next page begins.
    next: Option<Value>,
}

#[derive(Deserialize)]
struct Found {
    id: String,
    describe: Description,
}

#[derive(Deserialize)]
struct Description {
    #[serde(default)]
    name: String,
    /// Open files have none.
    #[serde(default)]
    size: i64,
    state: String,
    /// Milliseconds since 1970.
    modified: i64,
}

#[derive(Deserialize)]
struct Download {
    url: String,
    #[serde(default)]
    headers: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Failure {
    error: ApiError,
}

#[derive(Deserialize)]
struct ApiError {
    r#type: String,
}

impl Dnanexus {
    /// `api` is `None` for the public API.
    pub(super) fn new(client: HttpClient, api: Option<&Url>, token: SecretString) -> Self {
        Self { client, api: api.map_or(DNANEXUS_API, Url::as_str).trim_end_matches('/').to_owned(), token }
    }

    pub(super) async fn list(&self, project: &str, mut matches: Matches<'_>) -> Result<SourceListing, SourceError> {
        let mut query = json!({
            "class": "file",
            "scope": { "project": project, "recurse": true },
            "describe": { "fields": description_fields() },
            "limit": PAGE,
        });
        loop {
            let page: Page = self.post("system/findDataObjects", &query).await.map_err(as_container_error)?;
            let files = page.results.into_iter().map(|Found { id, describe }| {
                let is_closed = describe.state == CLOSED;
                (file(id, describe), is_closed)
            });
            matches.add_page(files).await;
            let Some(next) = page.next.filter(|next| !next.is_null() && !matches.is_full()) else { return Ok(matches.finish()) };
            query["starting"] = next;
        }
    }

    /// Reads a range through `link`. If the link has expired, it is replaced, once.
    pub(super) async fn read(&self, file: &RemoteFile<'_>, range: &Range<i64>, link: &mut Option<Link>) -> Result<Bytes, SourceError> {
        let content = self.read_through(link, file, range).await;
        if !matches!(content, Err(SourceError::NoAccess)) {
            return content;
        }
        *link = None;
        self.read_through(link, file, range).await
    }

    async fn read_through(&self, link: &mut Option<Link>, file: &RemoteFile<'_>, range: &Range<i64>) -> Result<Bytes, SourceError> {
        let current = match link.take() {
            Some(current) => current,
            None => self.link(file).await?,
        };
        let content = current.read(&self.client, file, range).await;
        *link = Some(current);
        content
    }

    /// Requests a link, if the file is the one that was listed.
    async fn link(&self, file: &RemoteFile<'_>) -> Result<Link, SourceError> {
        let request = json!({ "project": file.container, "fields": description_fields() });
        let found: Description = self.post(&format!("{}/describe", file.location), &request).await?;
        if found.state != CLOSED {
            return Err(SourceError::NotReady);
        }
        if found.size != file.size || found.modified.to_string() != file.etag {
            return Err(SourceError::Changed);
        }
        let request = json!({ "project": file.container, "duration": LINK_SECONDS });
        let Download { url, headers } = self.post(&format!("{}/download", file.location), &request).await?;
        let url = Url::parse(&url).map_err(|_| HttpError::InvalidResponse)?;
        let header = |(name, value): (String, String)| Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(&value).ok()?));
        Ok(Link { url, headers: headers.into_iter().filter_map(header).collect() })
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, SourceError> {
        let url = Url::parse(&format!("{}/{path}", self.api)).map_err(|_| SourceError::UnusableName)?;
        let mut request = Request::new(Method::POST, url);
        request.headers_mut().insert(AUTHORIZATION, secret_header("Bearer ", &self.token).ok_or(SourceError::KeyRejected)?);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *request.body_mut() = Some(body.to_string().into());
        let response = self.client.transfer(request).await?;
        let status = response.status();
        let body = read_body(response, LISTING_MAX).await?;
        if !status.is_success() {
            return Err(interpret(status.as_u16(), &body));
        }
        Ok(serde_json::from_slice(&body).map_err(|_| HttpError::InvalidResponse)?)
    }
}

impl Link {
    /// `NoAccess` if the link has expired.
    async fn read(&self, client: &HttpClient, file: &RemoteFile<'_>, range: &Range<i64>) -> Result<Bytes, SourceError> {
        let mut request = Request::new(Method::GET, self.url.clone());
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().insert(RANGE, range_header(range));
        let response = client.transfer(request).await?;
        match response.status().as_u16() {
            200..=299 => content_of(response, file.size, range).await,
            401 | 403 => Err(SourceError::NoAccess),
            404 | 410 => Err(SourceError::Missing),
            416 => Err(SourceError::Changed),
            status => Err(SourceError::Status(status)),
        }
    }
}

fn description_fields() -> Value {
    json!({ "name": true, "size": true, "state": true, "modified": true })
}

fn file(id: String, description: Description) -> SourceFile {
    SourceFile {
        name: description.name,
        location: id,
        size: description.size,
        etag: description.modified.to_string(),
        modified_at: Some(Timestamp(description.modified)),
    }
}

/// What a response other than a success means.
/// <https://documentation.dnanexus.com/developer/api/protocols>
fn interpret(status: u16, body: &[u8]) -> SourceError {
    let error = serde_json::from_slice::<Failure>(body).map(|failure| failure.error.r#type).unwrap_or_default();
    match (status, error.as_str()) {
        (_, "PermissionDenied") | (403, _) => SourceError::NoAccess,
        (401, _) | (_, "InvalidAuthentication") => SourceError::KeyRejected,
        (404, _) => SourceError::Missing,
        (422, "InvalidState") => SourceError::NotReady,
        (status, _) => SourceError::Status(status),
    }
}

/// The API also calls the id of an unknown project invalid input.
fn as_container_error(error: SourceError) -> SourceError {
    if error == SourceError::Status(422) { SourceError::NoContainer } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_parsed() {
        let page: Page = serde_json::from_value(json!({
            "results": [
                { "project": "project-1", "id": "file-1", "describe": { "name": "a.bam", "size": 7, "state": "closed", "modified": 5 } },
                { "project": "project-1", "id": "file-2", "describe": { "name": "b.bam", "state": "open", "modified": 6 } },
            ],
            "next": { "project": "project-1", "id": "file-3" },
        }))
        .unwrap();
        assert!(page.next.is_some());
        let states: Vec<String> = page.results.iter().map(|found| found.describe.state.clone()).collect();
        assert_eq!(states, ["closed", "open"]);
        let first = page.results.into_iter().map(|found| file(found.id, found.describe)).next().unwrap();
        let expected =
            SourceFile { name: "a.bam".to_owned(), location: "file-1".to_owned(), size: 7, etag: "5".to_owned(), modified_at: Some(Timestamp(5)) };
        assert_eq!(first, expected);
        let last: Page = serde_json::from_str(r#"{"results": [], "next": null}"#).unwrap();
        assert!(last.next.is_none());
    }

    #[test]
    fn errors_are_told_apart() {
        let of = |status: u16, kind: &str| interpret(status, json!({ "error": { "type": kind, "message": "…" } }).to_string().as_bytes());
        for (status, kind, expected) in [
            (401, "InvalidAuthentication", SourceError::KeyRejected),
            (401, "PermissionDenied", SourceError::NoAccess),
            (403, "SpendingLimitExceeded", SourceError::NoAccess),
            (404, "ResourceNotFound", SourceError::Missing),
            (422, "InvalidState", SourceError::NotReady),
            (503, "ServiceUnavailable", SourceError::Status(503)),
        ] {
            assert_eq!(of(status, kind), expected, "{kind}");
        }
        assert_eq!(interpret(401, b"<html>"), SourceError::KeyRejected);
        assert_eq!(as_container_error(of(422, "InvalidInput")), SourceError::NoContainer);
    }
}
