//! Lists of keys and credentials: who may see which rows, and in which order.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    Core,
    actor::Actor,
    credentials,
    keys::{self, inbound, visible_kinds},
    list_snapshots::{ListSnapshot, ListView},
};
use latchkey_store::{self as store, keys::lists::Selection};
use latchkey_types::{
    error::Error,
    key::{ItemId, KeyRow},
    key_kind::{KIND_SPECS, Kind},
    listing::{KeyQuery, ListedRow, OpenedListing, ROWS_MAX, RecentUse},
    permission::Permission,
    validate,
};

/// Maximum number of ids in one response.
const MAX_IDS: usize = 1000;

/// The kinds of a list: one kind, or all inbound or outbound kinds that the actor may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KindSelection {
    One(Kind),
    /// All kinds of API keys.
    Inbound,
    /// All kinds of credentials.
    Outbound,
}

impl KindSelection {
    /// `kind` if given, otherwise `side`.
    pub fn or(kind: Option<Kind>, side: Self) -> Self {
        kind.map_or(side, Self::One)
    }

    /// Whether all of `kinds` are among these.
    pub fn contains_all(self, kinds: &[Kind]) -> bool {
        kinds.iter().all(|kind| match self {
            Self::One(one) => *kind == one,
            Self::Inbound => matches!(kind, Kind::Key(_)),
            Self::Outbound => matches!(kind, Kind::Credential(_)),
        })
    }

    const fn is_inbound(self) -> bool {
        matches!(self, Self::Inbound | Self::One(Kind::Key(_)))
    }
}

/// The view of an actor on these kinds.
fn view(actor: &Actor, kinds: KindSelection) -> Result<ListView, Error> {
    let kinds = match kinds {
        KindSelection::One(kind) => {
            actor.require(kind.spec().view)?;
            if !kind.spec().is_listed() {
                return Err(Error::invalid("kind", "Project keys are listed in their project."));
            }
            vec![kind]
        }
        KindSelection::Inbound => inbound(actor),
        KindSelection::Outbound => visible_kinds(actor, |kind| matches!(kind, Kind::Credential(_))),
    };
    if kinds.is_empty() {
        return Err(Error::forbidden(Permission::ViewKeys));
    }
    let personal_of = (!actor.can_see_all_keys()).then_some(actor.user);
    Ok(ListView { organization: actor.organization, user: actor.user, kinds, personal_of })
}

/// Opens a list: stores a snapshot and returns its first rows. Needs the kind's `view` permission.
///
/// # Errors
/// `Invalid` at `kind`, `q`, `external_id` or `scope`; `Forbidden`, `Unavailable`.
pub async fn open(core: &Core, actor: &Actor, query: KeyQuery) -> Result<OpenedListing<KeyRow>, Error> {
    let listing = Arc::new(select(core, actor, KindSelection::or(query.kind, KindSelection::Inbound), &query).await?);
    let rows = slice_rows(core, &listing, 0, ROWS_MAX).await?;
    let total = listing.numbers.len();
    Ok(OpenedListing { listing: core.list_snapshots.insert(listing), total, rows })
}

/// The current content of a list, in order. Needs the kind's `view` permission.
///
/// # Errors
/// `Invalid` at `kind`, `q`, `external_id` or `scope`; `Forbidden`, `Unavailable`.
pub async fn select(core: &Core, actor: &Actor, kinds: KindSelection, query: &KeyQuery) -> Result<ListSnapshot, Error> {
    let view = view(actor, kinds)?;
    // Credentials have neither external ids nor scopes.
    let of_keys = |field, filter: &Option<String>| match filter.as_deref() {
        Some(_) if !kinds.is_inbound() => Err(Error::invalid(field, "Keys of this kind do not have this field.")),
        Some(word) => validate::search(field, word).map(Some),
        None => Ok(None),
    };
    let (external_id, scope) = (of_keys("external_id", &query.external_id)?, of_keys("scope", &query.scope)?);
    let selection = Selection {
        organization: view.organization,
        kinds: &view.kinds,
        personal_of: view.personal_of,
        search: &validate::search("q", &query.search)?,
        status: query.status,
        expiring: query.expiring,
        external_id: external_id.as_deref(),
        scope: scope.as_deref(),
        match_prefixes: query.match_prefixes,
        sort: query.sort,
    };
    let numbers = store::keys::lists::select_numbers(&core.store, &selection).await?.into_boxed_slice();
    Ok(ListSnapshot { view, numbers })
}

/// Rows of a list snapshot, at most [`ROWS_MAX`]. Needs the same permissions as opening it.
///
/// # Errors
/// `ListingGone`, `Forbidden`, `Unavailable`.
pub async fn rows(core: &Core, actor: &Actor, listing: &str, offset: usize, limit: usize) -> Result<Vec<ListedRow<KeyRow>>, Error> {
    slice_rows(core, &*find(core, actor, listing)?, offset, limit).await
}

/// The ids of a list snapshot's rows, at most 1,000, including rows that were deleted since. Needs the same permissions as opening it.
///
/// # Errors
/// `ListingGone`, `Forbidden`, `Unavailable`.
pub async fn ids(core: &Core, actor: &Actor, listing: &str, offset: usize, limit: usize) -> Result<Vec<ItemId>, Error> {
    let listing = find(core, actor, listing)?;
    let numbers = slice(&listing, offset, limit.min(MAX_IDS));
    Ok(store::keys::lists::ids_of(&core.store, listing.view.organization, &listing.view.kinds, numbers).await?)
}

/// How many rows of a list snapshot were used lately. Needs the same permissions as opening it.
///
/// # Errors
/// `ListingGone`, `Forbidden`, `Unavailable`.
pub async fn recent_use(core: &Core, actor: &Actor, listing: &str) -> Result<RecentUse, Error> {
    let listing = find(core, actor, listing)?;
    let used = store::keys::recent_use::recently_used(&core.store, listing.view.organization, &listing.view.kinds).await?;
    let listed: HashSet<i64> = listing.numbers.iter().copied().collect();
    let count = |numbers: &[i64]| numbers.iter().filter(|number| listed.contains(*number)).count();
    Ok(RecentUse { within_day: count(&used.within_day), within_week: count(&used.within_week) })
}

/// At most [`ROWS_MAX`] rows of a list, each with its index; without the row's data if it was deleted since.
pub async fn slice_rows(core: &Core, listing: &ListSnapshot, offset: usize, limit: usize) -> Result<Vec<ListedRow<KeyRow>>, Error> {
    let numbers = slice(listing, offset, limit.min(ROWS_MAX));
    let mut found = read(core, listing, numbers).await?;
    Ok(numbers.iter().enumerate().map(|(index, number)| ListedRow { index: offset + index, row: found.remove(number) }).collect())
}

async fn read(core: &Core, listing: &ListSnapshot, numbers: &[i64]) -> Result<HashMap<i64, KeyRow>, Error> {
    if listing.view.kinds.iter().any(|kind| matches!(kind, Kind::Credential(_))) {
        return credentials::find_many(core, listing.view.organization, numbers).await;
    }
    let records = store::keys::find_many(&core.store, listing.view.organization, numbers).await?;
    let rows = keys::rows(core, &records).await?;
    Ok(records.iter().map(|record| record.number).zip(rows).collect())
}

fn slice(listing: &ListSnapshot, offset: usize, limit: usize) -> &[i64] {
    let end = offset.saturating_add(limit).min(listing.numbers.len());
    listing.numbers.get(offset..end).unwrap_or_default()
}

/// The list snapshot with this name, if the actor may still see everything that it was opened with.
///
/// # Errors
/// `ListingGone`, `Forbidden`.
pub fn find(core: &Core, actor: &Actor, name: &str) -> Result<Arc<ListSnapshot>, Error> {
    let of_one_kind = KIND_SPECS.iter().map(|spec| KindSelection::One(spec.kind));
    let mut views = of_one_kind.chain([KindSelection::Inbound, KindSelection::Outbound]).filter_map(|kinds| view(actor, kinds).ok()).peekable();
    if views.peek().is_none() {
        return Err(Error::forbidden(Permission::ViewKeys));
    }
    views.find_map(|view| core.list_snapshots.find(name, &view)).ok_or(Error::ListingGone)
}
