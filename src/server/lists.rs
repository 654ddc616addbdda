//! The rules for lists: who may see which keys and credentials, and in which order they come.

use std::{collections::HashMap, sync::Arc};

use super::{
    actor::Actor,
    credentials, keys,
    listing::{Listing, View},
    state::AppState,
    store::{self, keys::lists::Selection},
};
use crate::model::{
    fault::Fault,
    key::{ItemId, KeyRow},
    listing::{KeyQuery, ListedRow, OpenedListing, ROWS_MAX},
    permission::Permission,
    policy::{Kind, POLICIES},
    text,
};

/// The most ids of one answer.
const IDS_MAX: usize = 1000;

/// Of which kinds a list is: one, or those on one side that the actor may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    /// This one.
    One(Kind),
    /// API keys.
    Inbound,
    /// Credentials.
    Outbound,
}

impl Kinds {
    /// One kind where one is named, else all on that side.
    pub fn or(kind: Option<Kind>, side: Self) -> Self {
        kind.map_or(side, Self::One)
    }

    /// Whether a list of these kinds is, or is a part of, one of them.
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

/// What the actor may see of these.
fn view(actor: &Actor, kinds: Kinds) -> Result<View, Fault> {
    let kinds = match kinds {
        Kinds::One(kind) => {
            actor.require(kind.policy().view)?;
            if !kind.policy().is_listed() {
                return Err(Fault::invalid("kind", "Keys of projects are listed by their project."));
            }
            vec![kind]
        }
        Kinds::Inbound => inbound(actor),
        Kinds::Outbound => seen(actor, |kind| matches!(kind, Kind::Credential(_))),
    };
    if kinds.is_empty() {
        return Err(Fault::forbidden(Permission::ViewKeys));
    }
    let personal_of = (!actor.sees_everybodys_keys()).then_some(actor.user);
    Ok(View { organization: actor.organization, user: actor.user, kinds, personal_of })
}

fn seen(actor: &Actor, which: fn(Kind) -> bool) -> Vec<Kind> {
    let listed = POLICIES.iter().filter(|policy| policy.is_listed());
    listed.filter(|policy| which(policy.kind) && actor.permissions.has(policy.view)).map(|policy| policy.kind).collect()
}

/// Every inbound kind that the actor may see, but those that stand on a page of their own: who may see one of these depends on more.
pub fn inbound(actor: &Actor) -> Vec<Kind> {
    seen(actor, |kind| matches!(kind, Kind::Key(_)))
}

/// Opens a list: notes what it holds and answers the first of it. Needs the kind's `view` permission.
///
/// # Errors
/// `Invalid` at `kind`, `q`, `external_id` or `scope`; `Forbidden`, `Unavailable`.
pub async fn open(state: &AppState, actor: &Actor, query: KeyQuery) -> Result<OpenedListing<KeyRow>, Fault> {
    let listing = Arc::new(select(state, actor, Kinds::or(query.kind, Kinds::Inbound), &query).await?);
    let rows = part(state, &listing, 0, ROWS_MAX).await?;
    let total = listing.numbers.len();
    Ok(OpenedListing { listing: state.listings.keep(listing), total, rows })
}

/// What a list holds now, in which order. Needs the kind's `view` permission.
///
/// # Errors
/// `Invalid` at `kind`, `q`, `external_id` or `scope`; `Forbidden`, `Unavailable`.
pub async fn select(state: &AppState, actor: &Actor, kinds: Kinds, query: &KeyQuery) -> Result<Listing, Fault> {
    let view = view(actor, kinds)?;
    // A credential has neither.
    let of_keys = |field, filter: &Option<String>| match filter.as_deref() {
        Some(_) if !kinds.is_inbound() => Err(Fault::invalid(field, "Keys of this kind have none.")),
        Some(word) => text::search(field, word).map(Some),
        None => Ok(None),
    };
    let (external_id, scope) = (of_keys("external_id", &query.external_id)?, of_keys("scope", &query.scope)?);
    let selection = Selection {
        organization: view.organization,
        kinds: &view.kinds,
        personal_of: view.personal_of,
        search: &text::search("q", &query.search)?,
        status: query.status,
        expiring: query.expiring,
        external_id: external_id.as_deref(),
        scope: scope.as_deref(),
        sort: query.sort,
    };
    let numbers = store::keys::lists::select_numbers(&state.store, &selection).await?.into_boxed_slice();
    Ok(Listing { view, numbers })
}

/// Rows of an opened list, at most [`ROWS_MAX`]. Needs what opening it needed.
///
/// # Errors
/// `ListingGone`, `Forbidden`, `Unavailable`.
pub async fn rows(state: &AppState, actor: &Actor, listing: &str, offset: usize, limit: usize) -> Result<Vec<ListedRow<KeyRow>>, Fault> {
    part(state, &*find(state, actor, listing)?, offset, limit).await
}

/// The ids of an opened list's rows, at most 1,000; also of those that were deleted since. Needs what opening it needed.
///
/// # Errors
/// `ListingGone`, `Forbidden`, `Unavailable`.
pub async fn ids(state: &AppState, actor: &Actor, listing: &str, offset: usize, limit: usize) -> Result<Vec<ItemId>, Fault> {
    let listing = find(state, actor, listing)?;
    let ids = store::keys::lists::ids_of(&state.store, listing.view.organization, &listing.view.kinds, within(&listing, offset, limit.min(IDS_MAX)))
        .await?;
    ids.iter().map(|id| id.parse().map_err(|_| Fault::Internal)).collect()
}

/// A part of a list, at most [`ROWS_MAX`] rows, each with its place; without its row where that was deleted since.
///
/// # Errors
/// `Unavailable`.
pub async fn part(state: &AppState, listing: &Listing, offset: usize, limit: usize) -> Result<Vec<ListedRow<KeyRow>>, Fault> {
    let wanted = within(listing, offset, limit.min(ROWS_MAX));
    let mut found = read(state, listing, wanted).await?;
    Ok(wanted.iter().enumerate().map(|(place, number)| ListedRow { index: offset + place, row: found.remove(number) }).collect())
}

async fn read(state: &AppState, listing: &Listing, numbers: &[i64]) -> Result<HashMap<i64, KeyRow>, Fault> {
    if listing.view.kinds.iter().any(|kind| matches!(kind, Kind::Credential(_))) {
        return credentials::find_many(state, listing.view.organization, numbers).await;
    }
    let records = store::keys::find_many(&state.store, listing.view.organization, numbers).await?;
    records.iter().map(|record| Ok((record.number, keys::row(state, record)?))).collect()
}

fn within(listing: &Listing, offset: usize, limit: usize) -> &[i64] {
    let end = offset.saturating_add(limit).min(listing.numbers.len());
    listing.numbers.get(offset..end).unwrap_or_default()
}

/// The opened list of this name, if what the actor may see is still what it was opened with.
///
/// # Errors
/// `ListingGone`, `Forbidden`.
pub fn find(state: &AppState, actor: &Actor, name: &str) -> Result<Arc<Listing>, Fault> {
    let of_one_kind = POLICIES.iter().map(|policy| Kinds::One(policy.kind));
    let mut views = of_one_kind.chain([Kinds::Inbound, Kinds::Outbound]).filter_map(|kinds| view(actor, kinds).ok()).peekable();
    if views.peek().is_none() {
        return Err(Fault::forbidden(Permission::ViewKeys));
    }
    views.find_map(|view| state.listings.find(name, &view)).ok_or(Fault::ListingGone)
}
