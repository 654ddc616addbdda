//! Searches the built-in index.

use leptos::{prelude::*, task::spawn_local};

use super::context::CorpusContext;
use crate::api::corpora::search_corpus;
use latchkey_types::{corpus::SearchHit, error::Error};
use latchkey_ui::{browser, message::Alert, number::pluralize_count, search::SearchField};

/// The results of the last query, or its error.
type Results = Result<Vec<SearchHit>, Error>;

#[component]
pub(super) fn Search(context: CorpusContext) -> impl IntoView {
    // Data
    let query = RwSignal::new(String::new());
    // With their query, because the field may already contain the next one.
    let results = RwSignal::new(None::<(String, Results)>);

    // Actions
    let search = move |typed: String| {
        query.set(typed.clone());
        if typed.is_empty() {
            return results.set(None);
        }
        spawn_local(async move {
            let found = search_corpus(context.id, typed.clone()).await;
            // The page was closed, or the query was changed.
            if query.try_with_untracked(|query| *query == typed) != Some(true) {
                return;
            }
            match found {
                Err(Error::SignedOut) => browser::go_to_sign_in(),
                found => results.set(Some((typed, found))),
            }
        });
    };

    // View
    let status = move || results.with(|results| results.as_ref().map(|(query, results)| status_text(query, results)));
    let error = move || results.with(|results| results.as_ref().and_then(|(_, results)| results.as_ref().err().map(ToString::to_string)));
    let hits = move || results.with(|results| results.as_ref().and_then(|(_, results)| results.clone().ok()).filter(|hits| !hits.is_empty()));
    view! {
        <section class="section-card" aria-labelledby="corpus-search">
            <div class="section-head"><h2 id="corpus-search">"Try a query"</h2></div>
            <div class="corpus-search">
                <SearchField placeholder="e.g. reset password" search=query on_search=search/>
                <p class="corpus-count" role="status">{status}</p>
            </div>
            {move || error().map(|message| view! { <div class="corpus-search"><Alert message/></div> })}
            {move || hits().map(|hits| view! { <ul aria-label="Results">{hits.into_iter().map(hit_view).collect_view()}</ul> })}
        </section>
    }
}

fn status_text(query: &str, results: &Results) -> String {
    match results {
        Ok(hits) if hits.is_empty() => format!("No document matches “{query}”."),
        Ok(hits) => pluralize_count(hits.len(), "result", "results"),
        Err(_) => String::new(),
    }
}

/// Document, score and text of a result.
fn hit_view(hit: SearchHit) -> AnyView {
    let SearchHit { document_id, title, text, score, .. } = hit;
    let document = if title.is_empty() {
        view! { <strong dir="auto">{document_id}</strong> }.into_any()
    } else {
        view! { <strong dir="auto">{title}</strong> <span class="hit-detail" dir="auto">{document_id}</span> }.into_any()
    };
    view! {
        <li class="hit">
            <p class="hit-head">{document} <span class="hit-detail">{format!("Score {score:.2}")}</span></p>
            <p class="hit-text" dir="auto">{text}</p>
        </li>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::status_text;
    use latchkey_types::{corpus::SearchHit, error::Error};

    #[test]
    fn status_counts_results_or_names_the_query() {
        let hit = SearchHit {
            document_id: "cats.txt".to_owned(),
            title: String::new(),
            metadata: String::new(),
            section: 0,
            text: "About cats.".to_owned(),
            score: 1.0,
        };
        assert_eq!(status_text("cats", &Ok(vec![hit])), "1 result");
        assert_eq!(status_text("cats", &Ok(Vec::new())), "No document matches “cats”.");
        assert_eq!(status_text("cats", &Err(Error::Unavailable)), "");
    }
}
