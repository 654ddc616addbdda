//! What is asked of a key, and the order of the checks.

use std::{borrow::Cow, net::IpAddr};

use serde::{Deserialize, Serialize, Serializer};

use super::KnownKey;
use crate::model::{
    permission::Scope,
    policy::{Scoping, Status},
    time::Timestamp,
};

/// What somebody wants to know of a key. Borrows from the body that brought it, so that no copy of the key is made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask<'a> {
    /// The key as it was presented.
    #[serde(borrow)]
    pub key: Cow<'a, str>,
    /// It must have this scope.
    #[serde(default, borrow)]
    pub scope: Option<Cow<'a, str>>,
    /// It must have access to this corpus.
    #[serde(default)]
    pub corpus: Option<i64>,
    /// It must be a key of this project.
    #[serde(default, borrow)]
    pub project: Option<Cow<'a, str>>,
    /// How many credits the call takes of a key that has some: 1 if it is not said.
    #[serde(default)]
    pub cost: Option<u32>,
    /// From where the key was presented.
    #[serde(default)]
    pub ip: Option<IpAddr>,
}

impl<'a> Ask<'a> {
    /// Whether the key is good, and nothing more.
    pub const fn of(key: &'a str) -> Self {
        Self { key: Cow::Borrowed(key), scope: None, corpus: None, project: None, cost: None, ip: None }
    }

    /// How many credits it takes.
    pub fn cost(&self) -> i64 {
        self.cost.map_or(1, i64::from)
    }
}

/// The verdict in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// A rate limit of it has no room.
    RateLimited,
    /// Too few credits are left.
    UsageExceeded,
}

impl Code {
    /// Each of them, in the order in which they are judged.
    pub const ALL: [Self; 8] = [
        Self::Valid,
        Self::NotFound,
        Self::Expired,
        Self::Disabled,
        Self::Forbidden,
        Self::InsufficientPermissions,
        Self::RateLimited,
        Self::UsageExceeded,
    ];

    /// The word in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::NotFound => "NOT_FOUND",
            Self::Expired => "EXPIRED",
            Self::Disabled => "DISABLED",
            Self::Forbidden => "FORBIDDEN",
            Self::InsufficientPermissions => "INSUFFICIENT_PERMISSIONS",
            Self::RateLimited => "RATE_LIMITED",
            Self::UsageExceeded => "USAGE_EXCEEDED",
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// Judges in the order of the contract: known, expired, disabled, forbidden, permissions. Valid here means as far as its limits allow it.
pub(super) fn judge(known: Option<&KnownKey>, ask: &Ask<'_>, now: Timestamp) -> Code {
    let Some(key) = known else { return Code::NotFound };
    match key.lifecycle.status(now) {
        Status::Deleted | Status::Revoked => Code::NotFound,
        Status::Expired => Code::Expired,
        Status::Disabled => Code::Disabled,
        Status::Active if !is_from_there(key, ask.ip) => Code::Forbidden,
        // A project only opens to its own keys.
        Status::Active if ask.project.as_deref().is_some_and(|project| !key.is_of(project)) => Code::Forbidden,
        Status::Active if !has_scope(key, ask.scope.as_deref()) || !has_corpus(key, ask.corpus) => Code::InsufficientPermissions,
        Status::Active => Code::Valid,
    }
}

/// Where a key has a list of networks, the address must be known and in one of them.
fn is_from_there(key: &KnownKey, address: Option<IpAddr>) -> bool {
    let networks = key.limits.as_ref().map_or(&[][..], |limits| &limits.networks);
    let is_in_one = |address: IpAddr| networks.iter().any(|network| network.contains(&address.to_canonical()));
    networks.is_empty() || address.is_some_and(is_in_one)
}

/// Whether a key has a scope, and it counts now; yes where none is asked for.
pub fn has_scope(key: &KnownKey, scope: Option<&str>) -> bool {
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

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, OnceLock};

    use ipnet::IpNet;

    use super::*;
    use crate::{
        model::{
            id::{KeyId, OrganizationId, ProjectId, UserId},
            money::Money,
            permission::{Permission, Permissions},
            policy::{KeyKind, Lifecycle},
        },
        server::{
            token::KeyDigest,
            verify::{OfProject, known::KnownLimits},
        },
    };

    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const HOUR_MS: i64 = 60 * 60 * 1000;

    /// A key of a project, by whose role it may be viewed.
    fn known(lifecycle: Lifecycle) -> KnownKey {
        let own = OfProject {
            project: ProjectId::new(),
            role: Some("viewer".into()),
            permissions: Permissions::of(&[Permission::ViewProject]),
            price: Money(2500),
        };
        KnownKey {
            digest: KeyDigest::from_stored(&[7; 32]).unwrap(),
            id: KeyId::new(),
            kind: KeyKind::Project,
            name: "reader".into(),
            organization: OrganizationId::new(),
            customer_id: 1,
            created_by: UserId::new(),
            // The holder may more: it does not count.
            permissions: Permissions::of(Permission::ALL),
            scopes: ["view_project".to_owned()].into(),
            corpora: [].into(),
            external_id: None,
            metadata: None,
            lifecycle,
            told: OnceLock::new(),
            retires_at: None,
            limits: None,
            of_project: Some(Box::new(own)),
        }
    }

    /// A client key of this name.
    pub(crate) fn known_client(name: &str) -> KnownKey {
        let lifecycle = Lifecycle { expires_at: None, disabled_at: None, revoked_at: None, deleted_at: None };
        KnownKey { kind: KeyKind::Client, name: name.into(), scopes: [].into(), of_project: None, ..known(lifecycle) }
    }

    fn ask(scope: Option<&str>, project: Option<String>) -> Ask<'_> {
        Ask { scope: scope.map(Cow::Borrowed), project: project.map(Cow::Owned), ..Ask::of("") }
    }

    fn ending(at: Timestamp) -> Lifecycle {
        Lifecycle { expires_at: Some(at), disabled_at: None, revoked_at: None, deleted_at: None }
    }

    #[test]
    fn a_key_ends_by_the_clock_of_this_machine_without_leeway() {
        let key = known(ending(NOW));
        for (off, code) in [(-HOUR_MS, Code::Valid), (-1, Code::Valid), (0, Code::Expired), (HOUR_MS, Code::Expired)] {
            assert_eq!(judge(Some(&key), &ask(None, None), NOW.plus_ms(off)), code, "the clock is off by {off} ms");
        }
        // One that ended an hour ago is taken again by a clock that is more than an hour late, and by no other.
        let key = known(ending(NOW.plus_ms(-HOUR_MS)));
        assert_eq!(judge(Some(&key), &ask(None, None), NOW), Code::Expired);
        assert_eq!(judge(Some(&key), &ask(None, None), NOW.plus_ms(-HOUR_MS)), Code::Expired);
        assert_eq!(judge(Some(&key), &ask(None, None), NOW.plus_ms(-HOUR_MS - 1)), Code::Valid);
    }

    #[test]
    fn a_project_key_is_judged_by_its_project_and_by_its_role_alone() {
        let key = known(Lifecycle { expires_at: None, disabled_at: None, revoked_at: None, deleted_at: None });
        let own = key.of_project.as_ref().unwrap().project;
        for (scope, project, code) in [
            (None, None, Code::Valid),
            (Some("view_project"), Some(own.to_string()), Code::Valid),
            (None, Some(ProjectId::new().to_string()), Code::Forbidden),
            (None, Some(String::new()), Code::Forbidden),
            (Some("manage_projects"), Some(own.to_string()), Code::InsufficientPermissions),
            (Some("manage_api_keys"), None, Code::InsufficientPermissions),
            (Some("manage_projects"), Some("prj_1".to_owned()), Code::Forbidden),
        ] {
            assert_eq!(judge(Some(&key), &ask(scope, project.clone()), NOW), code, "{scope:?} {project:?}");
        }
    }

    #[test]
    fn a_key_with_a_list_of_networks_needs_an_address_in_one() {
        let networks: Box<[IpNet]> = ["192.0.2.0/24", "2001:db8::/32"].into_iter().map(|network| network.parse().unwrap()).collect();
        let limits = KnownLimits { rates: Arc::new([]), credits: None, networks, live: Arc::default() };
        let key = KnownKey { limits: Some(limits), ..known_client("a") };
        for (address, code) in [
            (Some("192.0.2.255"), Code::Valid),
            (Some("::ffff:192.0.2.1"), Code::Valid),
            (Some("2001:db8:1::1"), Code::Valid),
            (Some("192.0.3.1"), Code::Forbidden),
            (Some("::1"), Code::Forbidden),
            (None, Code::Forbidden),
        ] {
            let ask = Ask { ip: address.map(|address| address.parse().unwrap()), ..Ask::of("") };
            assert_eq!(judge(Some(&key), &ask, NOW), code, "{address:?}");
        }
        assert_eq!(judge(Some(&key), &Ask { scope: Some("x".into()), ..Ask::of("") }, NOW), Code::Forbidden, "the address comes first");
    }
}
