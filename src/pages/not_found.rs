//! The page for unknown URLs.

use leptos::prelude::*;
use leptos_meta::Title;

use super::{auth_layout::AuthLayout, set_status};

#[component]
pub fn NotFoundPage() -> impl IntoView {
    set_status(404);
    view! {
        <Title text="Page not found"/>
        <AuthLayout title="Page not found" lead="The link may be broken or the page may have moved.">
            <p><a class="button" rel="external" href="/">"Go to API Keys"</a></p>
        </AuthLayout>
    }
}
