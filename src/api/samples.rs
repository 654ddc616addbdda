//! Samples of projects and the jobs that import them.

use leptos::prelude::*;

use latchkey_types::{
    codec::Json,
    error::Error,
    id::{ImportId, ProjectId, SampleId},
    sample::{ImportDetails, ImportRequest, SampleList, SourceListing, SourceQuery},
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::samples::{self as rules, imports, source};

/// Returns a page of a project's samples, and its imports that are running or have failed files. Needs *View Project*, in the organization and in the
/// project.
#[server(prefix = "/fn", endpoint = "samples/list", protocol = Json)]
pub async fn list_samples(project: ProjectId, search: String, after: Option<SampleId>) -> Result<SampleList, Error> {
    request_context::answer(async move |call: RequestContext| rules::list(&call.state, &call.actor()?, project, &search, after).await).await
}

/// Returns the files at a storage provider that match a query, read with the user's own external key. Needs *Manage Projects*, in the
/// organization and in the project.
///
/// # Errors
/// `Invalid` at `query.source` without a usable external key, at `query.container` if it can't be listed, and at `query.pattern`.
#[server(prefix = "/fn", endpoint = "samples/source", protocol = Json)]
pub async fn list_source(project: ProjectId, query: SourceQuery) -> Result<SourceListing, Error> {
    request_context::answer(async move |call: RequestContext| source::list_source(&call.state, &call.actor()?, project, query).await).await
}

/// Starts an import. Local files are then uploaded to `/samples/upload`. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "samples/import", protocol = Json)]
pub async fn begin_import(project: ProjectId, request: ImportRequest) -> Result<ImportDetails, Error> {
    request_context::answer(async move |call: RequestContext| imports::begin(&call.state, &call.actor()?, project, request).await).await
}

/// Returns an import with its files. Needs *View Project*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "samples/import-details", protocol = Json)]
pub async fn get_import(project: ProjectId, id: ImportId) -> Result<ImportDetails, Error> {
    request_context::answer(async move |call: RequestContext| imports::get(&call.state, &call.actor()?, project, id).await).await
}

/// Stops an import; its complete files are kept. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "samples/stop", protocol = Json)]
pub async fn stop_import(project: ProjectId, id: ImportId) -> Result<ImportDetails, Error> {
    request_context::answer(async move |call: RequestContext| imports::stop(&call.state, &call.actor()?, project, id).await).await
}

/// Imports the failed files of an import again. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "samples/retry", protocol = Json)]
pub async fn retry_import(project: ProjectId, id: ImportId) -> Result<ImportDetails, Error> {
    request_context::answer(async move |call: RequestContext| imports::retry(&call.state, &call.actor()?, project, id).await).await
}

/// Deletes samples permanently, and returns how many there were. Needs *Manage Projects*, in the organization and in the project.
#[server(prefix = "/fn", endpoint = "samples/delete", protocol = Json)]
pub async fn delete_samples(project: ProjectId, ids: Vec<SampleId>) -> Result<usize, Error> {
    request_context::answer(async move |call: RequestContext| rules::delete(&call.state, &call.actor()?, project, &ids).await).await
}
