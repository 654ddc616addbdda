//! Calls from the page, counted to the member.

use std::{net::IpAddr, time::Instant};

use axum::{
    http::{HeaderMap, HeaderValue, header::ACCEPT},
    response::Response,
};
use serde_json::{Value, json};

use super::{
    admit::unknown_model,
    call::Call,
    caller::Caller,
    errors::ModelProblem,
    record::CallRecord,
    request::{Api, always_reports_usage},
    targets,
};
use latchkey_core::{
    auth::session::Session,
    models::{Route, Target},
};
use latchkey_http::AppState;
use latchkey_types::provider::ApiStyle;

/// Maximum length of a prompt, in bytes.
pub const PROMPT_MAX: usize = 100 * 1024;
/// Maximum number of output tokens of a call from the page.
const OUTPUT_MAX: i64 = 1024;
/// The version that the body is written for. <https://docs.anthropic.com/en/api/versioning>
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// Sends a prompt to a model, under the session of a member. The response is a stream of events in the form of the model's API, and ends with the
/// session. The caller checks the member's permission.
pub async fn try_model(state: &AppState, session: Session, address: Option<IpAddr>, model: &str, prompt: &str) -> Response {
    let (organization, caller, began) = (session.organization, Caller::Member(Box::new(session)), Instant::now());
    let catalog = match state.catalogs.get(&state.core, organization).await {
        Ok(catalog) => catalog,
        Err(error) => return ModelProblem::from_problem(error.into()).response(None),
    };
    let Some(route) = catalog.route(model) else {
        return unknown_model(model, &catalog.similar(model, |_| true)).response(None);
    };
    let Some(target) = first_target(route) else {
        return unknown_model(model, &[]).response(None);
    };
    let api = match target.style {
        ApiStyle::Openai => Api::ChatCompletions,
        ApiStyle::Anthropic => Api::Messages,
    };
    let body = request_body(target, model, prompt).to_string();
    let record = CallRecord::begin(state, &caller, api, began);
    Call::new(state.clone(), caller, api, record).with_request(request_headers(target.style), None, address).run(body.into()).await
}

fn first_target(route: &Route) -> Option<&Target> {
    route.groups.iter().flatten().next().map(|(target, _)| &**target)
}

fn request_body(target: &Target, model: &str, prompt: &str) -> Value {
    let host = targets::host(target);
    let mut body = json!({ "model": model, "messages": [{ "role": "user", "content": prompt }], "stream": true });
    body[output_limit(host)] = OUTPUT_MAX.into();
    if target.style == ApiStyle::Openai && !always_reports_usage(host) {
        // The page shows the usage.
        body["stream_options"] = json!({ "include_usage": true });
    }
    body
}

/// The field that limits the output. Only `OpenAI`'s newer models refuse the old name, and many other servers know no other.
fn output_limit(host: &str) -> &'static str {
    if host == "api.openai.com" || host.ends_with(".azure.com") { "max_completion_tokens" } else { "max_tokens" }
}

fn request_headers(style: ApiStyle) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    if style == ApiStyle::Anthropic {
        headers.insert("anthropic-version", HeaderValue::from_static(ANTHROPIC_VERSION));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_is_limited_by_a_name_that_the_server_knows() {
        for (host, name) in [
            ("api.openai.com", "max_completion_tokens"),
            ("example.openai.azure.com", "max_completion_tokens"),
            ("api.anthropic.com", "max_tokens"),
            ("localhost", "max_tokens"),
        ] {
            assert_eq!(output_limit(host), name);
        }
    }
}
