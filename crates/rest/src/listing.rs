//! Paginated lists: query, cursor and page.

use std::sync::Arc;

use axum::{
    extract::{Query, rejection::QueryRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use latchkey_core::{
    actor::Actor,
    key_lists::{self, KindSelection},
};
use latchkey_http::{AppState, problem::Problem};
use latchkey_types::{
    error::Error,
    key::KeyRow,
    key_kind::{Kind, Status},
    listing::{KeyQuery, ROWS_MAX, SortBy},
};

const LIMIT_DEFAULT: usize = 50;

/// Query parameters of a list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// The kind to list; by default every kind of this list that the caller may see.
    kind: Option<String>,
    /// Text that the name contains, ignoring case.
    #[serde(default)]
    q: String,
    status: Option<String>,
    /// Only items that expire within 14 days.
    #[serde(default)]
    expiring: bool,
    external_id: Option<String>,
    scope: Option<String>,
    /// The field to sort by; prefix it with `-` for descending order.
    sort: Option<String>,
    /// The maximum number of items per page; 50 by default.
    limit: Option<usize>,
    /// The `next_cursor` of the previous page. Order and filters are then those of the first page.
    cursor: Option<String>,
}

impl ListQuery {
    /// # Errors
    /// `Invalid` at `kind` for an unknown kind.
    pub(crate) fn kind(&self) -> Result<Option<Kind>, Error> {
        self.kind.as_deref().map(str::parse).transpose().map_err(|_| Error::invalid("kind", "Unknown kind."))
    }

    fn query(&self) -> Result<KeyQuery, Error> {
        let status = self.status.as_deref().map(str::parse::<Status>).transpose();
        let sort = self.sort.as_deref().map(str::parse::<SortBy>).transpose();
        let must_be = |field, values: &str| Error::invalid(field, format!("Must be {values}."));
        Ok(KeyQuery {
            kind: None,
            search: self.q.clone(),
            status: status.map_err(|_| must_be("status", "active, disabled, expired or revoked"))?,
            expiring: self.expiring,
            external_id: self.external_id.clone(),
            scope: self.scope.clone(),
            sort: sort
                .map_err(|_| must_be("sort", "name, created_at, last_used_at or expires_at, optionally prefixed with - for descending order"))?
                .unwrap_or_default(),
        })
    }

    fn limit(&self) -> Result<usize, Error> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if (1..=ROWS_MAX).contains(&limit) { Ok(limit) } else { Err(Error::invalid("limit", format!("Must be 1 to {ROWS_MAX}."))) }
    }
}

/// # Errors
/// 400 `malformed`.
pub(crate) fn parse_query(query: Result<Query<ListQuery>, QueryRejection>) -> Result<ListQuery, Problem> {
    query.map(|Query(query)| query).map_err(|_| {
        let detail = "The query contains a repeated, unknown or invalid parameter.";
        Problem::new(StatusCode::BAD_REQUEST, "malformed", detail)
    })
}

/// A position in a list snapshot: the snapshot's id and the number of rows before it.
struct Cursor {
    listing: String,
    offset: usize,
}

impl Cursor {
    fn parse(text: &str) -> Result<Self, Error> {
        let parts = text.split_once('.').and_then(|(listing, offset)| Some((listing, offset.parse().ok()?)));
        let (listing, offset) = parts.ok_or_else(|| Error::invalid("cursor", "Invalid cursor. Use the next_cursor of a previous response."))?;
        Ok(Self { listing: listing.to_owned(), offset })
    }
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<Item> {
    items: Vec<Item>,
    /// The cursor of the next page; null on the last page.
    #[schema(required)]
    next_cursor: Option<String>,
    /// The number of items in the whole list.
    total: usize,
}

/// A page of the rows that the actor may see. The pages of one list contain each row once, even if rows change in the meantime.
///
/// # Errors
/// `Invalid` at the parameter, `ListingGone` for an expired cursor, `Forbidden`, `Unavailable`.
pub(crate) async fn page<Item: From<KeyRow>>(
    state: &AppState,
    actor: &Actor,
    query: &ListQuery,
    kinds: KindSelection,
) -> Result<Page<Item>, Problem> {
    let (key_query, limit) = (query.query()?, query.limit()?);
    let (listing, snapshot_id, offset) = match query.cursor.as_deref().map(Cursor::parse).transpose()? {
        Some(Cursor { listing, offset }) => {
            let found = key_lists::find(state, actor, &listing)?;
            if !kinds.contains_all(&found.view.kinds) {
                return Err(Error::invalid("cursor", "This cursor belongs to another list.").into());
            }
            (found, Some(listing), offset)
        }
        None => (Arc::new(key_lists::select(state, actor, kinds, &key_query).await?), None, 0),
    };
    let rows = key_lists::slice_rows(state, &listing, offset, limit).await?;
    let (after, total) = (offset.saturating_add(rows.len()), listing.numbers.len());
    // A list that fits on its first page needs no snapshot.
    let next_cursor =
        (after < total && !rows.is_empty()).then(|| format!("{}.{after}", snapshot_id.unwrap_or_else(|| state.list_snapshots.insert(listing))));
    Ok(Page { items: rows.into_iter().filter_map(|listed| listed.row).map(Item::from).collect(), next_cursor, total })
}
