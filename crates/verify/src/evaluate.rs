//! The verify request and the order of the checks.

use std::{borrow::Cow, net::IpAddr};

use serde::{Deserialize, Serialize, Serializer};

use super::{CachedKey, CachedLimits};
use latchkey_types::{
    key_kind::{KeyKind, ScopeRule, Status},
    origin::parse_origin,
    permission::Scope,
    time::Timestamp,
};

/// A verify request. Borrows from the request body, so that the secret is not copied.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyRequest<'a> {
    #[serde(borrow)]
    pub key: Cow<'a, str>,
    /// Required kind.
    #[serde(default)]
    pub kind: Option<KeyKind>,
    /// Required scope.
    #[serde(default, borrow)]
    pub scope: Option<Cow<'a, str>>,
    /// Id of the required corpus.
    #[serde(default)]
    pub corpus: Option<i64>,
    /// Id of the required project.
    #[serde(default, borrow)]
    pub project: Option<Cow<'a, str>>,
    /// Credits to spend if the key has a credit limit; defaults to 1.
    #[serde(default)]
    pub cost: Option<u32>,
    /// Client address from which the key was presented.
    #[serde(default)]
    pub ip: Option<IpAddr>,
}

impl<'a> VerifyRequest<'a> {
    /// A request without further requirements.
    pub const fn new(key: &'a str) -> Self {
        Self { key: Cow::Borrowed(key), kind: None, scope: None, corpus: None, project: None, cost: None, ip: None }
    }

    pub fn cost(&self) -> i64 {
        self.cost.map_or(1, i64::from)
    }
}

/// The `code` of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictCode {
    Valid,
    /// Unknown, deleted, revoked, forged, or another organization's.
    NotFound,
    Expired,
    Disabled,
    /// The kind, the client address or the project is not allowed, or the key has a restriction that only a newer version can judge.
    Forbidden,
    /// The scope or the corpus is missing.
    InsufficientPermissions,
    RateLimited,
    UsageExceeded,
}

impl VerdictCode {
    /// All codes, in the order of evaluation.
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

    /// The value in the API.
    pub const fn as_str(self) -> &'static str {
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

impl Serialize for VerdictCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Evaluates in the order of the API contract: not found, expired, disabled, forbidden, permissions. Limits are checked by the caller.
pub(super) fn evaluate(key: Option<&CachedKey>, request: &VerifyRequest<'_>, now: Timestamp) -> VerdictCode {
    let Some(key) = key else { return VerdictCode::NotFound };
    match key.lifecycle().status(now) {
        Status::Deleted | Status::Revoked => VerdictCode::NotFound,
        Status::Expired => VerdictCode::Expired,
        Status::Disabled => VerdictCode::Disabled,
        Status::Active if key.has_unknown_requirement => VerdictCode::Forbidden,
        Status::Active if request.kind.is_some_and(|kind| kind != key.kind) => VerdictCode::Forbidden,
        Status::Active if !is_address_allowed(key, request.ip) => VerdictCode::Forbidden,
        // Only the project's own keys give access to it.
        Status::Active if request.project.as_deref().is_some_and(|project| !key.belongs_to(project)) => VerdictCode::Forbidden,
        Status::Active if !has_scope(key, request.scope.as_deref()) || !has_corpus(key, request.corpus) => VerdictCode::InsufficientPermissions,
        Status::Active => VerdictCode::Valid,
    }
}

/// If the key has a list of networks, the address must be given and in one of them.
fn is_address_allowed(key: &CachedKey, address: Option<IpAddr>) -> bool {
    let networks = key.limits.as_ref().map_or(&[][..], CachedLimits::networks);
    let is_listed = |address: IpAddr| networks.iter().any(|network| network.contains(&address.to_canonical()));
    networks.is_empty() || address.is_some_and(is_listed)
}

/// Whether the key may be used by a web page of this origin: the value of the header `Origin`. Calls without the header are allowed,
/// because the list restricts only web pages, and browsers always send the header. A value that is not an origin, such as `null`, is not allowed.
pub fn is_origin_allowed(key: &CachedKey, origin: Option<&str>) -> bool {
    let Some(origin) = origin.filter(|_| !key.allowed_origins().is_empty()) else { return true };
    parse_origin(origin).is_some_and(|origin| key.allowed_origins().iter().any(|allowed| **allowed == *origin))
}

/// Whether a key has a scope and the scope is effective; true if none is required.
pub fn has_scope(key: &CachedKey, scope: Option<&str>) -> bool {
    scope.is_none_or(|scope| key.scopes().iter().any(|own| own == scope) && is_effective(key, scope))
}

/// A scope of Latchkey's own API is effective only while the key's creator has a permission that it needs.
fn is_effective(key: &CachedKey, scope: &str) -> bool {
    key.kind.spec().scope_rule != ScopeRule::Api
        || scope.parse::<Scope>().is_ok_and(|scope| scope.needs().iter().any(|permission| key.creator.permissions.has(*permission)))
}

fn has_corpus(key: &CachedKey, corpus: Option<i64>) -> bool {
    corpus.is_none_or(|corpus| key.corpora().contains(&corpus))
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, OnceLock, atomic::AtomicBool};

    use super::*;
    use crate::{KeyCreator, ProjectGrant, cached_key::KeyDetails, dependencies::Dependencies};
    use latchkey_crypto::key_format::KeyDigest;
    use latchkey_types::{
        id::{KeyId, OrganizationId, ProjectId, RoleId, UserId},
        key_kind::Lifecycle,
        money::Money,
        permission::{Permission, Permissions},
    };

    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const HOUR_MS: i64 = 60 * 60 * 1000;

    /// A project key whose role permits viewing the project. The permissions of its creator must not count.
    fn project_key(lifecycle: Lifecycle) -> CachedKey {
        let access = ProjectGrant {
            project: ProjectId::new(),
            role: Some("viewer".into()),
            permissions: Permissions::of(&[Permission::ViewProject]),
            price: Money(2500),
        };
        let key = CachedKey { kind: KeyKind::Project, name: "reader".into(), expires_at: lifecycle.expires_at, ..client_key("a") };
        with_details(
            KeyDetails {
                scopes: ["view_project".to_owned()].into(),
                lifecycle: Some(Box::new(lifecycle)),
                project_grant: Some(Box::new(access)),
                ..KeyDetails::default()
            },
            key,
        )
    }

    /// A user with these permissions, whose changes affect no key.
    pub(crate) fn creator(permissions: &[Permission]) -> KeyCreator {
        KeyCreator {
            user: UserId::new(),
            organization: OrganizationId::new(),
            customer_id: 1,
            permissions: Permissions::of(permissions),
            role: RoleId::new(),
            dependencies: Dependencies::default(),
        }
    }

    pub(crate) fn client_key(name: &str) -> CachedKey {
        CachedKey {
            digest: KeyDigest::from_stored(&[7; 32]).unwrap(),
            id: KeyId::new(),
            kind: KeyKind::Client,
            name: name.into(),
            creator: Arc::new(creator(Permission::ALL)),
            limits: None,
            model_access: None,
            expires_at: None,
            has_unknown_requirement: false,
            details: None,
            is_rendered: AtomicBool::new(false),
            body: OnceLock::new(),
        }
    }

    pub(crate) fn with_details(details: KeyDetails, key: CachedKey) -> CachedKey {
        CachedKey { details: Some(Box::new(details)), ..key }
    }

    fn with_scopes(scopes: &[&str], key: CachedKey) -> CachedKey {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        with_details(KeyDetails { scopes, ..KeyDetails::default() }, key)
    }

    fn request(scope: Option<&str>, project: Option<String>) -> VerifyRequest<'_> {
        VerifyRequest { scope: scope.map(Cow::Borrowed), project: project.map(Cow::Owned), ..VerifyRequest::new("") }
    }

    fn expiring(at: Timestamp) -> Lifecycle {
        Lifecycle { expires_at: Some(at), disabled_at: None, revoked_at: None, deleted_at: None }
    }

    #[test]
    fn expiry_uses_the_local_clock_without_leeway() {
        let key = project_key(expiring(NOW));
        for (off, code) in [(-HOUR_MS, VerdictCode::Valid), (-1, VerdictCode::Valid), (0, VerdictCode::Expired), (HOUR_MS, VerdictCode::Expired)] {
            assert_eq!(evaluate(Some(&key), &request(None, None), NOW.plus_ms(off)), code, "the clock is off by {off} ms");
        }
        // A key that expired an hour ago is valid only to a clock that is more than an hour slow.
        let key = project_key(expiring(NOW.plus_ms(-HOUR_MS)));
        assert_eq!(evaluate(Some(&key), &request(None, None), NOW), VerdictCode::Expired);
        assert_eq!(evaluate(Some(&key), &request(None, None), NOW.plus_ms(-HOUR_MS)), VerdictCode::Expired);
        assert_eq!(evaluate(Some(&key), &request(None, None), NOW.plus_ms(-HOUR_MS - 1)), VerdictCode::Valid);
    }

    #[test]
    fn a_project_key_depends_on_its_project_and_role_only() {
        let key = project_key(Lifecycle { expires_at: None, disabled_at: None, revoked_at: None, deleted_at: None });
        let project_id = key.project_grant().unwrap().project;
        for (scope, project, code) in [
            (None, None, VerdictCode::Valid),
            (Some("view_project"), Some(project_id.to_string()), VerdictCode::Valid),
            (None, Some(ProjectId::new().to_string()), VerdictCode::Forbidden),
            (None, Some(String::new()), VerdictCode::Forbidden),
            (Some("manage_projects"), Some(project_id.to_string()), VerdictCode::InsufficientPermissions),
            (Some("manage_api_keys"), None, VerdictCode::InsufficientPermissions),
            (Some("manage_projects"), Some("prj_1".to_owned()), VerdictCode::Forbidden),
        ] {
            assert_eq!(evaluate(Some(&key), &request(scope, project.clone()), NOW), code, "{scope:?} {project:?}");
        }
    }

    #[test]
    fn a_request_costs_one_credit_by_default() {
        for (cost, credits) in [(None, 1), (Some(0), 0), (Some(7), 7)] {
            assert_eq!(VerifyRequest { cost, ..VerifyRequest::new("") }.cost(), credits);
        }
    }

    #[test]
    fn codes_have_the_names_of_the_api() {
        let names = ["VALID", "NOT_FOUND", "EXPIRED", "DISABLED", "FORBIDDEN", "INSUFFICIENT_PERMISSIONS", "RATE_LIMITED", "USAGE_EXCEEDED"];
        assert_eq!(VerdictCode::ALL.map(VerdictCode::as_str), names);
        assert_eq!(serde_json::to_value(VerdictCode::ALL).unwrap(), serde_json::json!(names));
    }

    #[test]
    fn the_status_is_checked_first() {
        let (at, none) = (Some(NOW), Lifecycle { expires_at: None, disabled_at: None, revoked_at: None, deleted_at: None });
        assert_eq!(evaluate(None, &request(None, None), NOW), VerdictCode::NotFound);
        for (lifecycle, code) in [
            (Lifecycle { deleted_at: at, ..none }, VerdictCode::NotFound),
            (Lifecycle { revoked_at: at, ..none }, VerdictCode::NotFound),
            (Lifecycle { expires_at: at, ..none }, VerdictCode::Expired),
            (Lifecycle { disabled_at: at, ..none }, VerdictCode::Disabled),
        ] {
            let details = KeyDetails { lifecycle: Some(Box::new(lifecycle)), ..KeyDetails::default() };
            let key = with_details(details, CachedKey { expires_at: lifecycle.expires_at, ..client_key("a") });
            let request = VerifyRequest { kind: Some(KeyKind::Corpus), ..VerifyRequest::new("") };
            assert_eq!(evaluate(Some(&key), &request, NOW), code, "{lifecycle:?}");
        }
    }

    #[test]
    fn a_key_that_only_a_newer_version_can_judge_is_forbidden() {
        let key = CachedKey { has_unknown_requirement: true, ..client_key("a") };
        assert_eq!(evaluate(Some(&key), &request(None, None), NOW), VerdictCode::Forbidden);
        assert_eq!(evaluate(Some(&key), &request(Some("read"), None), NOW), VerdictCode::Forbidden, "it is checked before the scope");
        let key = CachedKey { expires_at: Some(NOW), ..key };
        assert_eq!(evaluate(Some(&key), &request(None, None), NOW), VerdictCode::Expired);
    }

    #[test]
    fn a_scope_and_a_corpus_are_both_required() {
        let details = KeyDetails { scopes: ["read".to_owned()].into(), corpora: [3].into(), ..KeyDetails::default() };
        let key = with_details(details, client_key("a"));
        for (scope, corpus, code) in [
            (None, None, VerdictCode::Valid),
            (Some("read"), Some(3), VerdictCode::Valid),
            (Some("read"), None, VerdictCode::Valid),
            (None, Some(3), VerdictCode::Valid),
            (Some("read"), Some(4), VerdictCode::InsufficientPermissions),
            (Some("write"), Some(3), VerdictCode::InsufficientPermissions),
        ] {
            let request = VerifyRequest { corpus, ..request(scope, None) };
            assert_eq!(evaluate(Some(&key), &request, NOW), code, "{scope:?} {corpus:?}");
        }
    }

    #[test]
    fn a_scope_of_latchkey_needs_a_permission_of_the_creator() {
        let internal = |permissions: &[Permission]| {
            let creator = Arc::new(creator(permissions));
            with_scopes(&["verify", "fly"], CachedKey { kind: KeyKind::Internal, creator, ..client_key("a") })
        };
        let viewer = internal(&[Permission::ViewKeys]);
        assert!(has_scope(&viewer, None) && has_scope(&viewer, Some("verify")));
        assert!(!has_scope(&viewer, Some("fly")), "the API has no such scope");
        assert!(!has_scope(&viewer, Some("keys:read")), "the key does not have it");
        assert!(!has_scope(&internal(&[Permission::ManageRoles]), Some("verify")));
        // Scopes of other kinds are the customer's own.
        let client = CachedKey { kind: KeyKind::Client, ..internal(&[]) };
        assert!(has_scope(&client, Some("verify")) && has_scope(&client, Some("fly")));
    }

    #[test]
    fn a_key_of_another_kind_is_forbidden() {
        let key = client_key("a");
        for (kind, code) in [(None, VerdictCode::Valid), (Some(KeyKind::Client), VerdictCode::Valid), (Some(KeyKind::Corpus), VerdictCode::Forbidden)]
        {
            let request = VerifyRequest { kind, ..VerifyRequest::new("") };
            assert_eq!(evaluate(Some(&key), &request, NOW), code, "{kind:?}");
        }
        let request = VerifyRequest { kind: Some(KeyKind::Corpus), scope: Some("x".into()), ..VerifyRequest::new("") };
        assert_eq!(evaluate(Some(&key), &request, NOW), VerdictCode::Forbidden, "the kind is checked before the scope");
        assert_eq!(evaluate(Some(&project_key(expiring(NOW))), &request, NOW), VerdictCode::Expired);
    }

    #[test]
    fn allowed_networks_require_a_matching_address() {
        let networks = ["192.0.2.0/24", "2001:db8::/32"].into_iter().map(|network| network.parse().unwrap()).collect();
        let key = CachedKey { limits: Some(CachedLimits::of_networks(networks)), ..client_key("a") };
        for (address, code) in [
            (Some("192.0.2.255"), VerdictCode::Valid),
            (Some("::ffff:192.0.2.1"), VerdictCode::Valid),
            (Some("2001:db8:1::1"), VerdictCode::Valid),
            (Some("192.0.3.1"), VerdictCode::Forbidden),
            (Some("::1"), VerdictCode::Forbidden),
            (None, VerdictCode::Forbidden),
        ] {
            let request = VerifyRequest { ip: address.map(|address| address.parse().unwrap()), ..VerifyRequest::new("") };
            assert_eq!(evaluate(Some(&key), &request, NOW), code, "{address:?}");
        }
        assert_eq!(
            evaluate(Some(&key), &VerifyRequest { scope: Some("x".into()), ..VerifyRequest::new("") }, NOW),
            VerdictCode::Forbidden,
            "the address is checked first"
        );
    }

    #[test]
    fn only_listed_origins_are_allowed() {
        let any = client_key("a");
        let origins: [Box<str>; 2] = ["https://example.com".into(), "http://localhost:8080".into()];
        let key = with_details(KeyDetails { allowed_origins: origins.into(), ..KeyDetails::default() }, client_key("a"));
        for (origin, is_allowed) in [
            (None, true),
            (Some("https://example.com"), true),
            (Some("HTTPS://EXAMPLE.COM:443"), true),
            (Some("http://localhost:8080"), true),
            (Some("http://example.com"), false),
            (Some("https://example.com:8443"), false),
            (Some("https://www.example.com"), false),
            (Some("https://example.com.evil.test"), false),
            (Some("https://example.com/"), false),
            (Some("null"), false),
            (Some(""), false),
        ] {
            assert_eq!(is_origin_allowed(&key, origin), is_allowed, "{origin:?}");
            assert!(is_origin_allowed(&any, origin), "{origin:?}");
        }
    }
}
