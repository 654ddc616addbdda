//! The layout of pages for users who are not signed in.

use leptos::prelude::*;

use latchkey_ui::logo::Logo;

/// The logo, and a card with a heading and the page's content.
#[component]
pub fn AuthLayout(
    title: &'static str,
    /// A sentence below the heading.
    #[prop(into)]
    lead: String,
    children: Children,
) -> impl IntoView {
    view! {
        <main class="auth">
            <p class="auth-brand">
                <Logo/>
                "Latchkey"
            </p>
            <div class="auth-card">
                <h1>{title}</h1>
                <p class="auth-lead">{lead}</p>
                {children()}
            </div>
        </main>
    }
}
