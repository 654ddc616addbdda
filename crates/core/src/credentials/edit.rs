//! Updates and deletes credentials.

use secrecy::SecretString;

use super::{
    ANY_KIND,
    create::{external_secrets, name_taken},
    find_accessible, owner_of,
    view::{load_row, row_without_links},
};
use crate::{
    Core,
    actor::Actor,
    etag::IfMatch,
    expiry,
    vault::{NamedSecret, Vault},
};
use latchkey_store::{self as store, Tx, credentials::CredentialRecord};
use latchkey_types::{
    credential::{GENERAL_VALUE_MAX, ReplaceExternalKeyRequest, secret},
    error::Error,
    id::CredentialId,
    key::KeyRow,
    key_kind::CredentialKind,
    secret::TypedSecret,
    time::Timestamp,
    validate,
};

/// Changes to a general key.
#[derive(Default)]
pub struct GeneralKeyPatch {
    /// `None` keeps the name.
    pub name: Option<String>,
    /// A blank value keeps the stored one.
    pub value: TypedSecret,
}

/// Updates a general key. Needs *Manage Credentials*.
pub async fn edit_general(core: &Core, actor: &Actor, id: CredentialId, patch: GeneralKeyPatch, only_if: IfMatch) -> Result<KeyRow, Error> {
    let spec = CredentialKind::General.spec();
    actor.require(spec.manage)?;
    let name = patch.name.map(|name| validate::name("name", &name)).transpose()?;
    let typed = patch.value.expose().trim();
    let value = if typed.is_empty() { None } else { Some(SecretString::from(secret("value", typed, GENERAL_VALUE_MAX)?)) };
    let mask = spec.mask.apply(typed);
    let mut change = core.begin(actor, &[spec.manage]).await?;
    let before = find_accessible(&mut change.tx, &change.actor, id).await?;
    only_if.check(|| Ok(row_without_links(&before)))?;
    if before.kind != CredentialKind::General {
        return Err(Error::invalid("kind", "Keys of this kind can't be changed. Delete the key and add a new one."));
    }
    let name = name.unwrap_or_else(|| before.name.clone());
    if name == before.name && value.is_none() {
        drop(change);
        return load_row(core, before).await;
    }
    if name != before.name {
        store::credentials::rename(&mut change.tx, id, &name).await.map_err(name_taken)?;
    }
    let event = change.event("credential.edited", "credential", id, &name).with("from", before.name.as_str()).with("new_value", value.is_some());
    if let Some(value) = value {
        replace_secrets(&mut change.tx, &core.vault, &before, &[("value", value)]).await?;
        store::credentials::set_mask(&mut change.tx, id, &mask, changed_at(&before)).await?;
    }
    let record = store::credentials::find(&mut change.tx, change.actor.organization, id).await?.ok_or(Error::Internal)?;
    change.commit([event]).await?;
    load_row(core, record).await
}

/// Replaces the secrets, the region and the expiry of an external key. Its id and its links stay. Needs *Manage API Keys*.
///
/// # Errors
/// `NotFound` also for other credentials.
pub async fn replace_external(core: &Core, actor: &Actor, id: CredentialId, request: ReplaceExternalKeyRequest) -> Result<KeyRow, Error> {
    let spec = CredentialKind::External.spec();
    let mut change = core.begin(actor, &[spec.manage]).await?;
    let before = find_accessible(&mut change.tx, &change.actor, id).await?;
    let provider = before.provider.ok_or(Error::NotFound)?;
    let (secrets, region) = external_secrets(provider, &request.key, &request.secret, &request.region)?;
    let expires_at = expiry::resolve(spec, request.expiry, Timestamp::now())?;
    replace_secrets(&mut change.tx, &core.vault, &before, &secrets).await?;
    store::credentials::set_region_and_expiry(&mut change.tx, id, region.as_deref(), expires_at, changed_at(&before)).await?;
    let record = store::credentials::find(&mut change.tx, change.actor.organization, id).await?.ok_or(Error::Internal)?;
    let event = change.event("credential.replaced", "credential", id, &before.name).with("provider", provider.as_str());
    change.commit([event]).await?;
    load_row(core, record).await
}

async fn replace_secrets(tx: &mut Tx, vault: &Vault, before: &CredentialRecord, secrets: &[NamedSecret]) -> Result<(), Error> {
    let sealed = vault.seal(tx, owner_of(before), secrets).await?;
    store::sealed_secrets::delete(tx, before.id).await?;
    Ok(store::sealed_secrets::insert(tx, &sealed).await?)
}

/// The time of a change to the secrets: strictly later than the last one, so that a credential test in progress detects the change.
fn changed_at(before: &CredentialRecord) -> Timestamp {
    Timestamp::now().max(before.updated_at.plus_ms(1))
}

/// Deletes a credential permanently. Its secrets are removed, and linked providers, models, services and upstreams lose their key. Needs the
/// kind's `manage` permission.
///
/// # Errors
/// `NotFound` also if the credential is already deleted.
pub async fn delete(core: &Core, actor: &Actor, id: CredentialId, only_if: IfMatch) -> Result<(), Error> {
    let mut change = core.begin(actor, &ANY_KIND).await?;
    let record = find_accessible(&mut change.tx, &change.actor, id).await?;
    only_if.check(|| Ok(row_without_links(&record)))?;
    let links = store::providers::links_of(&mut change.tx, &[id]).await?;
    let linked = links.into_iter().map(|link| link.name).collect::<Vec<_>>();
    store::credentials::delete(&mut change.tx, id).await?;
    let event = change.event("credential.deleted", "credential", id, &record.name).with("kind", record.kind.as_str()).with("unlinked", linked);
    change.commit([event]).await
}
