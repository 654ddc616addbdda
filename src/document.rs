//! The HTML document around every page.

use leptos::{nonce::use_nonce, prelude::*};

use latchkey_ui::theme::Theme;

/// Keeps what the user does before the page is hydrated.
const EARLY_INPUT: &str = include_str!("early_input.js");

/// What a document loads.
pub struct Document {
    /// Path of the files, such as `/pkg/3fa9c1d2`.
    pub pkg: &'static str,
    /// Base name of the script, the WebAssembly binary and the style sheet.
    pub name: &'static str,
    /// Other scripts that the script imports.
    pub imports: &'static [&'static str],
    /// WebAssembly files that the page needs in addition to the binary.
    pub chunks: Vec<String>,
    /// A script that runs before the page is hydrated.
    pub script: String,
    pub theme: Theme,
}

/// The document. `head` is added to its head.
pub fn document(document: Document, head: AnyView, body: AnyView) -> impl IntoView {
    let Document { pkg, name, imports, chunks, script, theme } = document;
    let nonce = use_nonce();
    let (main, wasm, style) = (format!("{pkg}/{name}.js"), format!("{pkg}/{name}.wasm"), format!("{pkg}/{name}.css"));
    // One text: between two, the server would write a comment.
    let early = format!("{EARLY_INPUT}{script}");
    let start = format!("import init, {{ hydrate }} from '{main}'; init({{ module_or_path: '{wasm}' }}).then(() => hydrate());");
    let scripts = imports.iter().map(|file| view! { <link rel="modulepreload" href=format!("{pkg}/{file}") nonce=nonce.clone()/> });
    let scripts = scripts.collect_view();
    let chunks = chunks
        .into_iter()
        .map(|file| view! { <link rel="preload" r#as="fetch" r#type="application/wasm" crossorigin="anonymous" href=format!("{pkg}/{file}")/> });
    let chunks = chunks.collect_view();
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme.name()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="description" content="Self-hosted API key management: issue, verify, limit and revoke API keys."/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=style/>
                <link rel="preload" r#as="font" r#type="font/woff2" crossorigin="anonymous" href=format!("{pkg}/inter.woff2")/>
                <link rel="modulepreload" href=main nonce=nonce.clone()/>
                {scripts}
                <link rel="preload" r#as="fetch" r#type="application/wasm" crossorigin="anonymous" href=wasm/>
                {chunks}
                <script nonce=nonce.clone()>{early}</script>
                <script type="module" nonce=nonce>{start}</script>
                {head}
            </head>
            <body>{body}</body>
        </html>
    }
}
