//! `/join`: where the link of an invitation leads.

use leptos::prelude::*;
use leptos_meta::Title;

/// Asks whoever was invited for their name and a password.
#[component]
pub fn JoinPage() -> impl IntoView {
    view! { <Title text="Join"/> }
}
