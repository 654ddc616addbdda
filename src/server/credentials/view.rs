//! What is shown of a credential: never its secret.

use std::collections::HashMap;

use super::{get_record, open::secrets};
use crate::{
    model::{
        fault::Fault,
        id::{CredentialId, OrganizationId},
        key::{ItemId, KeyRow, Tested},
        limits::Limits,
        policy::Kind,
        time::Timestamp,
    },
    server::{
        actor::Actor,
        state::AppState,
        store::{self, credentials::CredentialRecord, providers::LinkRecord, sealed::SealedSecret},
    },
};

/// One credential. Needs its kind's `view` permission.
///
/// # Errors
/// `NotFound` also for another's; `Forbidden`, `Unavailable`.
pub async fn get(state: &AppState, actor: &Actor, id: CredentialId) -> Result<KeyRow, Fault> {
    row_of(state, get_record(state, actor, id).await?).await
}

/// Those of the organization's credentials with these numbers that still stand, by number. Who may see them was judged when the list
/// was opened.
///
/// # Errors
/// `Unavailable`.
pub async fn find_many(state: &AppState, organization: OrganizationId, numbers: &[i64]) -> Result<HashMap<i64, KeyRow>, Fault> {
    let records = store::credentials::find_many(&state.store, organization, numbers).await?;
    let numbers: Vec<i64> = records.iter().map(|record| record.number).collect();
    Ok(numbers.into_iter().zip(rows(state, records).await?).collect())
}

/// One record with what it is linked to, and whether its secret opens.
pub(super) async fn row_of(state: &AppState, record: CredentialRecord) -> Result<KeyRow, Fault> {
    rows(state, vec![record]).await?.pop().ok_or(Fault::Internal)
}

/// Records with what they are linked to, and whether their secrets open; in the order of the records.
///
/// # Errors
/// `Unavailable`.
pub async fn rows(state: &AppState, records: Vec<CredentialRecord>) -> Result<Vec<KeyRow>, Fault> {
    let ids: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
    let links = store::providers::links_of(state.store.read()?, &ids).await?;
    let mut opens = which_open(state, &records, &ids).await?;
    if opens.contains(&false) && state.vault.renew(&state.store).await? {
        opens = which_open(state, &records, &ids).await?;
    }
    records.iter().zip(opens).map(|(record, opens)| row(record, &links, opens)).collect()
}

async fn which_open(state: &AppState, records: &[CredentialRecord], ids: &[&str]) -> Result<Vec<bool>, Fault> {
    let sealed = store::sealed::of_many(state.store.read()?, ids).await?;
    let mut of: HashMap<&str, Vec<&SealedSecret>> = HashMap::new();
    for secret in &sealed {
        of.entry(&secret.owner_id).or_default().push(secret);
    }
    let opens = |record: &CredentialRecord| Ok(secrets(&state.vault, record, of.get(record.id.as_str()).map_or(&[], Vec::as_slice))?.is_some());
    records.iter().map(opens).collect()
}

/// A record as it stands in a transaction, without what it is linked to.
pub(super) fn bare_row(record: &CredentialRecord) -> Result<KeyRow, Fault> {
    row(record, &[], true)
}

fn row(record: &CredentialRecord, links: &[LinkRecord], opens: bool) -> Result<KeyRow, Fault> {
    let kind = record.kind()?;
    let outcome = record.test_outcome.as_deref().and_then(|word| word.parse().ok());
    let mut linked_to: Vec<String> = links.iter().filter(|link| link.credential_id == record.id).map(|link| link.name.clone()).collect();
    linked_to.sort_by_key(|name| store::fold(name));
    Ok(KeyRow {
        id: ItemId::Credential(record.id()?),
        kind: Kind::Credential(kind),
        name: record.name.clone(),
        mask: record.mask.clone(),
        status: record.lifecycle().status(Timestamp::now()),
        created_at: Timestamp(record.created_at),
        created_by: record.creator.clone(),
        creator: record.created_by.parse().map_err(|_| record.unreadable())?,
        last_used_at: record.last_used_at.map(Timestamp),
        expires_at: record.expires_at.map(Timestamp),
        scopes: Vec::new(),
        corpora: Vec::new(),
        external_id: None,
        metadata: None,
        limits: Limits::default(),
        retiring: None,
        secret_since: Some(Timestamp(record.updated_at)),
        provider: record.provider.as_deref().and_then(|word| word.parse().ok()),
        region: record.region.clone(),
        linked_to,
        tested: record.tested_at.zip(outcome).map(|(at, outcome)| Tested { at: Timestamp(at), outcome }),
        is_unreadable: !opens,
    })
}
