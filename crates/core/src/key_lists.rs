//! Lists of keys and credentials: who may see which rows, and in which order.

use std::{collections::HashMap, sync::Arc};

use super::{
    Core,
    actor::Actor,
    credentials, keys,
    list_snapshots::{Listing, View},
};
use latchkey_store::{self as store, keys::lists::Selection};
use latchkey_types::{
    error::Fault,
    key::{ItemId, KeyRow},
    key_kind::{Kind, POLICIES},
    listing::{KeyQuery, ListedRow, OpenedListing, ROWS_MAX},
    permission::Permission,
    validate,
};

/// Maximum number of ids in one response.
const MAX_IDS: usize = 1000;

/// The kinds of a list: one kind, or all inbound or outbound kinds that the actor may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    One(Kind),
    /// All kinds of API keys.
    Inbound,
    /// All kinds of credentials.
    Outbound,
}

impl Kinds {
    /// `kind` if given, otherwise `side`.
    pub fn or(kind: Option<Kind>, side: Self) -> Self {
        kind.map_or(side, Self::One)
    }

    /// Whether all of `kinds` are among these.
    pub fn hold(self, kinds: &[Kind]) -> bool {
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
fn view(actor: &Actor, kinds: Kinds) -> Result<View, Fault> {
    let kinds = match kinds {
        Kinds::One(kind) => {
            actor.require(kind.policy().view)?;
            if !kind.policy().is_listed() {
                return Err(Fault::invalid("kind", "Project keys are listed in their project."));
            }
            vec![kind]
        }
        Kinds::Inbound => inbound(actor),
        Kinds::Outbound => visible_kinds(actor, |kind| matches!(kind, Kind::Credential(_))),
    };
    if kinds.is_empty() {
        return Err(Fault::forbidden(Permission::ViewKeys));
    }
    let personal_of = (!actor.sees_everybodys_keys()).then_some(actor.user);
    Ok(View { organization: actor.organization, user: actor.user, kinds, personal_of })
}

fn visible_kinds(actor: &Actor, filter: fn(Kind) -> bool) -> Vec<Kind> {
    let listed = POLICIES.iter().filter(|policy| policy.is_listed());
    listed.filter(|policy| filter(policy.kind) && actor.permissions.has(policy.view)).map(|policy| policy.kind).collect()
}

/// The inbound kinds that the actor may see, without project keys, whose visibility depends on the project.
pub fn inbound(actor: &Actor) -> Vec<Kind> {
    visible_kinds(actor, |kind| matches!(kind, Kind::Key(_)))
}

/// Opens a list: stores a snapshot and returns its first rows. Needs the kind's `view` permission.
///
/// # Errors
/// `Invalid` at `kind`, `q`, `external_id` or `scope`; `Forbidden`, `Unavailable`.
pub async fn open(core: &Core, actor: &Actor, query: KeyQuery) -> Result<OpenedListing<KeyRow>, Fault> {
    let listing = Arc::new(select(core, actor, Kinds::or(query.kind, Kinds::Inbound), &query).await?);
    let rows = part(core, &listing, 0, ROWS_MAX).await?;
    let total = listing.numbers.len();
    Ok(OpenedListing { listing: core.listings.keep(listing), total, rows })
}

/// The current content of a list, in order. Needs the kind's `view` permission.
///
/// # Errors
/// `Invalid` at `kind`, `q`, `external_id` or `scope`; `Forbidden`, `Unavailable`.
pub async fn select(core: &Core, actor: &Actor, kinds: Kinds, query: &KeyQuery) -> Result<Listing, Fault> {
    let view = view(actor, kinds)?;
    // Credentials have neither external ids nor scopes.
    let of_keys = |field, filter: &Option<String>| match filter.as_deref() {
        Some(_) if !kinds.is_inbound() => Err(Fault::invalid(field, "Keys of this kind do not have this field.")),
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
        sort: query.sort,
    };
    let numbers = store::keys::lists::select_numbers(&core.store, &selection).await?.into_boxed_slice();
    Ok(Listing { view, numbers })
}

/// Rows of a list snapshot, at most [`ROWS_MAX`]. Needs the same permissions as opening it.
///
/// # Errors
/// `ListingGone`, `Forbidden`, `Unavailable`.
pub async fn rows(core: &Core, actor: &Actor, listing: &str, offset: usize, limit: usize) -> Result<Vec<ListedRow<KeyRow>>, Fault> {
    part(core, &*find(core, actor, listing)?, offset, limit).await
}

/// The ids of a list snapshot's rows, at most 1,000, including rows that were deleted since. Needs the same permissions as opening it.
///
/// # Errors
/// `ListingGone`, `Forbidden`, `Unavailable`.
pub async fn ids(core: &Core, actor: &Actor, listing: &str, offset: usize, limit: usize) -> Result<Vec<ItemId>, Fault> {
    let listing = find(core, actor, listing)?;
    let ids =
        store::keys::lists::ids_of(&core.store, listing.view.organization, &listing.view.kinds, slice(&listing, offset, limit.min(MAX_IDS))).await?;
    ids.iter().map(|id| id.parse().map_err(|_| Fault::Internal)).collect()
}

/// At most [`ROWS_MAX`] rows of a list, each with its index; without the row's data if it was deleted since.
pub async fn part(core: &Core, listing: &Listing, offset: usize, limit: usize) -> Result<Vec<ListedRow<KeyRow>>, Fault> {
    let numbers = slice(listing, offset, limit.min(ROWS_MAX));
    let mut found = read(core, listing, numbers).await?;
    Ok(numbers.iter().enumerate().map(|(index, number)| ListedRow { index: offset + index, row: found.remove(number) }).collect())
}

async fn read(core: &Core, listing: &Listing, numbers: &[i64]) -> Result<HashMap<i64, KeyRow>, Fault> {
    if listing.view.kinds.iter().any(|kind| matches!(kind, Kind::Credential(_))) {
        return credentials::find_many(core, listing.view.organization, numbers).await;
    }
    let records = store::keys::find_many(&core.store, listing.view.organization, numbers).await?;
    records.iter().map(|record| Ok((record.number, keys::row(core, record)?))).collect()
}

fn slice(listing: &Listing, offset: usize, limit: usize) -> &[i64] {
    let end = offset.saturating_add(limit).min(listing.numbers.len());
    listing.numbers.get(offset..end).unwrap_or_default()
}

/// The list snapshot with this name, if the actor may still see everything that it was opened with.
///
/// # Errors
/// `ListingGone`, `Forbidden`.
pub fn find(core: &Core, actor: &Actor, name: &str) -> Result<Arc<Listing>, Fault> {
    let of_one_kind = POLICIES.iter().map(|policy| Kinds::One(policy.kind));
    let mut views = of_one_kind.chain([Kinds::Inbound, Kinds::Outbound]).filter_map(|kinds| view(actor, kinds).ok()).peekable();
    if views.peek().is_none() {
        return Err(Fault::forbidden(Permission::ViewKeys));
    }
    views.find_map(|view| core.listings.find(name, &view)).ok_or(Fault::ListingGone)
}
