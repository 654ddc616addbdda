//! The pages of the documentation, which the site build made from `docs/*.md`. They need no account.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use super::assets;
use latchkey::routes;
use latchkey_ui::theme::Theme;

/// Nothing in the pages is inline, and all that they load is from this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// A page contains the URL of its style sheet, which changes with each release.
const CACHE: &str = "no-cache";
/// The page for unknown paths.
const NOT_FOUND: &str = "404";

/// The page at this path; `None` for a path outside of the documentation, or if the site was built without it.
pub(crate) fn serve(path: &str, request: &HeaderMap) -> Option<Response> {
    let name = page_name(path)?;
    let theme = request.get(header::COOKIE).and_then(|cookies| cookies.to_str().ok()).map(Theme::of_cookies).unwrap_or_default();
    match Some(name).filter(|name| *name != NOT_FOUND).and_then(|name| page(name, theme, request)) {
        Some((response, content)) => Some(assets::with_tag(response, &content, request)),
        None => page(NOT_FOUND, theme, request).map(|(response, _)| (StatusCode::NOT_FOUND, response).into_response()),
    }
}

/// The name of the page at a path below the documentation.
fn page_name(path: &str) -> Option<&str> {
    match path.strip_prefix(routes::DOCS)? {
        "" | "/" => Some("index"),
        rest => rest.strip_prefix('/'),
    }
}

/// A page in a theme, and what identifies its content.
fn page(name: &str, theme: Theme, request: &HeaderMap) -> Option<(Response, String)> {
    let name = format!("docs/{name}.html");
    let file = assets::find(&name)?;
    let digest = assets::digest(&file);
    let (mut response, content) = match theme.name() {
        // Only this one is compressed by the build; the others are compressed like pages of the application.
        None => (assets::response(&name, &file, CACHE, request), digest),
        Some(theme) => (Html(in_theme(&String::from_utf8_lossy(&file.data), theme)).into_response(), format!("{digest}-{theme}")),
    };
    let headers = response.headers_mut();
    for (name, value) in [(header::CONTENT_SECURITY_POLICY, POLICY), (header::CACHE_CONTROL, CACHE), (header::VARY, "accept-encoding, cookie")] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Some((response, content))
}

/// The page with the attribute that selects the theme in the style sheet, so that it never appears in another one first.
fn in_theme(page: &str, theme: &str) -> String {
    page.replacen("<html ", &format!("<html data-theme=\"{theme}\" "), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_below_one_path() {
        for (path, name) in [
            ("/docs", Some("index")),
            ("/docs/", Some("index")),
            ("/docs/api", Some("api")),
            ("/docs/a/b", Some("a/b")),
            ("/docsearch", None),
            ("/keys", None),
            ("/", None),
        ] {
            assert_eq!(page_name(path), name, "{path}");
        }
    }

    #[test]
    fn the_theme_is_an_attribute_of_the_document() {
        let page = "<!DOCTYPE html>\n<html lang=\"en\">\n<code>&lt;html ></code><html ";
        assert_eq!(in_theme(page, "dark"), "<!DOCTYPE html>\n<html data-theme=\"dark\" lang=\"en\">\n<code>&lt;html ></code><html ");
    }
}
