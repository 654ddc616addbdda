//! The response to a request.

use std::time::Duration;

use leptos::{html, prelude::*};

use latchkey_ui::{browser, copy::CopyButton, fetch::FetchResponse, message::Alert, number::format_integer};

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
pub(super) enum RequestState {
    Pending,
    /// No response arrived.
    Unreachable,
    /// The response, and its duration in milliseconds.
    Received(FetchResponse, i64),
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
pub(super) fn ResponseView(
    /// `None` before the first request.
    #[prop(into)]
    state: Signal<Option<RequestState>>,
) -> impl IntoView {
    let content = move || match state.get()? {
        RequestState::Pending => Some(view! { <p class="call-pending" role="status">"Sending…"</p> }.into_any()),
        RequestState::Unreachable => Some(view! { <Alert message="No response. Check your connection and the parameter values."/> }.into_any()),
        RequestState::Received(response, ms) => Some(view! { <Received response ms/> }.into_any()),
    };
    let shown = NodeRef::<html::Div>::new();
    let reveal = move || {
        if let Some(shown) = shown.try_get_untracked().flatten() {
            browser::reveal(&shown);
        }
    };
    Effect::new(move || {
        if state.with(|state| matches!(state, Some(RequestState::Received(..) | RequestState::Unreachable))) {
            // After it is rendered.
            set_timeout(reveal, Duration::ZERO);
        }
    });
    view! { <div class="call-response" aria-live="polite" node_ref=shown>{content}</div> }
}

#[component]
fn Received(response: FetchResponse, ms: i64) -> impl IntoView {
    let FetchResponse { status, headers, body } = response;
    let class = if status < 400 { "call-status call-success" } else { "call-status call-error" };
    let visible = headers.into_iter().filter(|(name, _)| !HIDDEN_HEADERS.contains(&name.as_str()));
    let lines = visible.map(|(name, value)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> }).collect_view();
    view! {
        <p class="call-line">
            <strong class=class>{status} " " {reason_phrase(status)}</strong>
            <span>{format_integer(ms)} " ms"</span>
        </p>
        <dl class="call-headers">{lines}</dl>
        {if body.is_empty() {
            view! { <p class="call-empty">"The response has no body."</p> }.into_any()
        } else {
            view! { <ResponseBody body=browser::pretty_json(&body)/> }.into_any()
        }}
    }
}

#[component]
fn ResponseBody(body: String) -> impl IntoView {
    let shown_in = NodeRef::<html::Code>::new();
    view! {
        <div class="call-body">
            <pre class="code" tabindex="0" role="region" aria-label="Response"><code node_ref=shown_in>{body.clone()}</code></pre>
            <CopyButton text=body shown_in/>
        </div>
    }
}
