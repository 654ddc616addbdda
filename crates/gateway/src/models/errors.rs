//! Errors in the form of the API that was called.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use serde_json::{Value, json};

use super::request::{Api, RequestError};
use latchkey_http::{
    problem::{Problem, ProblemCode},
    request_context::{self, REQUEST_ID},
};
use latchkey_types::provider::ApiStyle;

/// Latchkey's own code of an error.
pub(super) const CODE: HeaderName = HeaderName::from_static("x-latchkey-code");
/// Tells the SDKs of both APIs not to repeat a request.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
/// The request id's header in Anthropic's API.
const ANTHROPIC_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Whether the caller should repeat the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    Never,
    /// After this many seconds.
    After(i64),
    /// The client decides by the status.
    Unstated,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ModelProblem {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    /// A sentence. Contains no secret.
    pub(super) message: String,
    pub(super) retry: Retry,
    /// The field of the request that is wrong.
    pub(super) param: Option<&'static str>,
}

impl ModelProblem {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry: Retry::Unstated, param: None }
    }

    /// A problem that remains if the call is repeated.
    pub(super) fn last(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { retry: Retry::Never, ..Self::new(status, code, message) }
    }

    pub(super) fn from_problem(problem: Problem) -> Self {
        let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, problem.code(), problem.detail())
    }

    /// The response. Without an API, in the form of `OpenAI`.
    pub(super) fn response(self, api: Option<Api>) -> Response {
        let request_id = request_context::request_id().text();
        let mut response = Response::new(Body::from(self.body(api, &request_id)));
        *response.status_mut() = self.status;
        response.extensions_mut().insert(ProblemCode(self.code));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CODE, HeaderValue::from_static(self.code));
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            if style(api) == ApiStyle::Anthropic {
                headers.insert(ANTHROPIC_REQUEST_ID, id.clone());
            }
            headers.insert(REQUEST_ID, id);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        self.retry.write(headers);
        response
    }

    /// The body of the response.
    pub(super) fn body(&self, api: Option<Api>, request_id: &str) -> String {
        let body = match style(api) {
            ApiStyle::Openai => json!({ "error": self.openai() }),
            ApiStyle::Anthropic => json!({ "type": "error", "error": self.anthropic(), "request_id": request_id }),
        };
        body.to_string()
    }

    /// The event that ends an open stream.
    ///
    /// It begins with an empty line, because the stream may have been interrupted within an event.
    pub(super) fn event(&self, api: Api) -> Bytes {
        let (name, data) = match api {
            Api::ChatCompletions | Api::Completions | Api::Embeddings => ("", json!({ "error": self.openai() })),
            // The documented fields, and the object by which the SDKs detect an error.
            Api::Responses => {
                let error = json!({ "type": "error", "code": self.code, "message": self.message, "param": self.param, "error": self.openai() });
                ("event: error\n", error)
            }
            Api::Messages | Api::CountTokens => ("event: error\n", json!({ "type": "error", "error": self.anthropic() })),
        };
        format!("\n\n{name}data: {data}\n\n").into()
    }

    fn openai(&self) -> Value {
        let kind = match self.status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            429 if matches!(self.code, "budget_exceeded" | "usage_exceeded") => "insufficient_quota",
            429 => "rate_limit_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        };
        json!({ "message": self.message, "type": kind, "param": self.param, "code": self.code })
    }

    /// With the code as an additional field, because events have no headers.
    fn anthropic(&self) -> Value {
        let kind = match self.status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            504 => "timeout_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        };
        json!({ "type": kind, "message": self.message, "code": self.code })
    }
}

fn style(api: Option<Api>) -> ApiStyle {
    api.map_or(ApiStyle::Openai, Api::style)
}

impl Retry {
    fn write(self, headers: &mut HeaderMap) {
        match self {
            Self::Never => {
                headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
            }
            Self::After(seconds) => {
                let seconds = seconds.max(0);
                headers.insert(header::RETRY_AFTER, seconds.into());
                headers.insert(RETRY_AFTER_MS, seconds.saturating_mul(1000).into());
            }
            Self::Unstated => {}
        }
    }
}

impl From<RequestError> for ModelProblem {
    fn from(error: RequestError) -> Self {
        let refused = |code, message: String| Self::last(StatusCode::BAD_REQUEST, code, message);
        match error {
            RequestError::Malformed(message) => refused("malformed", message),
            RequestError::Duplicate(field) => {
                Self { param: Some(field), ..refused("duplicate_field", format!("The field “{field}” occurs more than once.")) }
            }
            RequestError::Escaped(field) => {
                let message = format!("Write the name of the field “{field}” in lower case and without escapes.");
                Self { param: Some(field), ..refused("escaped_field", message) }
            }
            RequestError::NoModel => {
                let message = "The request names no model. Set “model” to the name of a model or alias.".to_owned();
                Self { param: Some("model"), ..refused("model_missing", message) }
            }
            RequestError::Invalid { field, message } => Self { param: Some(field), ..refused("invalid", message) },
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn body(response: Response) -> Value {
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    /// The data of an event.
    fn data(event: &Bytes) -> Value {
        let text = str::from_utf8(event).unwrap();
        serde_json::from_str(text.split_once("data: ").unwrap().1).unwrap()
    }

    fn exceeded() -> ModelProblem {
        ModelProblem::last(StatusCode::TOO_MANY_REQUESTS, "budget_exceeded", "Nothing is left.")
    }

    #[tokio::test]
    async fn errors_have_the_form_of_the_api() {
        let openai = exceeded().response(Some(Api::ChatCompletions));
        assert_eq!(openai.headers()["x-latchkey-code"], "budget_exceeded");
        assert_eq!(openai.headers()["x-should-retry"], "false");
        let error = json!({ "message": "Nothing is left.", "type": "insufficient_quota", "param": null, "code": "budget_exceeded" });
        assert_eq!(body(openai).await, json!({ "error": error }));

        let anthropic = exceeded().response(Some(Api::Messages));
        let request_id = anthropic.headers()["request-id"].to_str().unwrap().to_owned();
        let error = json!({ "type": "rate_limit_error", "message": "Nothing is left.", "code": "budget_exceeded" });
        assert_eq!(body(anthropic).await, json!({ "type": "error", "error": error, "request_id": request_id }));
    }

    #[tokio::test]
    async fn the_time_of_a_retry_is_stated_twice() {
        let problem = ModelProblem { retry: Retry::After(3), ..ModelProblem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Try again.") };
        let response = problem.response(None);
        assert_eq!((&response.headers()["retry-after"], &response.headers()["retry-after-ms"]), (&"3".parse().unwrap(), &"3000".parse().unwrap()));
        assert!(!response.headers().contains_key("x-should-retry"));
        assert_eq!(body(response).await["error"]["type"], "api_error");
    }

    #[test]
    fn an_event_has_the_form_of_the_api() {
        let chat = exceeded().event(Api::ChatCompletions);
        assert!(chat.starts_with(b"\n\ndata: {") && chat.ends_with(b"}\n\n"));
        assert_eq!(data(&chat)["error"]["code"], "budget_exceeded");
        let responses = exceeded().event(Api::Responses);
        assert!(responses.starts_with(b"\n\nevent: error\ndata: {"));
        assert_eq!((&data(&responses)["type"], &data(&responses)["code"]), (&json!("error"), &json!("budget_exceeded")));
        assert_eq!(data(&responses)["error"]["message"], "Nothing is left.");
        let messages = exceeded().event(Api::Messages);
        assert_eq!((&data(&messages)["type"], &data(&messages)["error"]["type"]), (&json!("error"), &json!("rate_limit_error")));
    }

    #[test]
    fn a_request_error_names_its_field() {
        let problem = ModelProblem::from(RequestError::Duplicate("max_tokens"));
        assert_eq!((problem.status, problem.code, problem.param), (StatusCode::BAD_REQUEST, "duplicate_field", Some("max_tokens")));
        assert_eq!(ModelProblem::from(RequestError::NoModel).code, "model_missing");
    }
}
