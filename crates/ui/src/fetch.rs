//! Requests to this server outside of server functions. Call only from effects and event handlers: on the server it panics.

use js_sys::{Array, Uint8Array};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestCache, RequestCredentials, RequestInit, Response};

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchResponse {
    pub status: u16,
    /// Sorted by name.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// Sends a request without the session cookie and without caching. `None` if there is no response or a header is invalid.
pub async fn fetch(method: &str, path: &str, headers: &[(String, String)], body: Option<&str>) -> Option<FetchResponse> {
    try_fetch(method, path, headers, body).await.ok()
}

async fn try_fetch(method: &str, path: &str, headers: &[(String, String)], body: Option<&str>) -> Result<FetchResponse, JsValue> {
    let (init, sent) = (RequestInit::new(), Headers::new()?);
    for (name, value) in headers {
        sent.append(name, value)?;
    }
    init.set_method(method);
    init.set_headers(&sent);
    init.set_credentials(RequestCredentials::Omit);
    init.set_cache(RequestCache::NoStore);
    if let Some(body) = body {
        init.set_body(&body.into());
    }
    receive(path, &init).await
}

/// Sends bytes with the session cookie. `None` if there is no response.
pub async fn put(path: &str, bytes: &Uint8Array) -> Option<FetchResponse> {
    let init = RequestInit::new();
    init.set_method("PUT");
    init.set_credentials(RequestCredentials::SameOrigin);
    init.set_cache(RequestCache::NoStore);
    init.set_body(bytes);
    receive(path, &init).await.ok()
}

async fn receive(path: &str, init: &RequestInit) -> Result<FetchResponse, JsValue> {
    let response: Response = JsFuture::from(window().fetch_with_str_and_init(path, init)).await?.dyn_into()?;
    let body = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    let received = js_sys::try_iter(&response.headers())?.into_iter().flatten();
    let pair = |entry: Result<JsValue, JsValue>| {
        let entry = entry.ok()?.dyn_into::<Array>().ok()?;
        Some((entry.get(0).as_string()?, entry.get(1).as_string()?))
    };
    Ok(FetchResponse { status: response.status(), headers: received.filter_map(pair).collect(), body })
}
