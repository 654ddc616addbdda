//! Where the queries of a corpus are answered.

use leptos::prelude::*;

use super::context::{CorpusContext, OpenDialog};
use crate::{api::corpora::remove_upstream, pages::receipt_text::receipt_text};
use latchkey_types::corpus::UpstreamRow;
use latchkey_ui::{
    button::{Button, IconButton},
    confirm_dialog::{ConfirmDialog, ConfirmObject},
    form::{Form, ignore_not_found},
    icon::{Glyph, Icon},
    toast::ToastText,
};

/// The upstream, or the built-in index.
#[component]
pub(super) fn AnswersFrom(context: CorpusContext) -> impl IntoView {
    let upstream = Memo::new(move |_| context.page.with(|page| page.upstream.clone()));
    let edit = context.dialogs.opener(OpenDialog::EditUpstream);
    let remove = move |base_url: String| context.dialogs.open(OpenDialog::RemoveUpstream(base_url));
    let actions = move || match upstream.get() {
        Some(UpstreamRow { base_url, .. }) => view! {
            <span>
                <IconButton label="Edit upstream" glyph=Glyph::Edit on_click=move |_| edit.run(())/>
                <IconButton label="Remove upstream" glyph=Glyph::Trash danger=true on_click=move |_| remove(base_url.clone())/>
            </span>
        }
        .into_any(),
        None => view! { <Button label="Use an upstream" on_click=edit/> }.into_any(),
    };
    let answers_from = move || match upstream.get() {
        Some(upstream) => upstream_view(upstream),
        None => view! { <p class="section-text">"The built-in index. An upstream with Vectara’s API can answer instead."</p> }.into_any(),
    };
    view! {
        <section class="section-card" aria-labelledby="corpus-answers">
            <div class="section-head">
                <h2 id="corpus-answers">"Answers from"</h2>
                {actions}
            </div>
            {answers_from}
        </section>
    }
}

fn upstream_view(upstream: UpstreamRow) -> AnyView {
    let UpstreamRow { base_url, customer_id, corpus_id, credential, is_unlinked } = upstream;
    let key = match credential {
        Some(credential) => view! { <span>{credential.name} " " <code class="key-mask">{credential.mask}</code></span> }.into_any(),
        None if is_unlinked => {
            view! { <span class="provider-warning"><Icon glyph=Glyph::Warning/> "Key deleted or unlinked. Edit to select one."</span> }.into_any()
        }
        None => view! { <span class="no-value">"No key"</span> }.into_any(),
    };
    view! {
        <dl class="section-properties">
            <div><dt>"Base URL"</dt><dd><code>{base_url}</code></dd></div>
            <div><dt>"Customer ID"</dt><dd><code>{customer_id}</code></dd></div>
            <div><dt>"Corpus ID"</dt><dd><code>{corpus_id}</code></dd></div>
            <div><dt>"Key"</dt><dd>{key}</dd></div>
        </dl>
    }
    .into_any()
}

#[component]
pub(super) fn RemoveDialog(
    /// Id of the corpus.
    corpus: i64,
    base_url: String,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<ToastText>,
) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        form.send(Some(ignore_not_found(remove_upstream(corpus))), move |removed| on_done.run(receipt_text("Upstream removed", &removed)));
    };
    view! {
        <ConfirmDialog title="Remove the upstream?" objects=ConfirmObject::only(base_url)
            effect="The built-in index answers from now on. The general key is kept." verb="Remove" form on_confirm=submit on_dismiss/>
    }
}
