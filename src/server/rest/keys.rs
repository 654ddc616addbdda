//! `/api/v1/keys`.

use std::sync::Arc;

use axum::{
    Json as Answer,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{body::Json, caller::Caller, problem::Problem};
use crate::{
    model::{
        fault::Fault,
        id::{KeyId, UserId},
        listing::{KeyQuery, ROWS_MAX, SortBy},
        permission::Scope,
        policy::{KeyKind, Status},
        secret::RevealedSecret,
        time::Timestamp,
    },
    server::{
        keys::{self, KeyDetails, NewKey},
        state::AppState,
    },
};

/// The kinds that can be made here.
const MADE_HERE: &[KeyKind] = &[KeyKind::Agent];
const LIMIT_DEFAULT: usize = 50;

/// A key, as the API tells it.
#[derive(Serialize)]
pub struct KeyView {
    id: KeyId,
    kind: KeyKind,
    name: String,
    mask: String,
    status: Status,
    created_at: String,
    created_by: UserId,
    last_used_at: Option<String>,
    expires_at: Option<String>,
    scopes: Vec<String>,
    corpora: Vec<i64>,
    external_id: Option<String>,
    metadata: Option<Value>,
}

impl From<KeyDetails> for KeyView {
    fn from(key: KeyDetails) -> Self {
        Self {
            id: key.id,
            kind: key.kind,
            name: key.row.name,
            mask: key.row.mask,
            status: key.row.status,
            created_at: key.row.created_at.rfc3339(),
            created_by: key.created_by,
            last_used_at: key.row.last_used_at.map(Timestamp::rfc3339),
            expires_at: key.row.expires_at.map(Timestamp::rfc3339),
            scopes: key.scopes,
            corpora: Vec::new(),
            external_id: None,
            metadata: None,
        }
    }
}

/// What to make.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    kind: String,
    name: String,
    #[serde(default)]
    duration_days: Option<i64>,
    #[serde(default)]
    scopes: Option<Vec<String>>,
}

/// A key and its secret.
#[derive(Serialize)]
struct Created {
    key: KeyView,
    secret: RevealedSecret,
}

/// Makes a key. Needs the scope `keys:write` and *Manage API Keys*. Answers 201 with the secret, this once.
pub async fn create(State(state): State<AppState>, caller: Caller, Json(call): Json<CreateKey>) -> Result<Response, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    let kind = call.kind.parse::<KeyKind>().ok().filter(|kind| MADE_HERE.contains(kind));
    let kind = kind.ok_or_else(|| Fault::invalid("kind", "Keys of this kind can't be made here."))?;
    let new = NewKey { kind, name: call.name, duration_days: call.duration_days, scopes: call.scopes };
    let (key, secret) = keys::create(&state, &actor, new).await?;
    let place = HeaderValue::from_str(&format!("/api/v1/keys/{}", key.id)).map_err(|_| Fault::Internal)?;
    let body = Created { key: key.into(), secret };
    Ok((StatusCode::CREATED, [(header::LOCATION, place), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Answer(body))
        .into_response())
}

/// Which keys to list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListKeys {
    kind: Option<String>,
    #[serde(default)]
    q: String,
    status: Option<String>,
    sort: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

impl ListKeys {
    fn query(&self) -> Result<KeyQuery, Fault> {
        let parse_error = |field: &'static str, takes: &'static str| move |_| Fault::invalid(field, format!("This takes {takes}."));
        let kind = self.kind.as_deref().map(str::parse).transpose();
        let status = self.status.as_deref().map(str::parse).transpose();
        let sort = self.sort.as_deref().map(str::parse::<SortBy>).transpose();
        Ok(KeyQuery {
            expiring: false,
            external_id: None,
            scope: None,
            kind: kind.map_err(parse_error("kind", "platform, client, corpus, agent or project"))?,
            search: self.q.clone(),
            status: status.map_err(parse_error("status", "active, disabled, expired or revoked"))?,
            sort: sort
                .map_err(parse_error("sort", "name, created_at, last_used_at or expires_at, with - before it for descending"))?
                .unwrap_or_default(),
        })
    }

    fn limit(&self) -> Result<usize, Fault> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if (1..=ROWS_MAX).contains(&limit) { Ok(limit) } else { Err(Fault::invalid("limit", format!("This takes 1 to {ROWS_MAX}."))) }
    }
}

/// A place in an opened list: its name and how many keys lie before.
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
#[derive(Serialize)]
pub struct KeyPage {
    items: Vec<KeyView>,
    next_cursor: Option<String>,
    total: usize,
}

/// Lists keys. Needs the scope `keys:read` and *View Keys*. Pages of one list hold each key once, however keys change meanwhile.
pub async fn list(State(state): State<AppState>, caller: Caller, query: Result<Query<ListKeys>, QueryRejection>) -> Result<Answer<KeyPage>, Problem> {
    let actor = caller.with_scope(Scope::KeysRead)?;
    let Query(list) = query.map_err(|_| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed",
            "The query names a value twice, one of the wrong type, or one that this call does not know.",
        )
    })?;
    let (query, limit) = (list.query()?, list.limit()?);
    let (listing, kept_as, offset) = match list.cursor.as_deref().map(Cursor::parse).transpose()? {
        Some(Cursor { listing, offset }) => (keys::find_listing(&state, &actor, &listing)?, Some(listing), offset),
        None => (Arc::new(keys::select(&state, &actor, &query).await?), None, 0),
    };
    let rows = keys::details(&state, &listing, offset, limit).await?;
    let (after, total) = (offset.saturating_add(rows.len()), listing.numbers.len());
    // A list that fits its first page need not be kept.
    let next_cursor = (after < total && !rows.is_empty()).then(|| format!("{}.{after}", kept_as.unwrap_or_else(|| state.listings.keep(listing))));
    let items = rows.into_iter().filter_map(|(_, key)| key).map(KeyView::from).collect();
    Ok(Answer(KeyPage { items, next_cursor, total }))
}

/// One key. Needs the scope `keys:read` and *View Keys*.
pub async fn get(State(state): State<AppState>, caller: Caller, Path(id): Path<String>) -> Result<Answer<KeyView>, Problem> {
    let actor = caller.with_scope(Scope::KeysRead)?;
    Ok(Answer(keys::get(&state, &actor, key_id(&id)?).await?.into()))
}

/// What to change.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditKey {
    name: String,
}

/// Changes a key. Needs the scope `keys:write` and *Manage API Keys*.
pub async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Json(call): Json<EditKey>,
) -> Result<Answer<KeyView>, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    Ok(Answer(keys::rename(&state, &actor, key_id(&id)?, &call.name).await?.into()))
}

/// Deletes a key for good. Needs the scope `keys:write` and *Manage API Keys*. Answers 204.
pub async fn delete(State(state): State<AppState>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    keys::delete(&state, &actor, key_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is no id is unknown like any other.
fn key_id(text: &str) -> Result<KeyId, Fault> {
    text.parse().map_err(|_| Fault::NotFound)
}
