//! `/samples/…`: uploads and downloads of the page, with the session cookie. Server functions can't stream, and are limited in time and size.

use std::time::Duration;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{
        Path, Query, Request, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, request::Parts},
    middleware::from_fn_with_state,
    response::Response,
    routing::{get, put},
};

use super::security_headers;
use latchkey_core::{actor::Actor, auth::session};
use latchkey_http::{AppState, body, client_address, download, problem::Problem, request_context, upload};
use latchkey_types::{
    error::Error,
    permission::Permission,
    rest::samples::{UploadQuery, Uploaded},
    sample::UPLOAD_PART_MAX,
};

/// Time within which a part of a file must arrive: 8 MiB at 600 kbit/s.
const PART_LIMIT: Duration = Duration::from_mins(2);

/// Must not be inside the layers for compression and the request timeout.
pub(crate) fn routes(state: &AppState) -> Router<AppState> {
    Router::new()
        .route("/samples/upload/{project}/{import}/{position}", put(upload))
        .route("/samples/content/{project}/{sample}", get(content))
        // Before the session is looked up and the body is read.
        .route_layer(from_fn_with_state(state.clone(), security_headers::require_own_origin))
}

/// Stores the body as the part of a local file that begins at `offset`. Needs *Manage Projects*, in the organization and in the project.
async fn upload(
    State(state): State<AppState>,
    path: Result<Path<(String, String, String)>, PathRejection>,
    query: Result<Query<UploadQuery>, QueryRejection>,
    request: Request,
) -> Result<Json<Uploaded>, Problem> {
    let (actor, bytes) = receive(&state, request).await?;
    let Path((project, import, position)) = path.map_err(|_| Error::NotFound)?;
    let project = project.parse().map_err(|_| Error::NotFound)?;
    let import = import.parse().map_err(|_| Error::NotFound)?;
    let position = position.parse().map_err(|_| Error::NotFound)?;
    let Query(UploadQuery { offset }) = query.map_err(|_| Error::Malformed)?;
    upload::part(&state, actor, project, import, position, offset, bytes).await
}

/// The caller of an upload and its complete body. Permissions can change while the body arrives; a refusal for that reason is audited.
async fn receive(state: &AppState, request: Request) -> Result<(Actor, Bytes), Problem> {
    let (parts, body) = request.into_parts();
    let earlier = caller(state, &parts).await?;
    earlier.require(Permission::ManageProjects)?;
    let received = body::read_part(&parts.headers, body, UPLOAD_PART_MAX, PART_LIMIT).await?;
    if !received.is_late {
        return Ok((earlier, received.bytes));
    }
    match caller_again(state, &parts.headers, &earlier).await {
        Ok(actor) => Ok((actor, received.bytes)),
        Err(error) => {
            if matches!(error, Error::SignedOut | Error::Forbidden { .. }) {
                state.record_refusal(&earlier, error.code()).await;
            }
            Err(error.into())
        }
    }
}

/// The signed-in user of a request.
async fn caller(state: &AppState, parts: &Parts) -> Result<Actor, Error> {
    let session = session::find(state, &parts.headers).await?.ok_or(Error::SignedOut)?;
    request_context::set_caller(session.organization, session.user, None);
    Ok(session.actor(client_address::of_request(parts, &state.trusted_proxies)))
}

async fn caller_again(state: &AppState, headers: &HeaderMap, earlier: &Actor) -> Result<Actor, Error> {
    let session = session::find_without_touch(state, headers).await?.ok_or(Error::SignedOut)?;
    let actor = session.actor(earlier.address);
    actor.require(Permission::ManageProjects)?;
    Ok(actor)
}

/// The content of a sample as a download. Needs *View Project*, in the organization and in the project.
async fn content(State(state): State<AppState>, path: Result<Path<(String, String)>, PathRejection>, parts: Parts) -> Result<Response, Problem> {
    if is_cross_site(&parts.headers) {
        return Err(Error::ForeignOrigin.into());
    }
    let actor = caller(&state, &parts).await?;
    actor.require(Permission::ViewProject)?;
    let Path((project, sample)) = path.map_err(|_| Error::NotFound)?;
    let project = project.parse().map_err(|_| Error::NotFound)?;
    let sample = sample.parse().map_err(|_| Error::NotFound)?;
    download::sample(&state, &actor, project, sample, &parts.headers).await
}

/// Whether a page of another site requests the download, according to the browser: the cookie is sent with links of any page.
fn is_cross_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    #[test]
    fn a_link_on_another_site_downloads_nothing() {
        let from = |site: Option<&str>| {
            let headers = site.map(|site| (HeaderName::from_static("sec-fetch-site"), site.parse().unwrap())).into_iter().collect();
            is_cross_site(&headers)
        };
        assert!(from(Some("cross-site")) && from(Some("same-site")));
        assert!(!from(Some("same-origin")) && !from(Some("none")) && !from(None));
    }
}
