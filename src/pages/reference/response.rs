//! The response to a request.

use leptos::prelude::*;

use latchkey_ui::{browser, fetch::Fetched, message::Alert, number::grouped};

/// Headers that are the same in every response, or that only concern the browser.
const HIDDEN_HEADERS: [&str; 16] = [
    "access-control-allow-origin",
    "access-control-expose-headers",
    "cache-control",
    "connection",
    "content-length",
    "content-security-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "date",
    "permissions-policy",
    "referrer-policy",
    "strict-transport-security",
    "transfer-encoding",
    "vary",
    "x-content-type-options",
    "x-frame-options",
];

/// State of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Pending,
    /// No response arrived.
    Unreached,
    /// The response, and its duration in milliseconds.
    Answered(Fetched, i64),
}

/// Reason phrases of RFC 9110 and RFC 6585.
const fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        207 => "Multi-Status",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    }
}

#[component]
pub(super) fn AnswerView(
    /// `None` before the first request.
    #[prop(into)]
    outcome: Signal<Option<Outcome>>,
) -> impl IntoView {
    let content = move || match outcome.get()? {
        Outcome::Pending => Some(view! { <p class="call-waiting" role="status">"Sending…"</p> }.into_any()),
        Outcome::Unreached => Some(view! { <Alert message="No response. Check your connection and the parameter values."/> }.into_any()),
        Outcome::Answered(answer, ms) => Some(view! { <Answered answer ms/> }.into_any()),
    };
    view! { <div class="call-answer" aria-live="polite">{content}</div> }
}

#[component]
fn Answered(answer: Fetched, ms: i64) -> impl IntoView {
    let Fetched { status, headers, body } = answer;
    let class = if status < 400 { "call-status call-good" } else { "call-status call-bad" };
    let visible = headers.into_iter().filter(|(name, _)| !HIDDEN_HEADERS.contains(&name.as_str()));
    let lines = visible.map(|(name, value)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> }).collect_view();
    view! {
        <p class="call-line">
            <strong class=class>{status} " " {reason_phrase(status)}</strong>
            <span>{grouped(ms)} " ms"</span>
        </p>
        <dl class="call-headers">{lines}</dl>
        {if body.is_empty() {
            view! { <p class="call-empty">"The response has no body."</p> }.into_any()
        } else {
            view! { <pre class="code" tabindex="0" role="region" aria-label="Response"><code>{browser::pretty(&body)}</code></pre> }.into_any()
        }}
    }
}
