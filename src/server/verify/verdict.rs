//! What is answered.

use std::{iter::zip, sync::Arc};

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
};

/// How a key was judged.
pub struct Judgement {
    /// Why it may go on, or why not.
    pub code: Code,
    /// The name of this call.
    pub request_id: RequestId,
    /// How many credits are left, where that is known and it has any.
    pub credits: Option<i64>,
    rates: Rates,
    key: Option<Arc<KnownKey>>,
}

impl Judgement {
    /// A key that is not known here is nobody's, whatever it is elsewhere.
    pub(super) fn new(code: Code, key: Option<Arc<KnownKey>>, standing: Standing) -> Self {
        Self { code, request_id: RequestId::new(), rates: standing.rates, credits: standing.credits, key: key.filter(|_| code != Code::NotFound) }
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

    /// The answer of the API.
    pub fn verdict(&self) -> Verdict<'_> {
        let key = self.key();
        let own = key.and_then(|key| key.of_project.as_ref());
        Verdict {
            valid: self.is_valid(),
            code: self.code,
            key_id: key.map(|key| key.id),
            name: key.map(|key| &*key.name),
            kind: key.map(|key| key.kind),
            customer_id: key.map(|key| key.customer_id),
            external_id: key.and_then(|key| key.external_id.as_deref()),
            metadata: key.and_then(|key| key.metadata.as_deref()),
            scopes: key.map(|key| &*key.scopes),
            corpora: key.map(|key| &*key.corpora),
            project_id: own.map(|own| own.project),
            role: own.and_then(|own| own.role.as_deref()),
            expires_at: key.and_then(|key| key.expires_at.as_deref()),
            request_id: self.request_id,
        }
    }
}

/// The answer. Where the code is [`Code::NotFound`] nothing is told of a key.
#[derive(Debug, Serialize)]
pub struct Verdict<'a> {
    /// Whether the key may go on.
    pub valid: bool,
    /// Why, or why not.
    pub code: Code,
    /// The key.
    pub key_id: Option<KeyId>,
    /// Its name.
    pub name: Option<&'a str>,
    /// Its kind.
    pub kind: Option<KeyKind>,
    /// The number of its organization.
    pub customer_id: Option<i64>,
    /// Whose it is, in the caller's words.
    pub external_id: Option<&'a str>,
    /// What the caller noted of it.
    pub metadata: Option<&'a RawValue>,
    /// What it may be used for.
    pub scopes: Option<&'a [String]>,
    /// Which corpora it opens.
    pub corpora: Option<&'a [i64]>,
    /// Its project.
    pub project_id: Option<ProjectId>,
    /// Its role there.
    pub role: Option<&'a str>,
    /// When it ends, RFC 3339.
    pub expires_at: Option<&'a str>,
    /// The name of this call.
    pub request_id: RequestId,
}
