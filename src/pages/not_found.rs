//! The page for unknown URLs.

use leptos::prelude::*;
use leptos_meta::Title;

use super::{error_page::StartLink, set_status};

#[component]
pub fn NotFoundPage() -> impl IntoView {
    set_status(404);
    view! {
        <Title text="Page not found"/>
        <div class="page page-message">
            <h1>"Page not found"</h1>
            <p>"The link may be broken or the page may have moved."</p>
            <p class="page-message-actions"><StartLink/></p>
        </div>
    }
}
