//! `/billing`

use leptos::prelude::*;
use leptos_meta::Title;

/// How often each key was used.
#[component]
pub fn BillingPage() -> impl IntoView {
    view! { <Title text="Billing"/> }
}
