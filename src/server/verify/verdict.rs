//! What is answered.

use std::{
    iter::zip,
    sync::{Arc, LazyLock},
};

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Code, KnownKey,
    live::{Rate, Rates, Standing},
};
use crate::model::{
    id::{KeyId, ProjectId, RequestId},
    limits::RateLimit,
    policy::KeyKind,
    time::Timestamp,
};

/// How a key was judged.
pub struct Judgement {
    /// Why it may go on, or why not.
    pub code: Code,
    /// The name of this call.
    pub request_id: RequestId,
    /// How many credits are left, where that is known and it has any.
    pub credits: Option<i64>,
    /// When the credits are filled up again, where they are and that is known.
    pub refills_at: Option<Timestamp>,
    rates: Rates,
    key: Option<Arc<KnownKey>>,
}

impl Judgement {
    /// A key that is not known here is nobody's, whatever it is elsewhere.
    pub(super) fn new(code: Code, key: Option<Arc<KnownKey>>, standing: Standing) -> Self {
        let (Standing { rates, credits, refills_at }, key) = (standing, key.filter(|_| code != Code::NotFound));
        Self { code, request_id: RequestId::unordered(), rates, credits, refills_at, key }
    }

    /// The key; `None` where nothing is told of one.
    pub fn key(&self) -> Option<&KnownKey> {
        self.key.as_deref()
    }

    /// The rate limits of the key, each with what is left of it; none where that was not judged.
    pub fn rates(&self) -> impl Iterator<Item = (&RateLimit, &Rate)> {
        let limits = self.key().and_then(|key| key.limits.as_ref());
        zip(limits.map(|limits| &*limits.rates).unwrap_or_default(), &self.rates)
    }

    /// Whether the key may go on.
    pub fn is_valid(&self) -> bool {
        self.code == Code::Valid
    }

    /// The answer of the API, as JSON. Where the code is [`Code::NotFound`] nothing is told of a key.
    pub fn json(&self) -> String {
        static NOTHING: LazyLock<Box<str>> = LazyLock::new(|| Told::default().members());
        let told = self.key().map_or(&**NOTHING, |key| key.told.get_or_init(|| Told::of(key).members()));
        let (valid, code, id) = (if self.is_valid() { "true" } else { "false" }, self.code.word(), self.request_id.text());
        ["{\"valid\":", valid, ",\"code\":\"", code, "\",", told, ",\"request_id\":\"", &id, "\"}"].concat()
    }
}

/// What a verdict tells of a key: the same at each call until the key changes, so it is made into JSON once.
#[derive(Default, Serialize)]
struct Told<'a> {
    key_id: Option<KeyId>,
    name: Option<&'a str>,
    kind: Option<KeyKind>,
    /// The number of its organization.
    customer_id: Option<i64>,
    /// Whose it is, in the caller's words.
    external_id: Option<&'a str>,
    /// What the caller noted of it.
    metadata: Option<&'a RawValue>,
    scopes: Option<&'a [String]>,
    corpora: Option<&'a [i64]>,
    project_id: Option<ProjectId>,
    /// Its role in the project.
    role: Option<&'a str>,
    /// RFC 3339.
    expires_at: Option<String>,
}

impl<'a> Told<'a> {
    fn of(key: &'a KnownKey) -> Self {
        let own = key.of_project.as_ref();
        Self {
            key_id: Some(key.id),
            name: Some(&key.name),
            kind: Some(key.kind),
            customer_id: Some(key.customer_id),
            external_id: key.external_id.as_deref(),
            metadata: key.metadata.as_deref(),
            scopes: Some(&key.scopes),
            corpora: Some(&key.corpora),
            project_id: own.map(|own| own.project),
            role: own.and_then(|own| own.role.as_deref()),
            expires_at: key.lifecycle.expires_at.map(Timestamp::rfc3339),
        }
    }

    /// The members of the JSON object, without its braces.
    fn members(&self) -> Box<str> {
        let json = serde_json::to_string(self).expect("texts and numbers are JSON");
        json[1..json.len() - 1].into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::server::verify::judge::tests::known_client;

    #[test]
    fn a_verdict_is_json_whatever_its_code_is_and_nothing_is_told_of_a_key_that_is_not_known() {
        let key = Arc::new(known_client("a \"name\"\n"));
        for code in Code::ALL {
            let judgement = Judgement::new(code, Some(Arc::clone(&key)), Standing::default());
            // Told anew, and then as it was told before.
            for _ in 0..2 {
                let told: Value = serde_json::from_str(&judgement.json()).unwrap();
                assert_eq!((&told["valid"], &told["code"]), (&json!(code == Code::Valid), &json!(code.word())));
                assert_eq!(told["request_id"], json!(judgement.request_id));
                assert_eq!(told["name"], if code == Code::NotFound { Value::Null } else { json!("a \"name\"\n") });
                assert_eq!(told.as_object().unwrap().len(), 14);
            }
        }
    }
}
