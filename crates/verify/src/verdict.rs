//! The result of a verification.

use std::{
    iter::zip,
    sync::{Arc, LazyLock},
};

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Code, KnownKey,
    limiter::{Rate, Rates, Standing},
};
use latchkey_types::{
    id::{KeyId, ProjectId, RequestId},
    key_kind::KeyKind,
    limits::RateLimit,
    time::Timestamp,
};

/// The result of evaluating a key.
pub struct Judgement {
    pub code: Code,
    pub request_id: RequestId,
    /// Credits left; `None` if unknown or the key has no credit limit.
    pub credits: Option<i64>,
    /// Next refill of the credits, if there is one and it is known.
    pub refills_at: Option<Timestamp>,
    rates: Rates,
    key: Option<Arc<KnownKey>>,
}

impl Judgement {
    /// Drops the key if the code is [`Code::NotFound`], so that nothing about it is exposed.
    pub(super) fn new(code: Code, key: Option<Arc<KnownKey>>, remaining: Standing) -> Self {
        let (Standing { rates, credits, refills_at }, key) = (remaining, key.filter(|_| code != Code::NotFound));
        Self { code, request_id: RequestId::unordered(), rates, credits, refills_at, key }
    }

    /// `None` if the code is [`Code::NotFound`].
    pub fn key(&self) -> Option<&KnownKey> {
        self.key.as_deref()
    }

    /// The key's rate limits with their state; empty if the limits were not evaluated.
    pub fn rates(&self) -> impl Iterator<Item = (&RateLimit, &Rate)> {
        let limits = self.key().and_then(|key| key.limits.as_ref());
        zip(limits.map(|limits| &*limits.rates).unwrap_or_default(), &self.rates)
    }

    pub fn is_valid(&self) -> bool {
        self.code == Code::Valid
    }

    /// The JSON body of the API response. All key fields are null if the code is [`Code::NotFound`].
    pub fn json(&self) -> String {
        static NO_KEY: LazyLock<Box<str>> = LazyLock::new(|| KeyFields::default().members());
        let key_fields = self.key().map_or(&**NO_KEY, |key| key.told.get_or_init(|| KeyFields::of(key).members()));
        let (valid, code, id) = (if self.is_valid() { "true" } else { "false" }, self.code.word(), self.request_id.text());
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
    fn of(key: &'a KnownKey) -> Self {
        let project = key.of_project.as_ref();
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
    use crate::evaluate::tests::known_client;

    #[test]
    fn a_verdict_is_json_and_not_found_has_no_key_fields() {
        let key = Arc::new(known_client("a \"name\"\n"));
        for code in Code::ALL {
            let verdict = Judgement::new(code, Some(Arc::clone(&key)), Standing::default());
            // Serialized first, then from the cache.
            for _ in 0..2 {
                let body: Value = serde_json::from_str(&verdict.json()).unwrap();
                assert_eq!((&body["valid"], &body["code"]), (&json!(code == Code::Valid), &json!(code.word())));
                assert_eq!(body["request_id"], json!(verdict.request_id));
                assert_eq!(body["name"], if code == Code::NotFound { Value::Null } else { json!("a \"name\"\n") });
                assert_eq!(body.as_object().unwrap().len(), 14);
            }
        }
    }
}
