//! Sends a call to its targets, one after the other, until one responds.

use std::{sync::Arc, time::Duration};

use axum::http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, VIA},
};
use tokio::time::timeout;

use super::{
    admit::{self, Admitted},
    call::Call,
    errors::{ModelProblem, Retry},
    record::Used,
    request::ModelRequest,
    request_body::RequestBody,
    targets::{self, Candidate, SKIP},
};
use crate::{headers, via};
use latchkey_core::{
    http_client::{ForwardedResponse, HttpError},
    models::{self, CallFailure, Target},
};
use latchkey_http::AppState;

/// Headers by which a caller selects an account of the provider, which the credential may not be valid for.
const ACCOUNT_HEADERS: [&str; 3] = ["openai-organization", "openai-project", "anthropic-workspace"];

/// The response of a target.
pub(super) struct Answered {
    pub(super) response: ForwardedResponse,
    pub(super) candidate: Candidate,
    /// Whether the usage in the stream was not requested by the caller.
    pub(super) drops_usage: bool,
}

/// What came of one attempt.
enum Attempt {
    Answered(ForwardedResponse),
    /// The target is overloaded or broken. This is the response if there is no other target.
    Overloaded(ForwardedResponse),
    /// The target could not be called. This is the error if there is no other target.
    Failed(ModelProblem),
    /// The request was sent, and no response was received, so that the provider may bill it. This is the error if there is no other target.
    Interrupted(ModelProblem),
}

/// Calls the targets in order. Nothing is repeated after a response that is passed on has begun.
///
/// # Errors
/// 502 `upstream_failed`, `credential_refused`; 504 `upstream_timeout`; those of [`Call::check`].
pub(super) async fn send(call: &mut Call, admitted: Admitted) -> Result<Answered, ModelProblem> {
    let Admitted { request, candidates } = admitted;
    let headers = outgoing(std::mem::take(&mut call.headers));
    let answered = |candidate: Candidate, response| {
        let drops_usage = request.adds_usage(targets::host(&candidate.target));
        Answered { response, candidate, drops_usage }
    };
    let is_only = candidates.len() == 1;
    let mut failed = Err(unreachable_target());
    let mut candidates = candidates.into_iter();
    while let Some(candidate) = candidates.next() {
        match attempt(call, &request, &headers, &candidate, is_only).await? {
            Attempt::Answered(response) => return Ok(answered(candidate, response)),
            Attempt::Overloaded(response) => failed = Ok(answered(candidate, response)),
            Attempt::Failed(problem) => failed = Err(problem),
            Attempt::Interrupted(problem) => {
                failed = Err(problem);
                let rest = candidates.as_slice();
                if !rest.is_empty() && !admit::reserve_again(call, &request, rest).await {
                    break;
                }
            }
        }
    }
    failed
}

/// The caller's headers as they are sent on, without a credential.
fn outgoing(mut sent: HeaderMap) -> HeaderMap {
    headers::clean_request(&mut sent);
    sent.remove(CONTENT_LENGTH);
    sent.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    sent.append(VIA, via::own());
    sent
}

/// Calls one target; the only one of a call again if no connection was made, because nothing was sent then.
///
/// # Errors
/// 504 `upstream_timeout`; those of [`Call::check`]. No other target is called then.
async fn attempt(
    call: &mut Call,
    request: &ModelRequest,
    headers: &HeaderMap,
    candidate: &Candidate,
    is_only: bool,
) -> Result<Attempt, ModelProblem> {
    let state = call.state.clone();
    let mut may_repeat = is_only;
    loop {
        let Some(outgoing) = outgoing_request(call, request, headers, candidate) else {
            return Ok(Attempt::Failed(not_called(&candidate.target, HttpError::InvalidResponse)));
        };
        call.record.attempt(&candidate.target, request.price(&candidate.target).copied());
        let Ok(sent) = call.during(timeout(state.model_limits.headers, state.http_client.forward(outgoing))).await? else {
            failed(&state, candidate, CallFailure::Timeout, SKIP);
            // The provider may still be working on it: a repeated call would be paid twice.
            return Err(ModelProblem { retry: Retry::Never, ..timed_out(&candidate.target) });
        };
        match sent {
            Ok(response) => return Ok(judge(call, &state, candidate, headers, response)),
            Err(HttpError::Unreachable) if may_repeat => may_repeat = false,
            Err(error) => {
                failed(&state, candidate, CallFailure::Unreachable(error), SKIP);
                let problem = not_called(&candidate.target, error);
                // An interrupted connection says nothing about what was used.
                if error == HttpError::InvalidResponse {
                    return Ok(Attempt::Interrupted(problem));
                }
                call.record.used = Used::Nothing;
                return Ok(Attempt::Failed(problem));
            }
        }
    }
}

/// `None` if its URI is not valid.
fn outgoing_request(call: &Call, request: &ModelRequest, headers: &HeaderMap, candidate: &Candidate) -> Option<Request<reqwest::Body>> {
    let uri = targets::uri(&candidate.target, call.api, call.query.as_deref())?;
    let mut outgoing = Request::new(RequestBody::of(request.for_target(&candidate.target.upstream_name, targets::host(&candidate.target))));
    *outgoing.method_mut() = Method::POST;
    *outgoing.uri_mut() = uri;
    *outgoing.headers_mut() = headers.clone();
    if let Some((name, value)) = &candidate.prepared.header {
        outgoing.headers_mut().insert(name.clone(), value.clone());
    }
    Some(outgoing)
}

/// Judges a response by its status, its headers and those of the call.
fn judge(call: &mut Call, state: &AppState, candidate: &Candidate, sent: &HeaderMap, response: ForwardedResponse) -> Attempt {
    let (target, status) = (&candidate.target, response.status());
    if status.is_success() {
        call.record.set_first_byte();
        candidate.prepared.unskip();
        clear(state, target);
        return Attempt::Answered(response);
    }
    call.record.used = Used::Nothing;
    match status.as_u16() {
        // A caller can provoke 403, and 401 with these headers, which must not affect other callers.
        code @ (401 | 403) => {
            if code == 401 && !ACCOUNT_HEADERS.iter().any(|name| sent.contains_key(*name)) {
                failed(state, candidate, CallFailure::Refused(code), SKIP);
            } else {
                report(state, target, CallFailure::Status(code));
            }
            Attempt::Failed(credential_refused(target, code))
        }
        code @ (429 | 500..) => {
            failed(state, candidate, CallFailure::Status(code), retry_after(response.headers()).unwrap_or(SKIP));
            call.record.set_first_byte();
            Attempt::Overloaded(response)
        }
        400..500 => {
            if status == StatusCode::NOT_FOUND {
                // The base URL or the name of the model may be wrong.
                report(state, target, CallFailure::Status(404));
            }
            call.record.set_first_byte();
            Attempt::Answered(response)
        }
        // A redirect is not followed, because the credential could reach another host.
        _ => {
            failed(state, candidate, CallFailure::Invalid, SKIP);
            Attempt::Failed(upstream_failed(target, &format!("responded with status {}, which is not followed.", status.as_u16())))
        }
    }
}

/// Skips a target that failed, and stores its error.
fn failed(state: &AppState, candidate: &Candidate, failure: CallFailure, skip: Duration) {
    candidate.prepared.skip(skip);
    report(state, &candidate.target, failure);
}

/// Clears the error of a provider that works again, without delaying the call.
fn clear(state: &AppState, target: &Arc<Target>) {
    if models::has_failed(&state.core, target) {
        let (state, target) = (state.clone(), Arc::clone(target));
        tokio::spawn(async move { models::record_success(&state.core, &target).await });
    }
}

/// Stores the error of a provider, without delaying the call.
fn report(state: &AppState, target: &Arc<Target>, failure: CallFailure) {
    let (state, target) = (state.clone(), Arc::clone(target));
    tokio::spawn(async move { models::record_failure(&state.core, &target, failure).await });
}

/// For how long the provider asks not to be called.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    let seconds = number("retry-after-ms").map(|ms| ms / 1000.0).or_else(|| number(RETRY_AFTER.as_str()))?;
    Some(Duration::from_secs_f64(seconds.min(targets::SKIP_MAX.as_secs_f64())))
}

fn unreachable_target() -> ModelProblem {
    ModelProblem::new(StatusCode::BAD_GATEWAY, "upstream_failed", "No target of this model could be called.")
}

/// `detail` follows the name of the provider.
pub(super) fn upstream_failed(target: &Target, detail: &str) -> ModelProblem {
    ModelProblem::new(StatusCode::BAD_GATEWAY, "upstream_failed", format!("“{}” {detail}", target.provider_name))
}

fn not_called(target: &Target, error: HttpError) -> ModelProblem {
    if error == HttpError::Timeout { timed_out(target) } else { upstream_failed(target, &error.to_string()) }
}

pub(super) fn timed_out(target: &Target) -> ModelProblem {
    ModelProblem::new(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout", format!("“{}” did not respond in time.", target.provider_name))
}

fn credential_refused(target: &Target, status: u16) -> ModelProblem {
    let message = format!(
        "“{}” refused the stored key of the model “{}” with status {status}. Check the key under Settings → Providers.",
        target.provider_name, target.name
    );
    ModelProblem::last(StatusCode::BAD_GATEWAY, "credential_refused", message)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    #[test]
    fn a_provider_says_for_how_long_it_is_skipped() {
        let after = |lines: &[(&'static str, &'static str)]| {
            let headers: HeaderMap = lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
            retry_after(&headers)
        };
        for (lines, expected) in [
            (&[][..], None),
            (&[("retry-after", "7")], Some(Duration::from_secs(7))),
            (&[("retry-after", "7"), ("retry-after-ms", "1500")], Some(Duration::from_millis(1500))),
            (&[("retry-after", "1e9")], Some(targets::SKIP_MAX)),
            (&[("retry-after", "-1")], None),
            (&[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")], None),
            (&[("retry-after", "NaN")], None),
        ] {
            assert_eq!(after(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn outgoing_headers_have_no_key_of_the_caller() {
        let sent = [("authorization", "Bearer lka_1"), ("x-api-key", "lka_1"), ("anthropic-beta", "a"), ("content-length", "5"), ("cookie", "a=1")];
        let sent = outgoing(sent.into_iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect());
        let mut names: Vec<&str> = sent.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept-encoding", "anthropic-beta", "content-type", "via"]);
    }
}
