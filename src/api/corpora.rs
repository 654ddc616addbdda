//! Corpora: what corpus keys give access to.

use leptos::prelude::*;

use latchkey_types::{codec::Json, corpus::CorpusDetails, error::Error, key::CorpusRow};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::corpora as rules;

/// Returns id and name of the organization's corpora. Needs *View Keys* or *Manage Corpora*.
#[server(prefix = "/fn", endpoint = "corpora/all", input = Json, output = Json)]
pub async fn corpora() -> Result<Vec<CorpusRow>, Error> {
    request_context::answer(async |call: RequestContext| {
        let all = rules::all(&call.state, &call.actor()?).await?;
        Ok(all.into_iter().map(|corpus| CorpusRow { id: corpus.id, name: corpus.name }).collect())
    })
    .await
}

/// Returns the organization's corpora with all details. Needs *View Keys* or *Manage Corpora*.
#[server(prefix = "/fn", endpoint = "corpora/details", input = Json, output = Json)]
pub async fn corpora_details() -> Result<Vec<CorpusDetails>, Error> {
    request_context::answer(async |call: RequestContext| Ok(rules::all(&call.state, &call.actor()?).await?.into_iter().map(Into::into).collect()))
        .await
}

/// Creates a corpus. Needs *Manage Corpora*.
#[server(prefix = "/fn", endpoint = "corpora/create", input = Json, output = Json)]
pub async fn create_corpus(name: String) -> Result<CorpusDetails, Error> {
    request_context::answer(async move |call: RequestContext| Ok(rules::create(&call.state, &call.actor()?, &name).await?.into())).await
}

/// Deletes a corpus permanently. Needs *Manage Corpora*.
#[server(prefix = "/fn", endpoint = "corpora/delete", input = Json, output = Json)]
pub async fn delete_corpus(id: i64) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| rules::delete(&call.state, &call.actor()?, id).await).await
}
