//! `/api/v1/keys`.

use axum::{
    Json as Answer,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{
    body::{self, Json, LargeJson},
    caller::Caller,
    listing::{self, ListQuery, Page},
    problem::Problem,
};
use crate::{
    model::{
        fault::Fault,
        id::{KeyId, UserId},
        key::{CreatedKey, EditedKey, Ends, ItemId, KeyRow, WantedKey},
        limits::{Credits, EditedCredits, RateLimit, WantedCredits},
        permission::Scope,
        policy::{KeyKind, Kind, Status},
        secret::RevealedSecret,
        time::Timestamp,
    },
    server::{
        keys::{self, Import},
        lists::Kinds,
        state::AppState,
    },
};

/// A key, as the API tells it.
#[derive(Serialize)]
pub struct KeyView {
    id: ItemId,
    kind: Kind,
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
    rate_limits: Vec<RateLimit>,
    credits: Option<Credits>,
    allowed_ips: Vec<String>,
    /// The secret that it had before, while that is still good.
    retiring: Option<RetiringView>,
}

#[derive(Serialize)]
struct RetiringView {
    until: String,
    uses: i64,
    last_used_at: Option<String>,
}

impl From<KeyRow> for KeyView {
    fn from(key: KeyRow) -> Self {
        Self {
            id: key.id,
            kind: key.kind,
            name: key.name,
            mask: key.mask,
            status: key.status,
            created_at: key.created_at.rfc3339(),
            created_by: key.creator,
            last_used_at: key.last_used_at.map(Timestamp::rfc3339),
            expires_at: key.expires_at.map(Timestamp::rfc3339),
            scopes: key.scopes,
            corpora: key.corpora.iter().map(|corpus| corpus.id).collect(),
            external_id: key.external_id,
            metadata: key.metadata.and_then(|json| serde_json::from_str(&json).ok()),
            rate_limits: key.limits.rate_limits,
            credits: key.limits.credits,
            allowed_ips: key.limits.allowed_ips,
            retiring: key.retiring.map(|old| RetiringView {
                until: old.until.rfc3339(),
                uses: old.uses,
                last_used_at: old.last_used_at.map(Timestamp::rfc3339),
            }),
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
    #[serde(default)]
    corpora: Vec<i64>,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
    #[serde(default)]
    rate_limits: Vec<RateLimit>,
    #[serde(default)]
    credits: Option<WantedCredits>,
    #[serde(default)]
    allowed_ips: Vec<String>,
}

impl CreateKey {
    fn wanted(self) -> Result<WantedKey, Fault> {
        let kind = self.kind.parse::<KeyKind>().map_err(|_| Fault::invalid("kind", "Keys of this kind can't be made here."))?;
        Ok(WantedKey {
            kind: Kind::Key(kind),
            name: self.name,
            ends: ends(self.duration_days),
            scopes: self.scopes,
            corpora: self.corpora,
            external_id: self.external_id,
            metadata: self.metadata.map(as_text),
            rate_limits: self.rate_limits,
            credits: self.credits,
            allowed_ips: self.allowed_ips,
        })
    }
}

fn ends(duration_days: Option<i64>) -> Ends {
    duration_days.map_or(Ends::Usual, Ends::Days)
}

fn as_text(metadata: Map<String, Value>) -> String {
    Value::Object(metadata).to_string()
}

/// A key and its secret.
#[derive(Serialize)]
struct WithSecret {
    key: KeyView,
    secret: RevealedSecret,
}

/// The answer that shows a secret, this once.
fn with_secret(status: StatusCode, created: CreatedKey) -> Result<Response, Problem> {
    let place = HeaderValue::from_str(&format!("/api/v1/keys/{}", created.key.id)).map_err(|_| Fault::Internal)?;
    let body = WithSecret { key: created.key.into(), secret: created.secret };
    Ok((status, [(header::LOCATION, place), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Answer(body)).into_response())
}

/// Makes a key. Needs the scope `keys:write` and *Manage API Keys*. Answers 201 with the secret, this once.
pub async fn create(State(state): State<AppState>, caller: Caller, Json(call): Json<CreateKey>) -> Result<Response, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    with_secret(StatusCode::CREATED, keys::create(&state, &actor, call.wanted()?).await?)
}

/// Lists keys. Needs the scope `keys:read` and *View Keys*.
pub async fn list(
    State(state): State<AppState>,
    caller: Caller,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Answer<Page<KeyView>>, Problem> {
    let actor = caller.with_scope(Scope::KeysRead)?;
    let query = listing::readable(query)?;
    let kind = query.kind()?;
    if matches!(kind, Some(Kind::Credential(_))) {
        return Err(Fault::invalid("kind", "These are credentials: list them at /api/v1/credentials.").into());
    }
    Ok(Answer(listing::page(&state, &actor, &query, Kinds::or(kind, Kinds::Inbound)).await?))
}

/// One key. Needs the scope `keys:read` and *View Keys*.
pub async fn get(State(state): State<AppState>, caller: Caller, Path(id): Path<String>) -> Result<Answer<KeyView>, Problem> {
    let actor = caller.with_scope(Scope::KeysRead)?;
    Ok(Answer(keys::get(&state, &actor, key_id(&id)?).await?.into()))
}

/// What to change. A field that is null is emptied; one that is not named stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "null empties a field, which is not the same as leaving it out")]
pub struct EditKey {
    #[serde(default)]
    name: Option<String>,
    #[serde(default, deserialize_with = "named")]
    duration_days: Option<Option<i64>>,
    #[serde(default)]
    scopes: Option<Vec<String>>,
    #[serde(default, deserialize_with = "named")]
    external_id: Option<Option<String>>,
    #[serde(default, deserialize_with = "named")]
    metadata: Option<Option<Map<String, Value>>>,
    #[serde(default)]
    rate_limits: Option<Vec<RateLimit>>,
    #[serde(default, deserialize_with = "named")]
    credits: Option<Option<WantedCredits>>,
    #[serde(default)]
    allowed_ips: Option<Vec<String>>,
}

/// Tells a field that is null from one that is not there.
fn named<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl From<EditKey> for EditedKey {
    fn from(call: EditKey) -> Self {
        Self {
            name: call.name,
            ends: call.duration_days.map(ends),
            scopes: call.scopes,
            external_id: call.external_id.map(Option::unwrap_or_default),
            metadata: call.metadata.map(|metadata| metadata.map(as_text).unwrap_or_default()),
            rate_limits: call.rate_limits,
            credits: call.credits.map(|credits| credits.map_or(EditedCredits::Unlimited, EditedCredits::Set)),
            allowed_ips: call.allowed_ips,
        }
    }
}

/// Changes a key, as far as its kind lets one. Needs the scope `keys:write` and *Manage API Keys*.
pub async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Json(call): Json<EditKey>,
) -> Result<Answer<KeyView>, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    Ok(Answer(keys::edit(&state, &actor, key_id(&id)?, call.into()).await?.into()))
}

/// Deletes a key for good. Needs the scope `keys:write` and *Manage API Keys*. Answers 204.
pub async fn delete(State(state): State<AppState>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    keys::delete(&state, &actor, key_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts a key to rest. Needs the scope `keys:write` and *Manage API Keys*.
pub async fn disable(State(state): State<AppState>, caller: Caller, Path(id): Path<String>) -> Result<Answer<KeyView>, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    Ok(Answer(keys::set_disabled(&state, &actor, key_id(&id)?, true).await?.into()))
}

/// Wakes a key. Needs the scope `keys:write` and *Manage API Keys*.
pub async fn enable(State(state): State<AppState>, caller: Caller, Path(id): Path<String>) -> Result<Answer<KeyView>, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    Ok(Answer(keys::set_disabled(&state, &actor, key_id(&id)?, false).await?.into()))
}

/// How to rotate.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    grace_seconds: i64,
}

/// Gives a key another secret; the one before stays good for the grace. Needs the scope `keys:write` and *Manage API Keys*. Answers 200
/// with the new secret, this once.
pub async fn rotate(State(state): State<AppState>, caller: Caller, Path(id): Path<String>, Json(call): Json<RotateKey>) -> Result<Response, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    with_secret(StatusCode::OK, keys::rotate(&state, &actor, key_id(&id)?, call.grace_seconds).await?)
}

/// A key that was made elsewhere.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportKey {
    sha256: String,
    name: String,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    duration_days: Option<i64>,
    #[serde(default)]
    scopes: Option<Vec<String>>,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
    #[serde(default)]
    rate_limits: Vec<RateLimit>,
    #[serde(default)]
    credits: Option<WantedCredits>,
    #[serde(default)]
    allowed_ips: Vec<String>,
}

impl ImportKey {
    fn import(self) -> Result<Import, Fault> {
        let kind = Kind::Key(KeyKind::Client);
        if self.kind.is_some_and(|word| word.parse() != Ok(kind)) {
            return Err(Fault::invalid("kind", "Only client keys can be imported."));
        }
        let wanted = WantedKey {
            kind,
            name: self.name,
            ends: ends(self.duration_days),
            scopes: self.scopes,
            corpora: Vec::new(),
            external_id: self.external_id,
            metadata: self.metadata.map(as_text),
            rate_limits: self.rate_limits,
            credits: self.credits,
            allowed_ips: self.allowed_ips,
        };
        Ok(Import { sha256: self.sha256, wanted })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportKeys {
    keys: Vec<ImportKey>,
}

#[derive(Serialize)]
struct Imported {
    items: Vec<KeyView>,
}

#[derive(Serialize)]
struct ImportedOne {
    key: KeyView,
}

/// Takes over client keys by their SHA-256: one, or all in `keys` or none of them. Needs the scope `keys:write` and *Manage API Keys*.
/// Answers 201.
pub async fn import(State(state): State<AppState>, caller: Caller, LargeJson(call): LargeJson<Value>) -> Result<Response, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    if call.get("keys").is_none() {
        let import = body::from_value::<ImportKey>(call)?.import()?;
        let imported = keys::import(&state, &actor, vec![import]).await.map_err(Fault::outside)?;
        let key = imported.into_iter().next().ok_or(Fault::Internal)?.into();
        return Ok((StatusCode::CREATED, Answer(ImportedOne { key })).into_response());
    }
    let calls = body::from_value::<ImportKeys>(call)?.keys;
    let imports = calls.into_iter().enumerate().map(|(at, call)| call.import().map_err(|fault| fault.inside("keys", at)));
    let imported = keys::import(&state, &actor, imports.collect::<Result<_, _>>()?).await?;
    Ok((StatusCode::CREATED, Answer(Imported { items: imported.into_iter().map(Into::into).collect() })).into_response())
}

/// What is no id is unknown like any other.
fn key_id(text: &str) -> Result<KeyId, Fault> {
    text.parse().map_err(|_| Fault::NotFound)
}
