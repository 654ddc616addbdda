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

/// URL prefix of script, wasm and styles. It contains a digest of these files, so they can be cached indefinitely. The documentation contains
/// it too: `pkg_url` in xtask/src/site/mod.rs computes the same one.
pub(crate) static PKG: LazyLock<String> = LazyLock::new(|| {
    let names = Site::iter().filter(|name| name.starts_with("pkg/") && !name.ends_with(".br"));
    // Sorted by name, so that the digest does not depend on the folder's order.
    let files = names.collect::<BTreeSet<_>>().into_iter().filter_map(|name| Site::get(&name));
    let digest = files.fold(Sha256::new(), |digest, file| digest.chain_update(&file.data)).finalize();
    format!("/pkg/{}", BASE64_URL_SAFE_NO_PAD.encode(&digest[..9]))
});

/// Base name of the files of the pages for visitors. cargo-leptos builds no files of their own.
pub(crate) static ENTRANCE: LazyLock<&str> = LazyLock::new(|| if Site::get("pkg/entrance.wasm").is_some() { "entrance" } else { NAME });

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
    // A `.br` file is only an encoding of the file without that suffix, and `.html` files are pages without it.
    if name.is_empty() || matches!(name.rsplit('.').next(), Some("br" | "html")) {
        return None;
    }
    let file = find(&name)?;
    let response = response(&name, &file, cache, headers);
    Some(if versioned.is_some() { response } else { with_tag(response, &digest(&file), headers) })
}

/// A file of the site.
pub(crate) fn find(name: &str) -> Option<EmbeddedFile> {
    Site::get(name)
}

/// Identifies the content of a file.
pub(crate) fn digest(file: &EmbeddedFile) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&file.metadata.sha256_hash()[..9])
}

/// Adds an entity tag; 304 if the client has this content already. The tag is weak, because it does not depend on the encoding.
pub(crate) fn with_tag(mut response: Response, content: &str, request: &HeaderMap) -> Response {
    let tag = format!("\"{content}\"");
    if latchkey_rest::matches_tag(request, &tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LENGTH] {
            response.headers_mut().remove(name);
        }
    }
    response.headers_mut().extend(HeaderValue::from_str(&format!("W/{tag}")).ok().map(|tag| (header::ETAG, tag)));
    response
}

/// A file of the site, compressed if the client accepts it.
pub(crate) fn response(name: &str, file: &EmbeddedFile, cache: &'static str, request: &HeaderMap) -> Response {
    let compressed = accepts_brotli(request).then(|| find(&format!("{name}.br"))).flatten();
    let encoding = compressed.is_some().then(|| (header::CONTENT_ENCODING, HeaderValue::from_static("br")));
    let body = body(compressed.map_or_else(|| file.data.clone(), |compressed| compressed.data));
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
        "html" => "text/html; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        // Of robots.txt, and of the proxies' configurations in the documentation. One of these has no extension.
        "txt" | "cfg" | "conf" | "lua" | "yml" | "" => "text/plain; charset=utf-8",
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

    #[tokio::test]
    async fn known_content_is_not_sent_again() {
        let respond = |tags: &'static str| {
            let request = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(tags))]);
            with_tag((StatusCode::OK, [(header::CACHE_CONTROL, "no-cache")], "content").into_response(), "a1", &request)
        };
        for (tags, status, content) in [("W/\"a1\"", 304, ""), ("\"b\", W/\"a1\"", 304, ""), ("W/\"b\"", 200, "content"), ("", 200, "content")] {
            let response = respond(tags);
            assert_eq!(response.status().as_u16(), status, "{tags}");
            assert_eq!(response.headers()[header::ETAG], "W/\"a1\"");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
            assert_eq!(to_bytes(response.into_body(), 100).await.unwrap(), content, "{tags}");
        }
    }
}
