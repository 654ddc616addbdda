//! `/gateway/{service}/{path}`: calls to any HTTP API with a stored credential. Callers use a Latchkey key and never see the credential.
//!
//! The checks run in this order: path, loop, key, service, kind of the key, rules, credential, size of the body, limits of the key. Limits are charged
//! only for calls that are forwarded. Bodies are streams in both directions.

mod credential;
mod path;
mod problems;
mod redirect;
mod request_body;
mod response;

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Method, Uri, header::VIA, request::Parts},
    response::{IntoResponse, Response},
    routing::any,
};
use tokio::time::timeout;
use url::Url;

use crate::{
    headers,
    mask::{self, Masker},
    problems as shared, via,
};
use credential::{Added, Prepared};
use latchkey_core::{http_client::ForwardedResponse, services::call::CallableService};
use latchkey_http::{
    AppState, client_address,
    presented_key::{presented_key, require_active, unknown_key},
    problem::Problem,
    rate_headers, request_context,
};
use latchkey_types::{
    service::{CALLER_KINDS, ServiceCaller},
    time::Timestamp,
};
use latchkey_verify::{CachedKey, VerifyRequest};
use request_body::{BodyFailure, OutgoingBody, SentBody};
use response::Call;

const WITHOUT_PATH: &str = "/gateway/{service}";
const WITH_SLASH: &str = "/gateway/{service}/";
const WITH_PATH: &str = "/gateway/{service}/{*path}";

pub(crate) fn routes() -> Router<AppState> {
    [WITHOUT_PATH, WITH_SLASH, WITH_PATH].into_iter().fold(Router::new(), |router, pattern| router.route(pattern, any(receive)))
}

/// The pattern of [`routes`] that a path matches.
pub(crate) fn pattern(path: &str) -> Option<&'static str> {
    let rest = path.strip_prefix(path::PREFIX)?;
    let (service, pattern) = match rest.split_once('/') {
        None => (rest, WITHOUT_PATH),
        Some((service, "")) => (service, WITH_SLASH),
        Some((service, _)) => (service, WITH_PATH),
    };
    (!service.is_empty()).then_some(pattern)
}

async fn receive(State(state): State<AppState>, request: Request) -> Response {
    handle(&state, request).await
}

pub(crate) async fn handle(state: &AppState, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    call(state, parts, body).await.unwrap_or_else(IntoResponse::into_response)
}

async fn call(state: &AppState, parts: Parts, body: Body) -> Result<Response, Problem> {
    let mut admitted = admit(state, &parts).await?;
    let body = OutgoingBody::receive(&parts.headers, body, admitted.service.body_max, admitted.prepared.is_signed()).await?;
    if admitted.prepared.is_signed() {
        // What was true when the request began may have changed while its body arrived.
        admitted = admit(state, &parts).await?;
    }
    let verdict = state.verifier.evaluate(admitted.key.creator.organization, &admitted.verify_request(state, &parts)?).await?;
    if let Some(refusal) = problems::refusal(&verdict) {
        return Ok(refusal);
    }
    let mut response = admitted.forward(state, parts, body).await?;
    rate_headers::write(response.headers_mut(), &verdict);
    Ok(response)
}

/// A call that may be forwarded if the key's limits allow it.
struct Admitted {
    key: Arc<CachedKey>,
    service: Arc<CallableService>,
    prepared: Arc<Prepared>,
    uri: Uri,
}

/// Checks a call, except for its body and the key's limits.
///
/// # Errors
/// Those of [`problems`] and [`path::check`].
async fn admit(state: &AppState, parts: &Parts) -> Result<Admitted, Problem> {
    let (name, path) = path::split(parts.uri.path());
    path::check(path)?;
    if headers::has_websocket_upgrade(&parts.headers) {
        return Err(problems::upgrade());
    }
    if via::is_own(&parts.headers) {
        return Err(shared::loop_detected());
    }
    if let Some(name) = headers::indirect(&parts.headers) {
        return Err(shared::indirect_request(name));
    }
    let key = find_key(state, presented_key(&parts.headers)?).await?;
    // Before the service is read: the keys of public pages reveal nothing about services.
    if !CALLER_KINDS.contains(&key.kind) {
        return Err(problems::wrong_kind(key.kind));
    }
    request_context::set_caller(key.creator.organization, key.creator.user, Some(key.id));
    let service = state.service_cache.find(&state.core, key.creator.organization, name).await?.ok_or_else(problems::unknown_service)?;
    caller_rule(&service, &key)?;
    // TRACE would make the service return the credential.
    if matches!(parts.method, Method::CONNECT | Method::TRACE) || !service.allows(parts.method.as_str(), path) {
        return Err(problems::not_allowed());
    }
    let prepared = Prepared::of(&service)?;
    let uri = path::target(&service.base_url, path, prepared.query(parts.uri.query()).as_deref())?;
    Ok(Admitted { key, service, prepared, uri })
}

/// The presented key, if it is active.
async fn find_key(state: &AppState, presented: &str) -> Result<Arc<CachedKey>, Problem> {
    let key = state.verifier.find(presented).await?.ok_or_else(unknown_key)?;
    require_active(key.lifecycle().status(Timestamp::now()))?;
    Ok(key)
}

fn caller_rule<'a>(service: &'a CallableService, key: &CachedKey) -> Result<&'a ServiceCaller, Problem> {
    service.callers.iter().find(|caller| caller.kind == key.kind).ok_or_else(|| problems::wrong_kind(key.kind))
}

impl Admitted {
    /// The request that charges the key.
    fn verify_request<'a>(&'a self, state: &AppState, parts: &'a Parts) -> Result<VerifyRequest<'a>, Problem> {
        Ok(VerifyRequest {
            kind: Some(self.key.kind),
            scope: caller_rule(&self.service, &self.key)?.scope.as_deref().map(Cow::Borrowed),
            ip: client_address::of_request(parts, &state.trusted_proxies),
            ..VerifyRequest::new(presented_key(&parts.headers)?)
        })
    }

    /// Sends the request to the service, and passes its response on.
    ///
    /// # Errors
    /// 502, 504; 408, 413 or 400 for the caller's body.
    async fn forward(self, state: &AppState, parts: Parts, body: OutgoingBody) -> Result<Response, Problem> {
        let Self { key, service, prepared, uri } = self;
        let Parts { method, mut headers, .. } = parts;
        headers::clean_request(&mut headers);
        headers.append(VIA, via::own());
        body.write_length(&mut headers);
        let masker = add_credential(&prepared, &method, &uri, &mut headers, body.bytes())?;
        let is_head = method == Method::HEAD;
        let (body, failure) = match body.into_sent() {
            Some(SentBody { body, failure }) => (body, Some(failure)),
            None => (reqwest::Body::default(), None),
        };
        let mut request = axum::http::Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers;
        let response = send(state, &service, request, failure).await?;
        Call { state, service: &service, key: &key, added: &prepared.added, uri: &uri, masker, is_head }.pass_on(response)
    }
}

/// Adds the credential to the headers of a request with this body. Returns the masker for the response.
fn add_credential(prepared: &Prepared, method: &Method, uri: &Uri, headers: &mut HeaderMap, body: &[u8]) -> Result<Option<Arc<Masker>>, Problem> {
    match &prepared.added {
        // A parameter is already in the URL.
        Added::Nothing | Added::Parameter(..) => {}
        Added::Header(name, value) => {
            headers.insert(name.clone(), value.clone());
        }
        Added::Signature(signer) => {
            let url = Url::parse(&uri.to_string()).ok();
            let signature = url.and_then(|url| signer.sign(method, &url, headers, body, SystemTime::now()));
            // The secret key is not sent, so that a service can repeat only the signature.
            return Ok(mask::masker(&[signature.ok_or_else(problems::unreadable_credential)?]));
        }
    }
    Ok(prepared.masker.clone())
}

/// Waits for the headers of the response, up to the service's time limit. If the caller's body failed, that is the error.
async fn send(
    state: &AppState,
    service: &CallableService,
    request: axum::http::Request<reqwest::Body>,
    failure: Option<Arc<OnceLock<BodyFailure>>>,
) -> Result<ForwardedResponse, Problem> {
    let sent = timeout(service.timeout, state.http_client.forward(request)).await;
    let body_failure = || failure.as_ref().and_then(|failure| failure.get()).map(|failure| failure.problem(service.body_max));
    match sent {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(body_failure().unwrap_or_else(|| problems::upstream_failed(service, error))),
        Err(_) => Err(problems::upstream_timeout(service)),
    }
}
