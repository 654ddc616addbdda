//! Parts that most pages have: the actions beside the heading and the sentence below it.

use leptos::prelude::*;

/// The page's primary actions, in the line of its heading whatever stands between the two in the document.
#[component]
pub fn PageActions(children: Children) -> impl IntoView {
    view! { <div class="page-actions">{children()}</div> }
}

/// What the page is for, in one sentence.
#[component]
pub fn PageLead(
    #[prop(into)] text: String,
    /// The page of the documentation that says more, such as `/docs/keys`.
    #[prop(optional)]
    docs: Option<&'static str>,
) -> impl IntoView {
    // The documentation is served outside of the application, so the router must not open it.
    let link = docs.map(|path| view! { " " <a href=path rel="external">"Read the docs"</a> });
    view! { <p class="page-lead">{text} {link}</p> }
}
