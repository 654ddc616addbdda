//! The visible data of credentials, which never includes secrets.

use std::collections::HashMap;

use super::{external_unique_name, get_record, open::secrets};
use crate::{Core, actor::Actor};
use latchkey_store::{self as store, credentials::CredentialRecord, providers::LinkRecord, sealed_secrets::SealedSecret};
use latchkey_types::{
    error::Error,
    id::{CredentialId, OrganizationId},
    key::{ItemId, KeyRow, StorageProvider, TestResult},
    key_kind::{CredentialKind, Kind},
    time::Timestamp,
};

/// One credential. Needs the kind's `view` permission.
///
/// # Errors
/// `NotFound` also for credentials that the actor may not access.
pub async fn get(core: &Core, actor: &Actor, id: CredentialId) -> Result<KeyRow, Error> {
    load_row(core, get_record(core, actor, id).await?).await
}

/// The actor's own external keys, at most one of each provider. Needs *Manage API Keys*.
pub async fn own_external(core: &Core, actor: &Actor) -> Result<Vec<KeyRow>, Error> {
    let kind = CredentialKind::External;
    actor.require(kind.spec().view)?;
    let unique_names = StorageProvider::ALL.map(|provider| external_unique_name(provider, actor.user));
    rows(core, store::credentials::find_by_unique_names(&core.store, actor.organization, kind, &unique_names).await?).await
}

/// The organization's credentials with these numbers that are not deleted, by number. Does not check permissions: they were checked when the
/// list was opened.
pub async fn find_many(core: &Core, organization: OrganizationId, numbers: &[i64]) -> Result<HashMap<i64, KeyRow>, Error> {
    let records = store::credentials::find_many(&core.store, organization, numbers).await?;
    let numbers: Vec<i64> = records.iter().map(|record| record.number).collect();
    Ok(numbers.into_iter().zip(rows(core, records).await?).collect())
}

/// As [`rows`], for one record.
pub(super) async fn load_row(core: &Core, record: CredentialRecord) -> Result<KeyRow, Error> {
    rows(core, vec![record]).await?.pop().ok_or(Error::Internal)
}

/// Rows of credentials, in the order of the records, with the names of what is linked to them and whether their secrets can be decrypted.
pub async fn rows(core: &Core, records: Vec<CredentialRecord>) -> Result<Vec<KeyRow>, Error> {
    let ids: Vec<CredentialId> = records.iter().map(|record| record.id).collect();
    let links = store::providers::links_of(core.store.read()?, &ids).await?;
    let mut readable = are_readable(core, &records, &ids).await?;
    if readable.contains(&false) && core.vault.reload_master_key(&core.store).await? {
        readable = are_readable(core, &records, &ids).await?;
    }
    Ok(records.iter().zip(readable).map(|(record, is_readable)| row(record, &links, is_readable)).collect())
}

async fn are_readable(core: &Core, records: &[CredentialRecord], ids: &[CredentialId]) -> Result<Vec<bool>, store::StoreError> {
    let sealed = store::sealed_secrets::of_many(core.store.read()?, ids).await?;
    let mut by_owner: HashMap<&str, Vec<&SealedSecret>> = HashMap::new();
    for secret in &sealed {
        by_owner.entry(&secret.owner_id).or_default().push(secret);
    }
    let is_readable = |record: &CredentialRecord| {
        let sealed = by_owner.get(&*record.id.text()).map(Vec::as_slice).unwrap_or_default();
        secrets(&core.vault, record, sealed).is_some()
    };
    Ok(records.iter().map(is_readable).collect())
}

/// A row without links, for `If-Match` checks inside a transaction.
pub(super) fn row_without_links(record: &CredentialRecord) -> KeyRow {
    row(record, &[], true)
}

fn row(record: &CredentialRecord, links: &[LinkRecord], is_readable: bool) -> KeyRow {
    let mut linked_to: Vec<String> = links.iter().filter(|link| link.credential_id == record.id).map(|link| link.name.clone()).collect();
    linked_to.sort_by_key(|name| store::fold(name));
    let (id, kind) = (ItemId::Credential(record.id), Kind::Credential(record.kind));
    KeyRow {
        status: record.lifecycle().status(Timestamp::now()),
        created_by: record.creator.clone(),
        last_used_at: record.last_used_at,
        expires_at: record.expires_at,
        secret_since: Some(record.updated_at),
        provider: record.provider,
        region: record.region.clone(),
        linked_to,
        tested: record.tested_at.zip(record.test_outcome).map(|(at, outcome)| TestResult { at, outcome }),
        is_unreadable: !is_readable,
        ..KeyRow::new(id, kind, record.name.clone(), record.mask.clone(), record.created_by, record.created_at)
    }
}
