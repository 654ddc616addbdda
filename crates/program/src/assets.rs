//! Static files: embedded in the binary in release builds, read from `target/site` in debug builds.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rust_embed::{Embed, EmbeddedFile};
use sha2::{Digest, Sha256};

/// Base name of the wasm, script and style files.
pub(crate) const NAME: &str = "latchkey";
/// Output folder of the frontend build.
pub(crate) const ROOT: &str = "target/site";

#[derive(Embed)]
#[folder = "../../target/site"]
struct Site;

/// URL prefix of script, wasm and styles. It contains a digest of these files, so they can be cached indefinitely.
pub(crate) static PKG: LazyLock<String> = LazyLock::new(|| {
    let names = Site::iter().filter(|name| name.starts_with("pkg/") && !name.ends_with(".br"));
    // Sorted by name, so that the digest does not depend on the folder's order.
    let files = names.collect::<BTreeSet<_>>().into_iter().filter_map(|name| Site::get(&name));
    let digest = files.fold(Sha256::new(), |digest, file| digest.chain_update(&file.data)).finalize();
    format!("/pkg/{}", BASE64_URL_SAFE_NO_PAD.encode(&digest[..9]))
});

/// Files of each code-split chunk, written by the build.
static CHUNKS: LazyLock<HashMap<String, Vec<String>>> = LazyLock::new(|| {
    let list = Site::get("pkg/parts.json");
    list.and_then(|list| serde_json::from_slice(&list.data).ok()).unwrap_or_default()
});

/// The files of a code-split chunk, relative to [`PKG`].
pub(crate) fn chunk_files(chunk: &str) -> Vec<String> {
    CHUNKS.get(chunk).cloned().unwrap_or_default()
}

/// Serves an embedded file; `None` if the path has none.
pub(crate) fn serve(path: &str, headers: &HeaderMap) -> Option<Response> {
    let versioned = path.strip_prefix(PKG.as_str()).and_then(|rest| rest.strip_prefix('/')).map(|file| format!("pkg/{file}"));
    let cache = if versioned.is_some() { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
    let name = versioned.clone().unwrap_or_else(|| path.trim_start_matches('/').to_owned());
    // Files in `pkg` are served under the versioned prefix only; otherwise caches would keep outdated ones.
    if versioned.is_none() && name.starts_with("pkg/") {
        return None;
    }
    // A `.br` file is only an encoding of the file without that suffix.
    if name.is_empty() || name.rsplit('.').next() == Some("br") {
        return None;
    }
    let plain = Site::get(&name)?;
    let compressed = accepts_brotli(headers).then(|| Site::get(&format!("{name}.br"))).flatten();
    Some(response(&name, cache, plain, compressed))
}

fn response(name: &str, cache: &'static str, plain: EmbeddedFile, compressed: Option<EmbeddedFile>) -> Response {
    let encoding = compressed.is_some().then(|| (header::CONTENT_ENCODING, HeaderValue::from_static("br")));
    let body = body(compressed.unwrap_or(plain).data);
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.extend(encoding);
    response
}

/// Embedded data is sent from where it is, not from a copy for each client.
fn body(data: Cow<'static, [u8]>) -> Body {
    Body::from(data)
}

fn accepts_brotli(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim() == "br" && !matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn embedded_files_are_sent_without_a_copy() {
        static FILE: [u8; 100_000] = [1; 100_000];
        let sent = to_bytes(body(Cow::Borrowed(&FILE)), FILE.len()).await.unwrap();
        assert_eq!((sent.as_ptr(), sent.len()), (FILE.as_ptr(), FILE.len()));
    }
}
