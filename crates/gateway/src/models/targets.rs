//! The targets of a call: their credentials, their URLs, and in which order they are called.

use std::{
    any::Any,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::http::{HeaderName, HeaderValue, Uri, header::AUTHORIZATION};
use secrecy::SecretString;
use url::Position;

use super::request::Api;
use crate::{
    mask::{Masker, masker},
    uri,
};
use latchkey_core::{
    credentials::Secrets,
    http_client::secret_header,
    models::{Route, Target},
    services::call::CallCredential,
};
use latchkey_types::{provider::ApiStyle, service::UnlinkReason, time::Timestamp};

/// For how long a target that failed is skipped, unless it says for how long.
pub(super) const SKIP: Duration = Duration::from_secs(30);
/// The longest time for which a target can say that it must not be called.
pub(super) const SKIP_MAX: Duration = Duration::from_mins(10);

/// A target with its credential.
pub(super) struct Candidate {
    pub(super) target: Arc<Target>,
    pub(super) prepared: Arc<Prepared>,
}

/// What is derived from a target for each call. Stored with the target, so that it is dropped with the credential.
pub(super) struct Prepared {
    /// The header with the credential; `None` without one.
    pub(super) header: Option<(HeaderName, HeaderValue)>,
    /// Masks the credential in responses.
    pub(super) masker: Option<Arc<Masker>>,
    /// In Unix milliseconds.
    skipped_until: AtomicI64,
}

/// Why a target has no usable credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoCredential {
    Unlinked(UnlinkReason),
    Expired,
    Unreadable,
}

impl NoCredential {
    /// A sentence.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Unlinked(reason) => reason.text(),
            Self::Expired => "Its key has expired.",
            Self::Unreadable => "Its key can't be decrypted or sent.",
        }
    }
}

impl Prepared {
    /// The credential of a target. It is prepared once, and stored with the target.
    pub(super) fn of(target: &Target) -> Result<Arc<Self>, NoCredential> {
        if let CallCredential::Usable(usable) = &target.credential
            && usable.expires_at.is_some_and(|expiry| expiry <= Timestamp::now())
        {
            return Err(NoCredential::Expired);
        }
        if let Some(prepared) = target.prepared.get().and_then(|prepared| prepared.clone().downcast::<Self>().ok()) {
            return Ok(prepared);
        }
        let prepared = Arc::new(Self::new(target)?);
        // Another call may have stored one in the meantime: all calls must share the time until which the target is skipped.
        let any: Arc<dyn Any + Send + Sync> = prepared.clone();
        let stored = target.prepared.get_or_init(|| any).clone();
        Ok(stored.downcast::<Self>().unwrap_or(prepared))
    }

    fn new(target: &Target) -> Result<Self, NoCredential> {
        let secret = match &target.credential {
            CallCredential::None => return Ok(Self { header: None, masker: None, skipped_until: AtomicI64::new(0) }),
            CallCredential::Unlinked(reason) => return Err(NoCredential::Unlinked(*reason)),
            CallCredential::Unreadable => return Err(NoCredential::Unreadable),
            CallCredential::Usable(usable) => match &usable.secrets {
                Secrets::General { value } => value,
                Secrets::Aws { .. } | Secrets::Dnanexus { .. } => return Err(NoCredential::Unreadable),
            },
        };
        let header = header(target, secret).ok_or(NoCredential::Unreadable)?;
        Ok(Self { header: Some(header), masker: masker(std::slice::from_ref(secret)), skipped_until: AtomicI64::new(0) })
    }

    /// Does not call the target for this long, unless all targets of a call are skipped.
    pub(super) fn skip(&self, time: Duration) {
        let ms = i64::try_from(time.min(SKIP_MAX).as_millis()).unwrap_or_default();
        self.skipped_until.fetch_max(Timestamp::now().plus_ms(ms).0, Ordering::Relaxed);
    }

    /// The target works again.
    pub(super) fn unskip(&self) {
        if self.skipped_until.load(Ordering::Relaxed) != 0 {
            self.skipped_until.store(0, Ordering::Relaxed);
        }
    }

    fn is_skipped(&self, now: Timestamp) -> bool {
        self.skipped_until.load(Ordering::Relaxed) > now.0
    }
}

/// The header with the credential. `None` if the value cannot be sent.
fn header(target: &Target, secret: &SecretString) -> Option<(HeaderName, HeaderValue)> {
    let name = match (&target.credential_header, target.style) {
        (Some(name), _) => name.clone(),
        (None, ApiStyle::Openai) => AUTHORIZATION,
        (None, ApiStyle::Anthropic) => HeaderName::from_static("x-api-key"),
    };
    let prefix = if name == AUTHORIZATION { "Bearer " } else { "" };
    Some((name, secret_header(prefix, secret)?))
}

/// The targets of a route in the order in which they are called: by group, and within one by chance, according to their weights. Targets that
/// failed recently are left out, unless all did. `select` returns `None` for targets that cannot be called.
pub(super) fn in_order(route: &Route, mut select: impl FnMut(&Arc<Target>) -> Option<Candidate>) -> Vec<Candidate> {
    let mut order = Vec::new();
    for group in &route.groups {
        let mut rest: Vec<(Candidate, u16)> = group.iter().filter_map(|(target, weight)| Some((select(target)?, *weight))).collect();
        while !rest.is_empty() {
            let weights: Vec<u64> = rest.iter().map(|(_, weight)| u64::from(*weight).max(1)).collect();
            order.push(rest.remove(draw(&weights, random())).0);
        }
    }
    let now = Timestamp::now();
    if order.iter().any(|candidate| !candidate.prepared.is_skipped(now)) {
        order.retain(|candidate| !candidate.prepared.is_skipped(now));
    }
    order
}

/// The index that a random number selects, with a probability in proportion to its weight.
fn draw(weights: &[u64], random: u64) -> usize {
    let sum: u64 = weights.iter().sum();
    let mut left = random % sum.max(1);
    for (index, weight) in weights.iter().enumerate() {
        if left < *weight {
            return index;
        }
        left -= weight;
    }
    0
}

/// Random enough to balance calls.
fn random() -> u64 {
    RandomState::new().hash_one(())
}

/// The host of a target; empty if its URL has none.
pub(super) fn host(target: &Target) -> &str {
    target.base_url.host_str().unwrap_or_default()
}

/// The URI of an API of a target, with the caller's query. `None` if it is not valid, for example because the query is too long.
pub(super) fn uri(target: &Target, api: Api, query: Option<&str>) -> Option<Uri> {
    let path = path(target.style, target.base_url.path(), api.path());
    uri::below(&target.base_url[..Position::BeforePath], &path, query)
}

/// `path` is that of the gateway and begins with `/v1`.
fn path(style: ApiStyle, base: &str, path: &str) -> String {
    let base = base.trim_end_matches('/');
    match style {
        // The base URL has the version.
        ApiStyle::Openai => format!("{base}{}", path.strip_prefix("/v1").unwrap_or(path)),
        // Documented without the version; with it is accepted too.
        ApiStyle::Anthropic => format!("{}{path}", base.strip_suffix("/v1").unwrap_or(base)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_the_version_once() {
        for (style, base, api, expected) in [
            (ApiStyle::Openai, "/v1", "/v1/chat/completions", "/v1/chat/completions"),
            (ApiStyle::Openai, "/openai/v1/", "/v1/embeddings", "/openai/v1/embeddings"),
            (ApiStyle::Openai, "/", "/v1/responses", "/responses"),
            (ApiStyle::Anthropic, "/", "/v1/messages", "/v1/messages"),
            (ApiStyle::Anthropic, "/v1", "/v1/messages/count_tokens", "/v1/messages/count_tokens"),
            (ApiStyle::Anthropic, "/anthropic/", "/v1/messages", "/anthropic/v1/messages"),
        ] {
            assert_eq!(path(style, base, api), expected);
        }
    }

    #[test]
    fn weights_are_shares_of_the_calls() {
        let drawn: Vec<usize> = (0..6).map(|random| draw(&[1, 3, 2], random)).collect();
        assert_eq!(drawn, [0, 1, 1, 1, 2, 2]);
        assert_eq!(draw(&[5], u64::MAX), 0);
    }

    #[test]
    fn a_target_is_skipped_until_it_works_or_the_time_is_over() {
        let prepared = Prepared { header: None, masker: None, skipped_until: AtomicI64::new(0) };
        let now = Timestamp::now();
        assert!(!prepared.is_skipped(now));
        prepared.skip(Duration::from_hours(1));
        assert!(prepared.is_skipped(now) && !prepared.is_skipped(now.plus_ms(SKIP_MAX.as_millis().try_into().unwrap()).plus_ms(1000)));
        prepared.unskip();
        assert!(!prepared.is_skipped(now));
    }
}
