//! The logo: a keyhole plate.

use leptos::prelude::*;

/// The logo. `public/favicon.svg` is the same drawing.
#[component]
pub fn Logo() -> impl IntoView {
    view! {
        <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true" focusable="false">
            <path class="mark-plate" d="M16 1.5C9.6 1.5 6 6 6 11.6c0 2.5.6 4.3 1.2 6.6.5 1.9.4 3.7.4 6.3V27a3.5 3.5 0 0 0 3.5 3.5h9.8A3.5 3.5 0 0 0 24.4 27v-2.5c0-2.6-.1-4.4.4-6.3.6-2.3 1.2-4.1 1.2-6.6C26 6 22.4 1.5 16 1.5Z"></path>
            <path class="mark-hole" d="M16 7.7a4.3 4.3 0 0 0-2.1 8.05l-1.5 7.15a.9.9 0 0 0 .88 1.1h5.44a.9.9 0 0 0 .88-1.1l-1.5-7.15A4.3 4.3 0 0 0 16 7.7Z"></path>
        </svg>
    }
}
