//! A response whose body is read while it arrives. Only in the browser.

use js_sys::Uint8Array;
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Headers, ReadableStreamDefaultReader, RequestCache, RequestCredentials, RequestInit, Response};

use latchkey_ui::browser;

/// The request could not be sent, or the connection was lost.
pub(super) struct ConnectionLost;

impl From<JsValue> for ConnectionLost {
    fn from(_: JsValue) -> Self {
        Self
    }
}

pub(super) struct StreamedResponse {
    pub status: u16,
    headers: Headers,
    /// `None` if there is no body.
    reader: Option<ReadableStreamDefaultReader>,
}

/// Sends JSON with the session cookie. `signal` also ends the response.
pub(super) async fn post_json(path: &str, body: &str, signal: &AbortSignal) -> Result<StreamedResponse, ConnectionLost> {
    let (init, headers) = (RequestInit::new(), Headers::new()?);
    headers.append("content-type", "application/json")?;
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_credentials(RequestCredentials::SameOrigin);
    init.set_cache(RequestCache::NoStore);
    init.set_body(&body.into());
    init.set_signal(Some(signal));
    let response: Response = JsFuture::from(window().fetch_with_str_and_init(path, &init)).await?.dyn_into()?;
    let reader = response.body().map(|body| body.get_reader().unchecked_into());
    Ok(StreamedResponse { status: response.status(), headers: response.headers(), reader })
}

impl StreamedResponse {
    /// The value of a header of the gateway, which is percent-encoded; empty if there is none.
    pub(super) fn header(&self, name: &str) -> String {
        let value = self.headers.get(name).ok().flatten().unwrap_or_default();
        js_sys::decode_uri_component(&value).map_or(value, String::from)
    }

    /// The next part of the body; `None` at its end.
    pub(super) async fn next(&self) -> Result<Option<Vec<u8>>, ConnectionLost> {
        let Some(reader) = &self.reader else { return Ok(None) };
        let part = JsFuture::from(reader.read()).await?;
        let bytes = browser::member(&part, "value").and_then(|value| value.dyn_into::<Uint8Array>().ok());
        Ok(bytes.map(|bytes| bytes.to_vec()))
    }
}
