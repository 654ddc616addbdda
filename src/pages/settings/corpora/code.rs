//! Code that queries a corpus.

use leptos::prelude::*;

use super::context::CorpusContext;
use crate::{
    code_samples::{CorpusTarget, corpus_samples, server_url},
    routes,
};
use latchkey_types::permission::Permission;
use latchkey_ui::code_tabs::CodeTabs;

/// Placeholder for a corpus key, whose secret is not stored.
const KEY: &str = "CORPUS_KEY";

#[component]
pub(super) fn Code(context: CorpusContext) -> impl IntoView {
    let target = CorpusTarget { customer_id: untrack(|| context.page.with(|page| page.customer_id)), corpus_id: context.id };
    let url = server_url();
    let samples = Signal::derive(move || url.with(|url| corpus_samples(url, KEY, target)));
    let can_create = context.viewer.with_value(|viewer| viewer.can(Permission::ManageApiKeys));
    view! {
        <section class="section-card" aria-labelledby="corpus-code">
            <div class="section-head">
                <h2 id="corpus-code">"Use it in code"</h2>
                {can_create.then(|| view! { <a class="button" href=routes::create_address(routes::KEY_CORPUS)>"Create a corpus key"</a> })}
            </div>
            <p class="section-text">"Replace " <code>{KEY}</code> " with a corpus key that has access to this corpus."</p>
            <div class="corpus-code"><CodeTabs samples label="Code"/></div>
        </section>
    }
}
