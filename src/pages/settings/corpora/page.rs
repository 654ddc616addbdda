//! `/settings/corpora/{id}`

use leptos::{html, prelude::*};
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::{
    code::Code,
    context::{CorpusContext, OpenDialog},
    documents::{DeleteDialog, Documents},
    search::Search,
    upload::UploadDialog,
    upstream::{AnswersFrom, RemoveDialog},
    upstream_dialog::UpstreamDialog,
};
use crate::{
    api::corpora::{corpus_page, list_documents},
    pages::{error_page::LoadFailed, set_status, viewer::use_viewer},
    routes,
};
use latchkey_types::{
    account::Viewer,
    corpus::{CorpusPage as CorpusData, DocumentList},
    error::Error,
};
use latchkey_ui::{
    button::{Button, ButtonVariant},
    copy::CopyButton,
    icon::{Glyph, Icon},
    message::AlertWithRetry,
    page::PageActions,
    skeleton::PageSkeleton,
    suspend::suspend,
};

/// A corpus: a query to try, its documents, where its queries are answered, and code.
#[component]
pub fn CorpusPage() -> impl IntoView {
    let viewer = use_viewer();
    let params = use_params_map();
    // A malformed id matches no corpus.
    let id = move || params.with(|params| params.get("id").and_then(|id| id.parse::<i64>().ok()));
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    let page = Resource::new(id, |id| async move { corpus_page(id.ok_or(Error::NotFound)?).await });
    let documents = Resource::new(id, |id| async move { list_documents(id.ok_or(Error::NotFound)?, None).await });
    view! {
        <Suspense fallback=|| view! { <PageSkeleton/> }>
            {move || suspend(
                async move { Ok((viewer.await?, page.await?, documents.await?)) },
                |(viewer, page, documents)| view! { <Corpus viewer page documents/> },
                |error| match error {
                    Error::NotFound => view! { <NoCorpus/> }.into_any(),
                    error => view! { <LoadFailed error/> }.into_any(),
                },
            )}
        </Suspense>
    }
}

#[component]
fn Corpus(viewer: Viewer, page: CorpusData, documents: DocumentList) -> impl IntoView {
    // Data
    let context = CorpusContext::new(viewer, page, documents);
    let id = context.id;
    let name = move || context.page.with(|page| page.corpus.name.clone());
    let id_shown_in = NodeRef::<html::Code>::new();

    // Actions
    let reload = move |()| context.reload();
    let upload = context.dialogs.opener(OpenDialog::Upload);
    let dismiss = context.dialogs.dismiss;
    let done = context.dialogs.done(move |message| {
        context.notify(message);
        context.reload();
    });
    let deleted = context.dialogs.done(move |message| {
        context.notify(message);
        context.reload_after_delete();
    });

    // View
    let dialog = move |open| match open {
        OpenDialog::Upload => view! { <UploadDialog context on_dismiss=dismiss on_done=done/> }.into_any(),
        OpenDialog::DeleteDocument(document) => view! { <DeleteDialog corpus=id document on_dismiss=dismiss on_done=deleted/> }.into_any(),
        OpenDialog::EditUpstream => view! { <UpstreamDialog context on_dismiss=dismiss on_done=done/> }.into_any(),
        OpenDialog::RemoveUpstream(base_url) => view! { <RemoveDialog corpus=id base_url on_dismiss=dismiss on_done=done/> }.into_any(),
    };
    let error = move || context.page.error().get().or_else(|| context.documents.error().get());
    view! {
        <Title text=move || format!("{} · {}", name(), routes::CORPORA.label)/>
        <div class="page page-settings page-corpus">
            <a class="back" href=routes::CORPORA.path><Icon glyph=Glyph::Back/>"All corpora"</a>
            <div class="project-head">
                <h1 dir="auto">{name}</h1>
                <span class="project-id">
                    <span>"ID " <code node_ref=id_shown_in>{id}</code></span>
                    <CopyButton text=id.to_string() shown_in=id_shown_in compact=true/>
                </span>
            </div>
            <div class="panel">
                <PageActions><Button label="Upload documents" variant=ButtonVariant::Primary on_click=upload/></PageActions>
                {move || error().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=reload/> })}
                <Show when=move || context.has_documents()><Search context/></Show>
                <Documents context upload/>
                <AnswersFrom context/>
                <Code context/>
            </div>
        </div>
        {context.dialogs.render(dialog)}
    }
}

#[component]
fn NoCorpus() -> impl IntoView {
    set_status(Error::NotFound.status());
    view! {
        <Title text="Not found"/>
        <div class="page page-narrow">
            <h1>"Corpus not found"</h1>
            <p>"It may have been deleted."</p>
            <p class="card-actions"><a class="button" href=routes::CORPORA.path>"All corpora"</a></p>
        </div>
    }
}
