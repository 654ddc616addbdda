//! The subset of Markdown that the `OpenAPI` descriptions use.

use leptos::prelude::*;

/// Paragraphs are separated by blank lines; backticks mark code, stars mark emphasis.
#[component]
pub(super) fn Markdown(text: String) -> impl IntoView {
    let paragraph = |paragraph: &str| view! { <p>{inline_markdown(paragraph)}</p> };
    let paragraphs = text.split("\n\n").map(str::trim).filter(|text| !text.is_empty()).map(paragraph).collect_view();
    view! { <div class="prose">{paragraphs}</div> }
}

/// Code and emphasis of a single line.
pub(super) fn inline_markdown(text: &str) -> Vec<AnyView> {
    let code = |piece: &str| view! { <code>{piece.to_owned()}</code> }.into_any();
    text.split('`').enumerate().flat_map(|(at, piece)| if at % 2 == 1 { vec![code(piece)] } else { emphasised(piece) }).collect()
}

fn emphasised(text: &str) -> Vec<AnyView> {
    let part = |(at, piece): (usize, &str)| {
        let piece = piece.to_owned();
        if at % 2 == 1 { view! { <em>{piece}</em> }.into_any() } else { piece.into_any() }
    };
    text.split('*').enumerate().map(part).collect()
}
