//! Credentials: create, edit, test. The functions for API keys also list and delete credentials.

use leptos::prelude::*;

use latchkey_types::{
    codec::Json,
    credential::{TestReport, WantedStorage},
    error::Fault,
    id::CredentialId,
    key::KeyRow,
    secret::TypedSecret,
};

#[cfg(feature = "ssr")]
use super::request_context::{self, Call};
#[cfg(feature = "ssr")]
use latchkey_core::{credential_check, credentials, etag::IfMatch};

/// Creates an external key. Needs *Manage API Keys*.
#[server(prefix = "/fn", endpoint = "credentials/create-storage", input = Json, output = Json)]
pub async fn create_storage(wanted: WantedStorage) -> Result<KeyRow, Fault> {
    request_context::answer(async move |call: Call| credentials::create_storage(&call.state, &call.actor()?, wanted).await).await
}

/// Creates a general key. Needs *Manage Credentials*.
#[server(prefix = "/fn", endpoint = "credentials/create-general", input = Json, output = Json)]
pub async fn create_general(name: String, value: TypedSecret) -> Result<KeyRow, Fault> {
    request_context::answer(async move |call: Call| {
        credentials::create_general(&call.state, &call.actor()?, credentials::NewGeneral { name, value }).await
    })
    .await
}

/// Changes a general key; an empty value keeps the stored one. Needs *Manage Credentials*.
#[server(prefix = "/fn", endpoint = "credentials/edit-general", input = Json, output = Json)]
pub async fn edit_general(id: CredentialId, name: String, value: TypedSecret) -> Result<KeyRow, Fault> {
    request_context::answer(async move |call: Call| {
        let edited = credentials::EditedGeneral { name: Some(name), value };
        credentials::edit_general(&call.state, &call.actor()?, id, edited, IfMatch::Anything).await
    })
    .await
}

/// Tests a credential with its provider and stores the result. Needs the kind's `manage` permission.
///
/// # Errors
/// `Throttled` while another test of the credential is running.
#[server(prefix = "/fn", endpoint = "credentials/test", input = Json, output = Json)]
pub async fn test_connection(id: CredentialId) -> Result<TestReport, Fault> {
    request_context::answer(async move |call: Call| credential_check::test(&call.state, &call.actor()?, id).await).await
}
