//! The verdict: what is asked, the order of the checks, what is answered.

use std::net::IpAddr;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::KnownKey;
use crate::model::{
    id::{KeyId, RequestId},
    permission::Scope,
    policy::{KeyKind, Scoping, Status},
    time::Timestamp,
};

/// What somebody wants to know of a key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The key as it was presented.
    pub key: SecretString,
    /// It must have this scope.
    #[serde(default)]
    pub scope: Option<String>,
    /// It must have access to this corpus.
    #[serde(default)]
    pub corpus: Option<i64>,
    /// It must be a key of this project.
    #[serde(default)]
    pub project: Option<String>,
    /// How many credits the call takes; nothing is taken while keys have none.
    #[serde(default)]
    pub cost: Option<u32>,
    /// From where the key was presented.
    #[serde(default)]
    pub ip: Option<IpAddr>,
}

/// The verdict in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// May go on.
    Valid,
    /// Unknown, deleted, revoked, forged, or another organization's.
    NotFound,
    /// Past its end.
    Expired,
    /// At rest.
    Disabled,
    /// Not from there, or not for that project.
    Forbidden,
    /// Lacks the scope or the corpus.
    InsufficientPermissions,
}

/// The answer. Where the code is [`Code::NotFound`] nothing is told of a key.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// Whether the key may go on.
    pub valid: bool,
    /// Why, or why not.
    pub code: Code,
    /// The key.
    pub key_id: Option<KeyId>,
    /// Its name.
    pub name: Option<String>,
    /// Its kind.
    pub kind: Option<KeyKind>,
    /// The number of its organization.
    pub customer_id: Option<i64>,
    /// Whose it is, in the caller's words.
    pub external_id: Option<String>,
    /// What the caller noted of it.
    pub metadata: Option<Value>,
    /// What it may be used for.
    pub scopes: Option<Vec<String>>,
    /// Which corpora it opens.
    pub corpora: Option<Vec<i64>>,
    /// Its project.
    pub project_id: Option<String>,
    /// Its role there.
    pub role: Option<String>,
    /// When it ends, RFC 3339.
    pub expires_at: Option<String>,
    /// The name of this call.
    pub request_id: RequestId,
}

/// Judges in the order of the contract: known, expired, disabled, forbidden, permissions.
pub(super) fn judge(known: Option<&KnownKey>, ask: &Ask, now: Timestamp) -> Verdict {
    let code = known.map_or(Code::NotFound, |key| code(key, ask, now));
    let told = known.filter(|_| code != Code::NotFound);
    Verdict {
        valid: code == Code::Valid,
        code,
        key_id: told.map(|key| key.id),
        name: told.map(|key| key.name.clone()),
        kind: told.map(|key| key.kind),
        customer_id: told.map(|key| key.customer_id),
        external_id: told.and_then(|key| key.external_id.clone()),
        metadata: told.and_then(|key| key.metadata.clone()),
        scopes: told.map(|key| key.scopes.clone()),
        corpora: told.map(|key| key.corpora.clone()),
        project_id: None,
        role: None,
        expires_at: told.and_then(|key| key.lifecycle.expires_at).map(Timestamp::rfc3339),
        request_id: RequestId::new(),
    }
}

fn code(key: &KnownKey, ask: &Ask, now: Timestamp) -> Code {
    match key.lifecycle.status(now) {
        Status::Deleted | Status::Revoked => Code::NotFound,
        Status::Expired => Code::Expired,
        Status::Disabled => Code::Disabled,
        // A project only opens to its own keys, and no key of these kinds is one.
        Status::Active if ask.project.is_some() && key.kind != KeyKind::Project => Code::Forbidden,
        Status::Active if !has_scope(key, ask.scope.as_deref()) || !has_corpus(key, ask.corpus) => Code::InsufficientPermissions,
        Status::Active => Code::Valid,
    }
}

fn has_scope(key: &KnownKey, scope: Option<&str>) -> bool {
    scope.is_none_or(|scope| key.scopes.iter().any(|has| has == scope) && counts_now(key, scope))
}

/// A scope of our own API counts while the key's creator may do what it is for.
fn counts_now(key: &KnownKey, scope: &str) -> bool {
    key.kind.policy().scoping != Scoping::Api
        || scope.parse::<Scope>().is_ok_and(|scope| scope.needs().iter().any(|permission| key.permissions.has(*permission)))
}

fn has_corpus(key: &KnownKey, corpus: Option<i64>) -> bool {
    corpus.is_none_or(|corpus| key.corpora.contains(&corpus))
}
