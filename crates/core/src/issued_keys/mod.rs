//! The rules for issued keys: the managers of a project can list, revoke, disable and enable its keys.

mod change;

pub use change::{revoke, set_disabled};

use std::collections::HashMap;

use super::{Core, actor::Actor, projects};
use latchkey_store::{
    self as store,
    issued_key_list::{IssuedKeyUsage, Scope},
};
use latchkey_types::{
    error::Error,
    id::KeyId,
    issued_key::{IssuedOrder, IssuedPage, IssuedQuery, IssuedRow, ROWS},
    key_kind::Lifecycle,
    listing::last_page,
    time::Timestamp,
    validate,
};

/// A page of a project's issued keys that match a search, with their usage in a period. Includes valid keys, and invalid ones that were used or
/// revoked in the period. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Invalid` at `search`, at `rows` or in the period.
pub async fn list(core: &Core, actor: &Actor, query: IssuedQuery) -> Result<IssuedPage, Error> {
    let mut db = core.store.connection().await?;
    let project = projects::find_managed(&mut db, actor, query.project).await?;
    let now = Timestamp::now();
    let span = query.period.span(now)?;
    if !ROWS.contains(&query.rows) {
        return Err(Error::invalid("rows", "A page has 10, 20, 50 or 100 rows."));
    }
    let search = validate::search("search", &query.search)?;
    let scope = Scope { organization: actor.organization, project: project.id, span, search: &search, now };
    let sums = store::issued_key_list::totals(&mut db, &scope).await?;
    let page = query.page.clamp(1, last_page(sums.count, query.rows));
    let order = IssuedOrder { column: query.sort, is_reversed: query.is_reversed };
    let records = store::issued_key_list::page(&core.store, &mut db, &scope, order, ((page - 1) * query.rows, query.rows)).await?;
    let keys: Vec<_> = records.iter().map(|record| record.id).collect();
    let mut buckets = in_buckets(store::issued_key_list::buckets(&mut db, &scope, &keys).await?, span.count);
    let rows = records.into_iter().map(|record| {
        let of_key = buckets.remove(&record.id).unwrap_or_else(|| empty(span.count));
        row(record, of_key, now)
    });
    Ok(IssuedPage { rows: rows.collect(), page, count: sums.count, requests: sums.requests, cost: sums.cost.money(), bucket: span.bucket })
}

fn empty(count: i64) -> Vec<i64> {
    vec![0; usize::try_from(count).unwrap_or_default()]
}

fn in_buckets(counted: Vec<(KeyId, i64, i64)>, count: i64) -> HashMap<KeyId, Vec<i64>> {
    let mut buckets = HashMap::new();
    for (key, at, requests) in counted {
        let of_key = buckets.entry(key).or_insert_with(|| empty(count));
        if let Some(bucket) = usize::try_from(at).ok().and_then(|at| of_key.get_mut(at)) {
            *bucket = requests;
        }
    }
    buckets
}

fn row(record: IssuedKeyUsage, buckets: Vec<i64>, now: Timestamp) -> IssuedRow {
    let lifecycle =
        Lifecycle { expires_at: record.expires_at, disabled_at: record.disabled_at, revoked_at: record.revoked_at, deleted_at: record.deleted_at };
    IssuedRow {
        id: record.id,
        name: record.name,
        holder: record.holder,
        received_at: record.created_at,
        status: lifecycle.status(now),
        is_holder_disabled: record.holder_disabled_at.is_some(),
        requests: record.requests,
        cost: record.cost.money(),
        buckets,
    }
}
