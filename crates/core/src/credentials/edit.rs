//! Updates and deletes credentials.

use std::sync::Arc;

use secrecy::SecretString;

use super::{
    create::name_taken,
    find_accessible, owner_of, require_any_kind,
    view::{load_row, row_without_links},
};
use crate::{Core, actor::Actor, audit::Event, etag::IfMatch, vault::Vault};
use latchkey_store::{self as store, Tx, credentials::CredentialRecord};
use latchkey_types::{
    credential::{GENERAL_VALUE_MAX, secret},
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
    let (actor, auditor, vault) = (actor.clone(), core.auditor.clone(), Arc::clone(&core.vault));
    let record = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                let before = find_accessible(tx, &actor, id).await?;
                only_if.check(|| row_without_links(&before))?;
                if before.kind()? != CredentialKind::General {
                    return Err(Error::invalid("kind", "Keys of this kind can't be changed. Delete the key and add a new one."));
                }
                let name = name.unwrap_or_else(|| before.name.clone());
                let event = Event::new(&actor, "credential.edited", "credential", id, &name).with("from", before.name.as_str());
                let has_changed = name != before.name || value.is_some();
                if name != before.name {
                    rename(tx, id, &name).await?;
                }
                let event = event.with("new_value", value.is_some());
                if let Some(value) = value {
                    replace_value(tx, &vault, &before, value, &mask).await?;
                }
                if has_changed {
                    auditor.record(tx, event).await?;
                }
                store::credentials::find(tx, actor.organization, id).await?.ok_or(Error::Internal)
            })
        })
        .await?;
    load_row(core, record).await
}

async fn rename(tx: &mut Tx, id: CredentialId, name: &str) -> Result<(), Error> {
    store::credentials::rename(tx, id, name).await.map_err(|error| match error {
        store::StoreError::Duplicate => name_taken(),
        other => other.into(),
    })
}

async fn replace_value(tx: &mut Tx, vault: &Vault, before: &CredentialRecord, value: SecretString, mask: &str) -> Result<(), Error> {
    let id = before.id()?;
    let sealed = vault.seal(tx, owner_of(before)?, &[("value", value)]).await?;
    store::sealed_secrets::delete(tx, id).await?;
    store::sealed_secrets::insert(tx, &sealed).await?;
    // Strictly later than before, so that a credential test in progress detects the change.
    let at = Timestamp::now().max(Timestamp(before.updated_at).plus_ms(1));
    Ok(store::credentials::set_mask(tx, id, mask, at).await?)
}

/// Deletes a credential permanently. Its secrets are removed, and linked providers and models lose their key. Needs the kind's `manage`
/// permission.
///
/// # Errors
/// `NotFound` also if the credential is already deleted.
pub async fn delete(core: &Core, actor: &Actor, id: CredentialId, only_if: IfMatch) -> Result<(), Error> {
    require_any_kind(actor)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let record = find_accessible(tx, &actor, id).await?;
                only_if.check(|| row_without_links(&record))?;
                let links = store::providers::links_of(&mut *tx, &[&record.id]).await?;
                let linked = links.into_iter().map(|link| link.name).collect::<Vec<_>>();
                store::providers::unlink_credential(tx, id).await?;
                store::credentials::delete(tx, id).await?;
                let event =
                    Event::new(&actor, "credential.deleted", "credential", id, &record.name).with("kind", record.kind).with("unlinked", linked);
                Ok(auditor.record(tx, event).await?)
            })
        })
        .await
}
