//! The next step after a key was copied: ready code, and its first request.

use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};

use super::content::KeyUse;
use crate::{
    api::keys::{callable_models, get_key},
    code_samples::{self, CorpusTarget},
    pages::viewer::use_viewer,
};
use latchkey_types::{budget::model_matches, error::Error, id::KeyId, key_kind::KeyKind, secret::RevealedSecret};
use latchkey_ui::{
    browser,
    code_tabs::{CodeSample, CodeTabs},
};

/// How often the key is read while its first request is awaited.
const POLL_MS: u32 = 2000;
/// Polling ends after ten minutes of a visible page, because requests keep the session of an unattended page alive.
const POLLS_MAX: u32 = 300;

/// Code with the key in it. It unfolds once the key was copied, except on a phone, where other content would move below the finger.
#[component]
pub(super) fn KeyUsage(key_use: KeyUse, secret: RevealedSecret, copied: RwSignal<bool>, on_copied: Callback<()>) -> impl IntoView {
    let KeyUse { kind, project, corpus, models, unused } = key_use;
    let project = project.map(|project| project.to_string()).unwrap_or_default();
    let was_copied = copied.get_untracked();
    // Only rendered in the browser, like every dialog.
    let samples = RwSignal::new(code_samples::samples(kind, &browser::origin(), secret.reveal(), &project));
    if let Some(corpus) = corpus {
        show_corpus_samples(corpus, secret, samples);
    } else if kind == KeyKind::Agent {
        show_model_samples(models, secret, samples);
    }
    let has_code = Memo::new(move |_| samples.with(|samples| !samples.is_empty()));
    let requirement = move || code_samples::requirement(kind).map(|text| view! { <p class="field-hint">{text}</p> });
    let code = move || {
        has_code.get().then(|| {
            view! {
                <details class="secret-code" prop:open=move || copied.get() && (was_copied || browser::is_wide())>
                    <summary>"Use it in code"</summary>
                    <CodeTabs samples label="Code" on_copied/>
                    {requirement()}
                </details>
            }
        })
    };
    view! {
        {code}
        {move || unused.filter(|_| copied.get()).map(|id| view! { <FirstRequest id/> })}
    }
}

/// Sets the code of a corpus key. It contains the customer id, which is loaded with the viewer.
fn show_corpus_samples(corpus_id: i64, secret: RevealedSecret, samples: RwSignal<Vec<CodeSample>>) {
    let viewer = use_viewer();
    spawn_local(async move {
        if let Ok(viewer) = viewer.await {
            let target = CorpusTarget { customer_id: viewer.customer_id, corpus_id };
            let _ = samples.try_set(code_samples::corpus_samples(&browser::origin(), secret.reveal(), target));
        }
    });
}

/// Sets the code of an agent key, once the models are loaded. `patterns` are those that it may call; `None` for all.
fn show_model_samples(patterns: Option<Vec<String>>, secret: RevealedSecret, samples: RwSignal<Vec<CodeSample>>) {
    spawn_local(async move {
        if let Ok(mut models) = callable_models().await {
            if let Some(patterns) = patterns {
                models.retain(|model| patterns.iter().any(|pattern| model_matches(pattern, &model.name)));
            }
            let _ = samples.try_set(code_samples::model_samples(&browser::origin(), secret.reveal(), &models));
        }
    });
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FirstUse {
    Waiting,
    Seen,
    /// The key can't be read, or was not used in time.
    Unknown,
}

impl FirstUse {
    const fn text(self) -> &'static str {
        match self {
            Self::Waiting => "Waiting for the first request…",
            Self::Seen => "First request just now",
            Self::Unknown => "",
        }
    }
}

/// Says when the key was used for the first time.
#[component]
fn FirstRequest(id: KeyId) -> impl IntoView {
    let first_use = RwSignal::new(FirstUse::Waiting);
    Effect::new(move || spawn_local(watch(id, first_use)));
    view! {
        <p class="first-request" class:first-request-seen=move || first_use.get() == FirstUse::Seen role="status">
            {move || first_use.get().text()}
        </p>
    }
}

/// Reads the key until it was used or the pop-up is closed. A connection that is lost may come back.
async fn watch(id: KeyId, first_use: RwSignal<FirstUse>) {
    let mut polls = 0;
    let result = loop {
        if polls == POLLS_MAX {
            break FirstUse::Unknown;
        }
        TimeoutFuture::new(POLL_MS).await;
        if first_use.is_disposed() {
            return;
        }
        if document().hidden() {
            continue;
        }
        polls += 1;
        match get_key(id).await {
            Ok(key) if key.last_used_at.is_some() => break FirstUse::Seen,
            Ok(_) | Err(Error::Offline | Error::Unavailable) => {}
            Err(_) => break FirstUse::Unknown,
        }
    };
    let _ = first_use.try_set(result);
}
