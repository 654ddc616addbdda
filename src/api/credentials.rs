//! Keys that others made: store, edit, test. They are listed and deleted as API keys are.

use leptos::prelude::*;

use crate::model::{
    credential::{TestReport, WantedStorage},
    fault::Fault,
    id::CredentialId,
    key::KeyRow,
    secret::TypedSecret,
    wire::Json,
};

#[cfg(feature = "ssr")]
use super::context::{self, Call};
#[cfg(feature = "ssr")]
use crate::server::{connection, credentials, tag::IfMatch};

/// Stores a storage credential. Needs *Manage API Keys*.
///
/// # Errors
/// `Invalid` at `label`, `key`, `secret`, `region` or `duration_days`; `Conflict` at `provider`; `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "credentials/create-storage", input = Json, output = Json)]
pub async fn create_storage(wanted: WantedStorage) -> Result<KeyRow, Fault> {
    context::answer(async move |call: Call| credentials::create_storage(&call.state, &call.actor()?, wanted).await).await
}

/// Stores a general key. Needs *Manage Credentials*.
///
/// # Errors
/// `Invalid` at `name` or `value`; `Conflict` at `name`; `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "credentials/create-general", input = Json, output = Json)]
pub async fn create_general(name: String, value: TypedSecret) -> Result<KeyRow, Fault> {
    context::answer(async move |call: Call| credentials::create_general(&call.state, &call.actor()?, credentials::NewGeneral { name, value }).await)
        .await
}

/// Changes a general key; a blank value keeps the stored one. Needs *Manage Credentials*.
///
/// # Errors
/// `Invalid` or `Conflict` at `name`; `Invalid` at `value`; `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "credentials/edit-general", input = Json, output = Json)]
pub async fn edit_general(id: CredentialId, name: String, value: TypedSecret) -> Result<KeyRow, Fault> {
    context::answer(async move |call: Call| {
        let edited = credentials::EditedGeneral { name: Some(name), value };
        credentials::edit_general(&call.state, &call.actor()?, id, edited, IfMatch::Anything).await
    })
    .await
}

/// Tries a credential where it belongs, and notes how it went. Needs its kind's `manage` permission.
///
/// # Errors
/// `Throttled` while another test of it is under way; `NotFound`, `SignedOut`, `Forbidden`, `Unavailable`.
#[server(prefix = "/fn", endpoint = "credentials/test", input = Json, output = Json)]
pub async fn test_connection(id: CredentialId) -> Result<TestReport, Fault> {
    context::answer(async move |call: Call| connection::test(&call.state, &call.actor()?, id).await).await
}
