//! The corpora that a key gives access to.

use leptos::prelude::*;

use crate::{api::corpora::corpora, routes};
use latchkey_types::{error::Error, key::CorpusRow};
use latchkey_ui::{
    checkbox::{CheckboxList, CheckboxOption},
    form::Form,
    message::Alert,
    suspend::suspend,
};

/// Parses the ids of the checked corpora.
pub(super) fn parse_corpora(field: &str, checked: Vec<String>) -> Result<Vec<i64>, Error> {
    let ids: Vec<_> = checked.iter().filter_map(|id| id.parse().ok()).collect();
    if ids.is_empty() { Err(Error::invalid(field, "Select at least one corpus.")) } else { Ok(ids) }
}

/// The checkboxes of the corpora, once they are loaded. The only one is checked.
#[component]
pub(super) fn CorporaField(
    form: Form,
    /// Whether the user can create corpora.
    can_create: bool,
) -> impl IntoView {
    let all = OnceResource::new(corpora());
    let none = move || {
        if can_create {
            view! { "No corpora yet. " <a href=routes::CORPORA.path>"Create one in Settings"</a> "." }.into_any()
        } else {
            "No corpora yet. Ask an owner or admin to create one.".into_any()
        }
    };
    let checkboxes = move |corpora: Vec<CorpusRow>| {
        if corpora.is_empty() {
            return view! { <p class="note">{none()}</p> }.into_any();
        }
        let checked = corpora.len() == 1;
        let option = |corpus: CorpusRow| CheckboxOption { value: corpus.id.to_string(), label: corpus.name, checked };
        let options = corpora.into_iter().map(option).collect();
        view! { <CheckboxList form name="corpora" label="Corpora" options hint="Corpora created later aren’t included."/> }.into_any()
    };
    view! {
        <Suspense fallback=|| view! { <p role="status">"Loading corpora…"</p> }>
            {suspend(all, checkboxes, |error| view! { <Alert message=error.to_string()/> })}
        </Suspense>
    }
}
