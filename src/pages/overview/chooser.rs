//! Which kind of key serves which purpose.

use leptos::prelude::*;

use crate::routes;
use latchkey_types::{key_kind::Kind, permission::Permissions};

struct Purpose {
    title: &'static str,
    text: &'static str,
    kind: Kind,
}

const PURPOSES: &[Purpose] = &[
    Purpose { title: "Callers of my API", text: "One key per caller, with scopes, limits and an expiry.", kind: routes::KEY_CLIENT },
    Purpose { title: "My scripts and CI", text: "Calls the Latchkey API and the command-line client.", kind: routes::KEY_INTERNAL },
    Purpose { title: "An AI agent", text: "Identifies an agent to your services, by verify or forward-auth.", kind: routes::KEY_AGENT },
    Purpose { title: "Public search", text: "Lets a website or app query the corpora you select.", kind: routes::KEY_CORPUS },
    Purpose { title: "A model provider’s key", text: "Stored once, then linked to providers and models.", kind: routes::KEY_GENERAL },
    Purpose { title: "A storage provider’s key", text: "Pulls sample files from AWS or DNAnexus.", kind: routes::KEY_EXTERNAL },
];

/// Links to the create dialog of each kind that these permissions allow to create.
#[component]
pub(super) fn Chooser(permissions: Permissions) -> impl IntoView {
    let purposes = PURPOSES.iter().filter(move |purpose| {
        let spec = purpose.kind.spec();
        // Some kinds can be created by users who cannot open their list.
        permissions.has(spec.manage) && permissions.has(spec.view)
    });
    let choices: Vec<_> = purposes.map(|purpose| view! { <Choice purpose/> }).collect();
    (!choices.is_empty()).then(|| {
        view! {
            <section class="overview-section" aria-labelledby="chooser-title">
                <h2 id="chooser-title">"What do you need a key for?"</h2>
                <ul class="choices">{choices}</ul>
            </section>
        }
    })
}

#[component]
fn Choice(purpose: &'static Purpose) -> impl IntoView {
    view! {
        <li>
            <a class="choice" href=routes::create_address(purpose.kind)>
                <strong>{purpose.title}</strong>
                <span class="choice-text">{purpose.text}</span>
                <span class="choice-kind">{purpose.kind.spec().label}</span>
            </a>
        </li>
    }
}
