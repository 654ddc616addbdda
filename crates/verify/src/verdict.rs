//! The result of a verification.

use std::{
    iter::zip,
    sync::{Arc, LazyLock},
};

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    CachedKey, VerdictCode,
    limiter::{RateLimitState, RateLimitStates, Remaining},
};
use latchkey_types::{
    id::{KeyId, ProjectId, RequestId},
    key_kind::KeyKind,
    limits::RateLimit,
    time::Timestamp,
};

/// The result of evaluating a key.
pub struct Verdict {
    pub code: VerdictCode,
    pub request_id: RequestId,
    /// Credits left; `None` if unknown or the key has no credit limit.
    pub credits: Option<i64>,
    /// Next refill of the credits, if there is one and it is known.
    pub refills_at: Option<Timestamp>,
    rates: RateLimitStates,
    key: Option<Arc<CachedKey>>,
}

impl Verdict {
    /// Drops the key if the code is [`VerdictCode::NotFound`], so that nothing about it is exposed.
    pub(super) fn new(code: VerdictCode, key: Option<Arc<CachedKey>>, remaining: Remaining) -> Self {
        let (Remaining { rates, credits, refills_at }, key) = (remaining, key.filter(|_| code != VerdictCode::NotFound));
        Self { code, request_id: RequestId::unordered(), rates, credits, refills_at, key }
    }

    /// `None` if the code is [`VerdictCode::NotFound`].
    pub fn key(&self) -> Option<&CachedKey> {
        self.key.as_deref()
    }

    /// The key's rate limits with their state; empty if the limits were not evaluated.
    pub fn rates(&self) -> impl Iterator<Item = (&RateLimit, &RateLimitState)> {
        let limits = self.key().and_then(|key| key.limits.as_ref());
        zip(limits.map(|limits| &*limits.rates).unwrap_or_default(), &self.rates)
    }

    pub fn is_valid(&self) -> bool {
        self.code == VerdictCode::Valid
    }

    /// The JSON body of the API response. All key fields are null if the code is [`VerdictCode::NotFound`].
    pub fn json(&self) -> String {
        static NO_KEY: LazyLock<Box<str>> = LazyLock::new(|| KeyFields::default().members());
        let key_fields = self.key().map_or(&**NO_KEY, |key| key.verdict_json.get_or_init(|| KeyFields::of(key).members()));
        let (valid, code, id) = (if self.is_valid() { "true" } else { "false" }, self.code.as_str(), self.request_id.text());
        ["{\"valid\":", valid, ",\"code\":\"", code, "\",", key_fields, ",\"request_id\":\"", &id, "\"}"].concat()
    }
}

/// The key's part of a verdict. It changes only with the key, so it is serialized once per cached key.
#[derive(Default, Serialize)]
struct KeyFields<'a> {
    key_id: Option<KeyId>,
    name: Option<&'a str>,
    kind: Option<KeyKind>,
    customer_id: Option<i64>,
    external_id: Option<&'a str>,
    metadata: Option<&'a RawValue>,
    scopes: Option<&'a [String]>,
    corpora: Option<&'a [i64]>,
    project_id: Option<ProjectId>,
    role: Option<&'a str>,
    /// RFC 3339.
    expires_at: Option<String>,
}

impl<'a> KeyFields<'a> {
    fn of(key: &'a CachedKey) -> Self {
        let project = key.project_grant.as_ref();
        Self {
            key_id: Some(key.id),
            name: Some(&key.name),
            kind: Some(key.kind),
            customer_id: Some(key.customer_id),
            external_id: key.external_id.as_deref(),
            metadata: key.metadata.as_deref(),
            scopes: Some(&key.scopes),
            corpora: Some(&key.corpora),
            project_id: project.map(|access| access.project),
            role: project.and_then(|access| access.role.as_deref()),
            expires_at: key.lifecycle.expires_at.map(Timestamp::rfc3339),
        }
    }

    /// The members of the JSON object, without the braces.
    fn members(&self) -> Box<str> {
        let json = serde_json::to_string(self).expect("strings and numbers serialize to JSON");
        json[1..json.len() - 1].into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::evaluate::tests::client_key;

    #[test]
    fn a_verdict_is_json_and_not_found_has_no_key_fields() {
        let key = Arc::new(client_key("a \"name\"\n"));
        for code in VerdictCode::ALL {
            let verdict = Verdict::new(code, Some(Arc::clone(&key)), Remaining::default());
            // Serialized first, then from the cache.
            for _ in 0..2 {
                let body: Value = serde_json::from_str(&verdict.json()).unwrap();
                assert_eq!((&body["valid"], &body["code"]), (&json!(code == VerdictCode::Valid), &json!(code.as_str())));
                assert_eq!(body["request_id"], json!(verdict.request_id));
                assert_eq!(body["name"], if code == VerdictCode::NotFound { Value::Null } else { json!("a \"name\"\n") });
                assert_eq!(body.as_object().unwrap().len(), 14);
            }
        }
    }
}
