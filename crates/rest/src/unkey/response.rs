//! Verdicts in Unkey's response format.

use serde::Serialize;
use serde_json::value::RawValue;

use super::rejection::Meta;
use latchkey_types::{id::KeyId, limits::RateLimit, time::Timestamp};
use latchkey_verify::{CachedKey, RateLimitState, Verdict, VerdictCode};

/// Unkey's response for valid and invalid keys.
#[derive(Serialize)]
pub(super) struct VerifyKeyResponse<'a> {
    meta: Meta,
    data: Data<'a>,
}

/// Empty fields are omitted, as in Unkey's responses.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    valid: bool,
    code: VerdictCode,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    key: Option<KeyFields<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credits: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ratelimits: Vec<Ratelimit<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyFields<'a> {
    key_id: KeyId,
    name: &'a str,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    permissions: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<Identity<'a>>,
}

/// The owner of a key. Latchkey has no identities, so the external id is both of Unkey's ids.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    id: &'a str,
    external_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ratelimit<'a> {
    exceeded: bool,
    id: String,
    name: &'a str,
    limit: i64,
    duration: i64,
    /// Unix milliseconds at which the window ends, as Unkey's server returns it.
    reset: i64,
    remaining: i64,
    auto_apply: bool,
}

impl<'a> VerifyKeyResponse<'a> {
    pub(super) fn new(verdict: &'a Verdict, now: Timestamp) -> Self {
        let key = verdict.key();
        let is_limited = verdict.code == VerdictCode::RateLimited;
        let ratelimits = key.map(|key| verdict.rates().map(|(limit, rate)| ratelimit(limit, rate, key.id, is_limited, now)).collect());
        let data = Data {
            valid: verdict.is_valid(),
            code: verdict.code,
            key: key.map(key_fields),
            credits: verdict.credits,
            ratelimits: ratelimits.unwrap_or_default(),
        };
        Self { meta: Meta { request_id: verdict.request_id }, data }
    }
}

fn key_fields(key: &CachedKey) -> KeyFields<'_> {
    KeyFields {
        key_id: key.id,
        name: &key.name,
        enabled: key.lifecycle().disabled_at.is_none(),
        meta: key.metadata(),
        expires: key.lifecycle().expires_at,
        permissions: key.scopes(),
        roles: key.project_grant().and_then(|project| project.role.as_deref()).map(|role| [role]),
        identity: key.external_id().map(|id| Identity { id, external_id: id }),
    }
}

fn ratelimit<'a>(limit: &'a RateLimit, rate: &RateLimitState, key: KeyId, is_limited: bool, now: Timestamp) -> Ratelimit<'a> {
    Ratelimit {
        exceeded: is_limited && rate.remaining == 0,
        id: format!("{key}:{}", limit.name),
        name: &limit.name,
        limit: limit.limit,
        duration: limit.duration_ms,
        reset: now.plus_ms(rate.reset_ms).0,
        remaining: rate.remaining,
        auto_apply: true,
    }
}
