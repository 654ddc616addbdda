//! Pages of lists: the query, the cursor, the answer.

use std::sync::Arc;

use axum::{
    extract::{Query, rejection::QueryRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::Problem;
use crate::{
    model::{
        fault::Fault,
        key::KeyRow,
        listing::{KeyQuery, ROWS_MAX, SortBy},
        policy::{Kind, Status},
    },
    server::{
        actor::Actor,
        lists::{self, Kinds},
        state::AppState,
    },
};

const LIMIT_DEFAULT: usize = 50;

/// What to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// One kind; if not given, every kind that this list has and the caller may see.
    kind: Option<String>,
    /// In the name, whatever the case.
    #[serde(default)]
    q: String,
    status: Option<String>,
    /// Whether only those that end within 14 days.
    #[serde(default)]
    expiring: bool,
    external_id: Option<String>,
    scope: Option<String>,
    /// By what; `-` before it for descending.
    sort: Option<String>,
    /// The most of one page; 50 if not given.
    limit: Option<usize>,
    /// The `next_cursor` of the page before. The order and the filters are those of its list.
    cursor: Option<String>,
}

impl ListQuery {
    /// The kind that is asked for.
    ///
    /// # Errors
    /// `Invalid` at `kind` for a word that is none of ours.
    pub fn kind(&self) -> Result<Option<Kind>, Fault> {
        self.kind.as_deref().map(str::parse).transpose().map_err(|_| Fault::invalid("kind", "There is no such kind."))
    }

    fn query(&self) -> Result<KeyQuery, Fault> {
        let status = self.status.as_deref().map(str::parse::<Status>).transpose();
        let sort = self.sort.as_deref().map(str::parse::<SortBy>).transpose();
        let use_one_of = |field, words: &str| Fault::invalid(field, format!("Use {words}."));
        Ok(KeyQuery {
            kind: None,
            search: self.q.clone(),
            status: status.map_err(|_| use_one_of("status", "active, disabled, expired or revoked"))?,
            expiring: self.expiring,
            external_id: self.external_id.clone(),
            scope: self.scope.clone(),
            sort: sort
                .map_err(|_| use_one_of("sort", "name, created_at, last_used_at or expires_at, with - before it for descending"))?
                .unwrap_or_default(),
        })
    }

    fn limit(&self) -> Result<usize, Fault> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if (1..=ROWS_MAX).contains(&limit) { Ok(limit) } else { Err(Fault::invalid("limit", format!("This takes 1 to {ROWS_MAX}."))) }
    }
}

/// The query, if it can be read.
///
/// # Errors
/// 400 `malformed`.
pub fn readable(query: Result<Query<ListQuery>, QueryRejection>) -> Result<ListQuery, Problem> {
    query.map(|Query(query)| query).map_err(|_| {
        let detail = "The query names a value twice, one of the wrong type, or one that this call does not know.";
        Problem::new(StatusCode::BAD_REQUEST, "malformed", detail)
    })
}

/// A place in an opened list: its name and how many rows lie before.
struct Cursor {
    listing: String,
    offset: usize,
}

impl Cursor {
    fn parse(text: &str) -> Result<Self, Fault> {
        let parts = text.split_once('.').and_then(|(listing, offset)| Some((listing, offset.parse().ok()?)));
        let (listing, offset) = parts.ok_or_else(|| Fault::invalid("cursor", "This is no cursor that we gave."))?;
        Ok(Self { listing: listing.to_owned(), offset })
    }
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub struct Page<Item> {
    items: Vec<Item>,
    /// For the page after this one; null on the last.
    #[schema(required)]
    next_cursor: Option<String>,
    /// How many the list holds.
    total: usize,
}

/// A page of what the actor may see. Pages of one list hold each row once, however rows change meanwhile.
///
/// # Errors
/// `Invalid` at the value that is meant, `ListingGone`, `Forbidden`, `Unavailable`.
pub async fn page<Item: From<KeyRow>>(state: &AppState, actor: &Actor, query: &ListQuery, kinds: Kinds) -> Result<Page<Item>, Problem> {
    let (asked, limit) = (query.query()?, query.limit()?);
    let (listing, kept_as, offset) = match query.cursor.as_deref().map(Cursor::parse).transpose()? {
        Some(Cursor { listing, offset }) => {
            let found = lists::find(state, actor, &listing)?;
            if !kinds.hold(&found.view.kinds) {
                return Err(Fault::invalid("cursor", "This is a cursor of another list.").into());
            }
            (found, Some(listing), offset)
        }
        None => (Arc::new(lists::select(state, actor, kinds, &asked).await?), None, 0),
    };
    let rows = lists::part(state, &listing, offset, limit).await?;
    let (after, total) = (offset.saturating_add(rows.len()), listing.numbers.len());
    // A list that fits its first page need not be kept.
    let next_cursor = (after < total && !rows.is_empty()).then(|| format!("{}.{after}", kept_as.unwrap_or_else(|| state.listings.keep(listing))));
    Ok(Page { items: rows.into_iter().filter_map(|listed| listed.row).map(Item::from).collect(), next_cursor, total })
}
