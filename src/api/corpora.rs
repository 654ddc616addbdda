//! Corpora: what corpus keys give access to, their documents, and where their queries are answered.

use leptos::prelude::*;

use latchkey_types::{
    codec::Json,
    corpus::{CorpusDetails, CorpusPage, DocumentList, SearchHit, UploadResult, UpstreamRequest, UpstreamRow},
    error::Error,
    key::CorpusRow,
    receipt::{Done, WithReceipt},
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::{corpora as rules, documents};

/// Path of [`upload_documents`], which receives larger requests than the other server functions.
pub const UPLOAD_PATH: &str = "/fn/corpora/upload";

/// Documents on a page of the list.
#[cfg(feature = "ssr")]
const DOCUMENTS_ON_PAGE: usize = 20;

/// Results of a query in the page.
#[cfg(feature = "ssr")]
const RESULTS: usize = 10;

/// Returns id and name of the organization's corpora. Needs *View Keys* or *Manage Corpora*.
#[server(prefix = "/fn", endpoint = "corpora/all", protocol = Json)]
pub async fn corpora() -> Result<Vec<CorpusRow>, Error> {
    request_context::answer(async |call: RequestContext| {
        let all = rules::all(&call.state, &call.actor()?).await?;
        Ok(all.into_iter().map(|corpus| CorpusRow { id: corpus.id, name: corpus.name }).collect())
    })
    .await
}

/// Returns the organization's corpora with all details. Needs *View Keys* or *Manage Corpora*.
#[server(prefix = "/fn", endpoint = "corpora/details", protocol = Json)]
pub async fn corpora_details() -> Result<Vec<CorpusDetails>, Error> {
    request_context::answer(async |call: RequestContext| Ok(rules::all(&call.state, &call.actor()?).await?.into_iter().map(Into::into).collect()))
        .await
}

/// Creates a corpus. Needs *Manage Corpora*.
#[server(prefix = "/fn", endpoint = "corpora/create", protocol = Json)]
pub async fn create_corpus(name: String) -> Result<CorpusDetails, Error> {
    request_context::answer(async move |call: RequestContext| Ok(rules::create(&call.state, &call.actor()?, &name).await?.into())).await
}

/// Deletes a corpus permanently. Needs *Manage Corpora*.
#[server(prefix = "/fn", endpoint = "corpora/delete", protocol = Json)]
pub async fn delete_corpus(id: i64) -> Result<WithReceipt<Done>, Error> {
    request_context::answer_done(async move |call: RequestContext| rules::delete(&call.state, &call.actor()?, id).await).await
}

/// Returns a corpus, its upstream, and the general keys that can be linked to it. Needs *Manage Corpora*.
#[server(name = ReadCorpusPage, prefix = "/fn", endpoint = "corpora/page", protocol = Json)]
pub async fn corpus_page(id: i64) -> Result<CorpusPage, Error> {
    request_context::answer(async move |call: RequestContext| rules::page(&call.state, &call.actor()?, id).await).await
}

/// Sets the upstream that answers for a corpus. A changed base URL unlinks the key. Needs *Manage Corpora*, and *Manage Credentials* to link a key.
///
/// # Errors
/// `Invalid` at a field of the request.
#[server(prefix = "/fn", endpoint = "corpora/set-upstream", protocol = Json)]
pub async fn set_upstream(id: i64, request: UpstreamRequest) -> Result<WithReceipt<UpstreamRow>, Error> {
    request_context::answer_with_receipt(async move |call: RequestContext| rules::set_upstream(&call.state, &call.actor()?, id, request).await).await
}

/// Removes the upstream of a corpus: the built-in index answers again. Needs *Manage Corpora*.
#[server(prefix = "/fn", endpoint = "corpora/remove-upstream", protocol = Json)]
pub async fn remove_upstream(id: i64) -> Result<WithReceipt<Done>, Error> {
    request_context::answer_done(async move |call: RequestContext| rules::remove_upstream(&call.state, &call.actor()?, id).await).await
}

/// Returns the documents of a corpus whose ids follow `after`, or the first ones. Needs *Manage Corpora*.
#[server(prefix = "/fn", endpoint = "corpora/documents", protocol = Json)]
pub async fn list_documents(id: i64, after: Option<String>) -> Result<DocumentList, Error> {
    request_context::answer(async move |call: RequestContext| {
        documents::list(&call.state, &call.actor()?, id, after.as_deref(), DOCUMENTS_ON_PAGE).await
    })
    .await
}

/// Adds the documents in a file to a corpus. The file extension determines the format. Needs *Manage Corpora*.
///
/// # Errors
/// `Invalid` at `name` for an unknown extension; otherwise at a field of the first invalid document. Nothing is added then.
#[server(prefix = "/fn", endpoint = "corpora/upload", protocol = Json)]
pub async fn upload_documents(id: i64, name: String, content: String) -> Result<UploadResult, Error> {
    request_context::answer(async move |call: RequestContext| documents::upload_file(&call.state, &call.actor()?, id, name, content).await).await
}

/// Deletes a document. Needs *Manage Corpora*.
#[server(prefix = "/fn", endpoint = "corpora/delete-document", protocol = Json)]
pub async fn delete_document(id: i64, document: String) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| documents::delete(&call.state, &call.actor()?, id, &document).await).await
}

/// Queries the built-in index of a corpus, as a corpus key does. Needs *Manage Corpora*.
#[server(prefix = "/fn", endpoint = "corpora/search", protocol = Json)]
pub async fn search_corpus(id: i64, query: String) -> Result<Vec<SearchHit>, Error> {
    request_context::answer(async move |call: RequestContext| documents::search_as(&call.state, &call.actor()?, id, &query, RESULTS).await).await
}
