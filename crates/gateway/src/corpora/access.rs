//! The caller and the permissions of its key.

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use axum::http::{HeaderMap, header, request::Parts};

use super::{
    json::{CorpusIds, Integer},
    refusal::Refusal,
};
use crate::via;
use latchkey_core::actor::Actor;
use latchkey_http::{AppState, client_address, presented_key::presented_key, rate_headers, request_context};
use latchkey_types::{
    error::Error,
    key_kind::{KeyKind, Status},
    time::Timestamp,
};
use latchkey_verify::{CachedKey, Verdict, VerdictCode, VerifyRequest, has_scope, is_origin_allowed};

/// The caller of one request.
pub(super) struct Caller<'a> {
    presented: &'a str,
    headers: &'a HeaderMap,
    pub(super) key: Arc<CachedKey>,
    address: Option<IpAddr>,
}

impl<'a> Caller<'a> {
    /// Finds the corpus key of the request.
    ///
    /// # Errors
    /// `LOOP_DETECTED`, `INVALID_API_KEY`, `DISABLED_API_KEY`, `EXPIRED_API_KEY`, `FORBIDDEN_ORIGIN`.
    pub(super) async fn authenticate(state: &AppState, parts: &'a Parts) -> Result<Self, Refusal> {
        if via::is_own(&parts.headers) {
            return Err(Refusal::loop_detected());
        }
        let presented = presented_key(&parts.headers)?;
        let key = state.verifier.find(presented).await.map_err(Error::from)?.ok_or_else(Refusal::unknown_key)?;
        // Other kinds are reported like unknown keys, so that the response reveals nothing about them.
        if key.kind != KeyKind::Corpus {
            return Err(Refusal::unknown_key());
        }
        match key.lifecycle().status(Timestamp::now()) {
            Status::Active => {}
            Status::Disabled => return Err(Refusal::disabled_key()),
            Status::Expired => return Err(Refusal::expired_key()),
            Status::Revoked | Status::Deleted => return Err(Refusal::unknown_key()),
        }
        request_context::set_caller(key.creator.organization, key.creator.user, Some(key.id));
        require_origin(&key, &parts.headers)?;
        Ok(Self { presented, headers: &parts.headers, key, address: client_address::of_request(parts, &state.trusted_proxies) })
    }

    /// Checks every id of the call, and that the key has the scope.
    ///
    /// # Errors
    /// `INVALID_CUSTOMER_ID`, `INVALID_CORPUS_ID`, `INSUFFICIENT_PERMISSIONS`.
    pub(super) fn require(&self, named: &[&CorpusIds], scope: &str) -> Result<(), Refusal> {
        require_customer(self.key.creator.customer_id, self.headers, named)?;
        require_corpora(self.key.corpora(), named)?;
        self.require_scope(scope)
    }

    /// # Errors
    /// `INSUFFICIENT_PERMISSIONS`.
    pub(super) fn require_scope(&self, scope: &str) -> Result<(), Refusal> {
        if has_scope(&self.key, Some(scope)) { Ok(()) } else { Err(Refusal::missing_scope()) }
    }

    /// Counts the call and charges it to the key's limits. The key is evaluated again: it may have changed since it was found.
    ///
    /// # Errors
    /// `RATE_LIMITED`, `USAGE_EXCEEDED`; those of [`Self::authenticate`] and [`Self::require`].
    pub(super) async fn charge(&self, state: &AppState, scope: &'static str, corpora: &[i64]) -> Result<Verdict, Refusal> {
        let request =
            VerifyRequest { kind: Some(KeyKind::Corpus), scope: Some(Cow::Borrowed(scope)), ip: self.address, ..VerifyRequest::new(self.presented) };
        let verdict = state.verifier.evaluate(self.key.creator.organization, &request).await.map_err(Error::from)?;
        match verdict.code {
            VerdictCode::Valid => {}
            VerdictCode::NotFound | VerdictCode::Forbidden => return Err(Refusal::unknown_key()),
            VerdictCode::Expired => return Err(Refusal::expired_key()),
            VerdictCode::Disabled => return Err(Refusal::disabled_key()),
            VerdictCode::InsufficientPermissions => return Err(Refusal::missing_scope()),
            VerdictCode::RateLimited => {
                let detail = "A rate limit of this API key is exhausted. Try again later.";
                return Err(Refusal::exhausted("RATE_LIMITED", detail, retry_after(&verdict)).with_limits(&verdict));
            }
            VerdictCode::UsageExceeded => {
                let detail = "This API key does not have enough credits left.";
                return Err(Refusal::exhausted("USAGE_EXCEEDED", detail, retry_after(&verdict)).with_limits(&verdict));
            }
        }
        let has_all = verdict.key().is_some_and(|key| corpora.iter().all(|corpus| key.corpora().contains(corpus)));
        if has_all { Ok(verdict) } else { Err(Refusal::wrong_corpus()) }
    }

    pub(super) fn actor(&self) -> Actor {
        Actor::of_key(&self.key, self.address)
    }
}

/// Every `Origin` header must be allowed. A value that is not text is not allowed.
fn require_origin(key: &CachedKey, headers: &HeaderMap) -> Result<(), Refusal> {
    let mut origins = headers.get_all(header::ORIGIN).iter().map(|origin| origin.to_str().unwrap_or_default());
    if origins.all(|origin| is_origin_allowed(key, Some(origin))) { Ok(()) } else { Err(Refusal::foreign_origin()) }
}

/// The header is required. The body may omit the customer id; otherwise it must be the same.
fn require_customer(own: i64, headers: &HeaderMap, named: &[&CorpusIds]) -> Result<(), Refusal> {
    let own = Integer(Some(own));
    let mut in_headers =
        headers.get_all("customer-id").iter().map(|value| value.to_str().map_or(Integer(None), |text| Integer::of_digits(text.trim())));
    let is_own = in_headers.next() == Some(own)
        && in_headers.all(|other| other == own)
        && named.iter().flat_map(|ids| &ids.customers).all(|customer| *customer == own);
    if is_own { Ok(()) } else { Err(Refusal::wrong_customer()) }
}

/// At least one corpus must be named, and the key must have access to all that are named.
fn require_corpora(own: &[i64], named: &[&CorpusIds]) -> Result<(), Refusal> {
    let is_own = |id: &Integer| id.0.is_some_and(|corpus| own.contains(&corpus));
    let are_own = !named.is_empty() && named.iter().all(|ids| !ids.corpora.is_empty() && ids.corpora.iter().all(is_own));
    if are_own { Ok(()) } else { Err(Refusal::wrong_corpus()) }
}

/// Whole seconds until the exhausted limit admits a request again, if that is known.
fn retry_after(verdict: &Verdict) -> Option<i64> {
    let of_address = verdict.address_retry_after().map(|ms| (ms + 999) / 1000);
    rate_headers::retry_after(verdict).max(of_address).map(|seconds| seconds.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(customers: &[i64], corpora: &[i64]) -> CorpusIds {
        let integers = |ids: &[i64]| ids.iter().map(|id| Integer(Some(*id))).collect();
        CorpusIds { customers: integers(customers), corpora: integers(corpora) }
    }

    #[test]
    fn customer_id_is_required_in_the_header_and_equal_in_the_body() {
        for (headers, customers, is_own) in [
            (&["7"][..], &[][..], true),
            (&["7"], &[7], true),
            (&[" 7 ", "7"], &[7, 7], true),
            (&[], &[7], false),
            (&["8"], &[], false),
            (&["7", "8"], &[], false),
            (&["7"], &[7, 8], false),
            (&["7"], &[0], false),
            (&["+7"], &[], false),
            (&[""], &[], false),
        ] {
            let mut map = HeaderMap::new();
            for value in headers {
                map.append("customer-id", value.parse().unwrap());
            }
            assert_eq!(require_customer(7, &map, &[&ids(customers, &[1])]).is_ok(), is_own, "{headers:?} {customers:?}");
        }
    }

    #[test]
    fn every_occurrence_of_a_corpus_must_be_the_keys_own() {
        let own = [1, 2];
        for (named, are_own) in [
            (vec![ids(&[], &[1])], true),
            (vec![ids(&[], &[1]), ids(&[], &[2, 1])], true),
            (vec![], false),
            (vec![ids(&[], &[])], false),
            (vec![ids(&[], &[1]), ids(&[], &[])], false),
            (vec![ids(&[], &[1]), ids(&[], &[3])], false),
            (vec![ids(&[], &[1, 3])], false),
            (vec![ids(&[], &[3, 1])], false),
            (vec![CorpusIds { customers: vec![], corpora: vec![Integer(None)] }], false),
        ] {
            let named: Vec<_> = named.iter().collect();
            assert_eq!(require_corpora(&own, &named).is_ok(), are_own, "{named:?}");
        }
    }
}
