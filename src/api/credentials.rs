//! Credentials: create, edit, test. The functions for API keys also list and delete credentials.

use leptos::prelude::*;

use latchkey_types::{
    codec::Json,
    credential::{CreateExternalKeyRequest, ReplaceExternalKeyRequest, TestReport},
    error::Error,
    id::CredentialId,
    key::KeyRow,
    receipt::WithReceipt,
    secret::TypedSecret,
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::{credential_check, credentials, etag::IfMatch};

/// Creates an external key. Needs *Manage API Keys*.
#[server(prefix = "/fn", endpoint = "credentials/create-external", protocol = Json)]
pub async fn create_storage(request: CreateExternalKeyRequest) -> Result<KeyRow, Error> {
    request_context::answer(async move |call: RequestContext| credentials::create_external(&call.state, &call.actor()?, request).await).await
}

/// Returns the caller's own external keys, at most one of each provider. Needs *Manage API Keys*.
#[server(prefix = "/fn", endpoint = "credentials/own-external", protocol = Json)]
pub async fn own_storage_keys() -> Result<Vec<KeyRow>, Error> {
    request_context::answer(async |call: RequestContext| credentials::own_external(&call.state, &call.actor()?).await).await
}

/// Replaces the secrets of an external key. Needs *Manage API Keys*.
#[server(prefix = "/fn", endpoint = "credentials/replace-external", protocol = Json)]
pub async fn replace_storage(id: CredentialId, request: ReplaceExternalKeyRequest) -> Result<WithReceipt<KeyRow>, Error> {
    request_context::answer_with_receipt(async move |call: RequestContext| {
        credentials::replace_external(&call.state, &call.actor()?, id, request).await
    })
    .await
}

/// Creates a general key. Needs *Manage Credentials*.
#[server(prefix = "/fn", endpoint = "credentials/create-general", protocol = Json)]
pub async fn create_general(name: String, value: TypedSecret) -> Result<KeyRow, Error> {
    request_context::answer(async move |call: RequestContext| {
        credentials::create_general(&call.state, &call.actor()?, credentials::NewGeneralKey { name, value }).await
    })
    .await
}

/// Changes a general key; an empty value keeps the stored one. Needs *Manage Credentials*.
#[server(prefix = "/fn", endpoint = "credentials/edit-general", protocol = Json)]
pub async fn edit_general(id: CredentialId, name: String, value: TypedSecret) -> Result<WithReceipt<KeyRow>, Error> {
    request_context::answer_with_receipt(async move |call: RequestContext| {
        let edited = credentials::GeneralKeyPatch { name: Some(name), value };
        credentials::edit_general(&call.state, &call.actor()?, id, edited, IfMatch::Unconditional).await
    })
    .await
}

/// Tests a credential with its provider and stores the result. Needs the kind's `manage` permission.
///
/// # Errors
/// `Throttled` while another test of the credential is running.
#[server(prefix = "/fn", endpoint = "credentials/test", protocol = Json)]
pub async fn test_connection(id: CredentialId) -> Result<TestReport, Error> {
    request_context::answer(async move |call: RequestContext| credential_check::test(&call.state, &call.actor()?, id).await).await
}
