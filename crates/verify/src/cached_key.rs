//! A key as it is cached in memory.

use std::{
    borrow::Cow,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::value::RawValue;

use super::{
    dependencies::{Dependencies, DependencyFlags},
    key_creators::KeyCreator,
    limiter::{CachedLimits, Limiter},
    rate_limit_interner::RateLimitInterner,
};
use latchkey_crypto::{key_format::KeyDigest, project_token::Claims};
use latchkey_store::{
    keys::{IssuedColumns, VerifyRecord},
    verdict_changes::VerdictChange,
};
use latchkey_types::{
    budget::{Budget, ModelAccess, model_matches},
    id::{KeyId, ProjectId},
    key_kind::{KeyKind, Lifecycle},
    money::Money,
    permission::{Permission, Permissions},
    project::IN_PROJECT,
    time::Timestamp,
};

/// The restrictions in `api_keys.requires` that this version judges. A restriction that earlier versions must not ignore is added there.
const KNOWN_REQUIREMENTS: &[&str] = &[];

/// Everything needed to evaluate a key. Immutable; replaced when the key changes. Kept small, because there may be a million of them: what the keys
/// of a creator have in common is in [`KeyCreator`], and what most keys do not have in `KeyDetails`.
pub struct CachedKey {
    pub(super) digest: KeyDigest,
    pub id: KeyId,
    pub kind: KeyKind,
    pub name: Box<str>,
    pub creator: Arc<KeyCreator>,
    pub limits: Option<CachedLimits>,
    /// What the key may do with language models; `None` for the defaults of its kind.
    pub model_access: Option<Box<ModelAccess>>,
    pub(super) expires_at: Option<Timestamp>,
    /// Whether the key has a restriction of a newer version, which this one cannot judge.
    pub(super) has_unknown_requirement: bool,
    pub(super) details: Option<Box<KeyDetails>>,
    /// Whether the body was rendered for a first use.
    pub(super) is_rendered: AtomicBool,
    /// See [`CachedKey::body_or_render`].
    pub(super) body: OnceLock<Box<str>>,
}

/// What most keys do not have.
#[derive(Default)]
pub(super) struct KeyDetails {
    pub(super) scopes: Box<[String]>,
    pub(super) corpora: Box<[i64]>,
    pub(super) external_id: Option<Box<str>>,
    pub(super) metadata: Option<Box<RawValue>>,
    /// Unless all its times but the expiry are `None`.
    pub(super) lifecycle: Option<Box<Lifecycle>>,
    pub(super) secret_expires_at: Option<Timestamp>,
    pub(super) allowed_origins: Box<[Box<str>]>,
    pub(super) project_grant: Option<Box<ProjectGrant>>,
    /// Set when the key's role, the project or a corpus changes.
    pub(super) dependencies: Dependencies,
}

/// The current project access of a project key.
pub struct ProjectGrant {
    pub project: ProjectId,
    /// Name of the role; `None` if the role was deleted, which grants nothing.
    pub role: Option<Box<str>>,
    /// The role's permissions that apply to projects.
    pub permissions: Permissions,
    /// Price of one request.
    pub price: Money,
}

impl ProjectGrant {
    /// `None` if it is no project key, if the project was deleted, or before the token is revealed.
    fn from_columns(issued: &IssuedColumns) -> Option<Self> {
        issued.revealed_at?;
        let role_permissions = issued.role_permissions.unwrap_or_default();
        let permissions: Vec<Permission> = IN_PROJECT.into_iter().filter(|permission| role_permissions.has(*permission)).collect();
        Some(Self {
            project: issued.project_id?,
            role: issued.role.as_deref().map(Into::into),
            permissions: Permissions::of(&permissions),
            price: issued.price.unwrap_or_default(),
        })
    }

    /// The permissions as scope names.
    fn scopes(&self) -> Vec<String> {
        self.permissions.iter().map(|permission| permission.as_str().to_owned()).collect()
    }
}

impl CachedKey {
    /// `None` if a stored value is invalid: such a key must not be valid.
    pub(super) fn from_record(
        record: &VerifyRecord,
        digest: KeyDigest,
        interner: &RateLimitInterner,
        flags: &DependencyFlags,
        creator: Arc<KeyCreator>,
        limiter: impl FnOnce(KeyId) -> Arc<Limiter>,
    ) -> Option<Self> {
        if !has_digest(record, digest) {
            return None;
        }
        let row = record.key.row().ok()?;
        let (id, lifecycle) = (record.key.id, record.key.lifecycle());
        let project_grant = ProjectGrant::from_columns(&record.issued).map(Box::new);
        let details = KeyDetails {
            scopes: project_grant.as_ref().map_or(row.scopes, |access| access.scopes()).into(),
            corpora: record.key.corpora.iter().map(|(id, _)| *id).collect(),
            external_id: row.external_id.map(Into::into),
            metadata: row.metadata.and_then(|metadata| RawValue::from_string(metadata).ok()),
            lifecycle: (lifecycle != of_expiry(lifecycle.expires_at)).then(|| Box::new(lifecycle)),
            secret_expires_at: record.secret_expires_at,
            allowed_origins: row.limits.allowed_origins.into_iter().map(Into::into).collect(),
            project_grant,
            dependencies: flags.of(dependencies(record)),
        };
        Some(Self {
            digest,
            id,
            kind: record.key.kind,
            name: row.name.into(),
            creator,
            limits: CachedLimits::from_columns(&record.key.limits, interner, || limiter(id))?,
            model_access: (!row.model_access.is_empty()).then(|| Box::new(row.model_access)),
            expires_at: lifecycle.expires_at,
            has_unknown_requirement: has_unknown_requirement(record),
            details: details.boxed(),
            is_rendered: AtomicBool::new(false),
            body: OnceLock::new(),
        })
    }

    pub fn scopes(&self) -> &[String] {
        self.details.as_ref().map_or(&[], |details| &details.scopes)
    }

    /// Ids of the corpora that the key gives access to.
    pub fn corpora(&self) -> &[i64] {
        self.details.as_ref().map_or(&[], |details| &details.corpora)
    }

    /// The customer's id of the key's owner.
    pub fn external_id(&self) -> Option<&str> {
        self.details.as_ref()?.external_id.as_deref()
    }

    /// The customer's own data: a flat JSON object.
    pub fn metadata(&self) -> Option<&RawValue> {
        self.details.as_ref()?.metadata.as_deref()
    }

    pub fn lifecycle(&self) -> Lifecycle {
        let stored = self.details.as_ref().and_then(|details| details.lifecycle.as_deref());
        stored.copied().unwrap_or_else(|| of_expiry(self.expires_at))
    }

    /// End of the grace period, if this secret was replaced.
    pub(super) fn secret_expires_at(&self) -> Option<Timestamp> {
        self.details.as_ref()?.secret_expires_at
    }

    /// Origins of web pages that may use the key; empty allows any. See [`is_origin_allowed`](super::is_origin_allowed).
    pub(super) fn allowed_origins(&self) -> &[Box<str>] {
        self.details.as_ref().map_or(&[], |details| &details.allowed_origins)
    }

    /// Set for project keys only.
    pub fn project_grant(&self) -> Option<&ProjectGrant> {
        self.details.as_ref()?.project_grant.as_deref()
    }

    /// Whether the token's claims fit the key: a project key needs claims with its id and project, other kinds have no claims.
    pub(super) fn matches_claims(&self, claims: Option<&Claims>) -> bool {
        match (self.kind, self.project_grant(), claims) {
            (KeyKind::Project, Some(access), Some(claims)) => claims.jti == self.id && claims.aud == access.project,
            (KeyKind::Project, ..) | (_, _, Some(_)) => false,
            (_, _, None) => true,
        }
    }

    /// The digest of the presented secret, which may be a retired one.
    pub const fn digest(&self) -> KeyDigest {
        self.digest
    }

    /// Whether the record must be read again, because something that it depends on has changed.
    pub(super) fn is_outdated(&self) -> bool {
        self.creator.has_changed() || self.details.as_ref().is_some_and(|details| details.dependencies.have_changed())
    }

    /// Whether the secret was not replaced, or its grace period has not ended.
    pub(super) fn is_current(&self) -> bool {
        self.secret_expires_at().is_none_or(|end| Timestamp::now() < end)
    }

    /// The key's part of the response body, which changes only with the key. It is kept from the second use on, because many keys are used rarely.
    /// There is one copy per key, so every caller must pass the same function.
    pub fn body_or_render(&self, render: impl FnOnce(&Self) -> Box<str>) -> Cow<'_, str> {
        match self.body.get() {
            Some(body) => Cow::Borrowed(body),
            None if self.is_rendered.swap(true, Ordering::Relaxed) => Cow::Borrowed(self.body.get_or_init(|| render(self))),
            None => Cow::Owned(render(self).into_string()),
        }
    }

    /// Whether the key may call the model or alias of this name, ignoring case.
    pub fn may_call_model(&self, name: &str) -> bool {
        let spec = self.kind.spec();
        match self.model_access.as_ref().and_then(|access| access.models.as_ref()) {
            _ if !spec.can_call_models => false,
            Some(patterns) => patterns.iter().any(|pattern| model_matches(pattern, name)),
            None => spec.calls_all_models,
        }
    }

    /// Whether the bodies of the key's calls of models are logged.
    pub fn logs_bodies(&self) -> bool {
        self.model_access.as_ref().is_some_and(|access| access.log_bodies)
    }

    /// Whether the credits were set to 0 since `charged`, an earlier record of the key, was read. Not if they were spent.
    pub fn has_lost_credits(&self, charged: &Self) -> bool {
        let Some(limits) = &self.limits else { return false };
        let Some(credits) = limits.credits().filter(|credits| credits.is_empty) else { return false };
        let before = charged.limits.as_ref().and_then(CachedLimits::credits);
        // Without a change of the version, they were spent; so they were if this instance was granted any of the new version.
        before.is_none_or(|before| before.version != credits.version) && !limits.limiter.lock().reserve().has_been_granted(credits.version)
    }

    /// The key's own budget.
    pub fn budget(&self) -> Option<Budget> {
        self.model_access.as_ref().and_then(|access| access.budget)
    }

    pub fn belongs_to(&self, project: &str) -> bool {
        self.project_grant().is_some_and(|access| access.project.to_string() == project)
    }

    /// Price of one request; zero except for project keys.
    pub fn price(&self) -> Money {
        self.project_grant().map_or(Money::default(), |access| access.price)
    }
}

impl KeyDetails {
    /// `None` if the key has none of them.
    fn boxed(self) -> Option<Box<Self>> {
        let has_lists = !self.scopes.is_empty() || !self.corpora.is_empty() || !self.allowed_origins.is_empty();
        let has_data = self.external_id.is_some() || self.metadata.is_some();
        let has_state = self.lifecycle.is_some() || self.secret_expires_at.is_some();
        let has_any = has_lists || has_data || has_state || self.project_grant.is_some() || !self.dependencies.is_empty();
        has_any.then(|| Box::new(self))
    }
}

/// The times of a key that was neither disabled nor revoked nor deleted.
const fn of_expiry(expires_at: Option<Timestamp>) -> Lifecycle {
    Lifecycle { expires_at, disabled_at: None, revoked_at: None, deleted_at: None }
}

/// The changes that affect the key, besides changes of its own row and of its creator.
fn dependencies(record: &VerifyRecord) -> impl Iterator<Item = VerdictChange> {
    let issued = &record.issued;
    let grant = [issued.project_id.map(VerdictChange::Project), issued.role_id.map(VerdictChange::Role)];
    let corpora = record.key.corpora.iter().map(|(number, _)| VerdictChange::Corpus(record.organization_id, *number));
    grant.into_iter().flatten().chain(corpora)
}

fn has_unknown_requirement(record: &VerifyRecord) -> bool {
    let requires = record.requires.as_deref().unwrap_or_default();
    let is_unknown = requires.split_whitespace().any(|word| !KNOWN_REQUIREMENTS.contains(&word));
    if is_unknown {
        tracing::warn!(key = %record.key.id, requires, "a key is refused: it has a restriction of a newer version of latchkey");
    }
    is_unknown
}

/// Compares in constant time, independent of the index lookup. The digest of a replaced secret is not in the key's row.
fn has_digest(record: &VerifyRecord, digest: KeyDigest) -> bool {
    record.secret_expires_at.is_some() || KeyDigest::from_stored(&record.key.digest) == Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::tests::{client_key, with_details};
    use latchkey_types::{
        id::UserId,
        permission::Permission::{ManageProjects, ManageRoles, ViewProject},
    };

    fn issued() -> IssuedColumns {
        IssuedColumns {
            project_id: Some(ProjectId::new()),
            revealed_at: Some(Timestamp(1)),
            role_id: None,
            role: Some("manager".to_owned()),
            role_permissions: Some(Permissions::of(&[ManageProjects, ManageRoles, ViewProject])),
            price: Some(Money(2500)),
        }
    }

    fn claims(jti: KeyId, aud: ProjectId) -> Claims {
        Claims { iss: String::new(), aud, sub: UserId::new(), jti, role: "manager".to_owned(), iat: 0, exp: None }
    }

    #[test]
    fn a_grant_has_the_permissions_that_apply_to_projects() {
        let grant = ProjectGrant::from_columns(&issued()).unwrap();
        assert_eq!((grant.role.as_deref(), grant.price), (Some("manager"), Money(2500)));
        assert!(grant.permissions.has(ManageProjects) && grant.permissions.has(ViewProject) && !grant.permissions.has(ManageRoles));
        let mut scopes = grant.scopes();
        scopes.sort();
        assert_eq!(scopes, ["manage_projects", "view_project"]);
        assert!(ProjectGrant::from_columns(&IssuedColumns { revealed_at: None, ..issued() }).is_none());
        assert!(ProjectGrant::from_columns(&IssuedColumns { project_id: None, ..issued() }).is_none());
        let deleted = ProjectGrant::from_columns(&IssuedColumns { role: None, role_permissions: None, ..issued() }).unwrap();
        assert_eq!(deleted.permissions, Permissions::default());
    }

    #[test]
    fn only_a_project_key_matches_claims_and_only_its_own() {
        let client = client_key("a");
        assert!(client.matches_claims(None) && !client.matches_claims(Some(&claims(client.id, ProjectId::new()))));
        let grant = ProjectGrant::from_columns(&issued()).unwrap();
        let project = grant.project;
        let with_grant = |project_grant| CachedKey {
            kind: KeyKind::Project,
            ..with_details(KeyDetails { project_grant, ..KeyDetails::default() }, client_key("a"))
        };
        let key = with_grant(Some(Box::new(grant)));
        assert!(key.matches_claims(Some(&claims(key.id, project))));
        assert!(!key.matches_claims(Some(&claims(KeyId::new(), project))));
        assert!(!key.matches_claims(Some(&claims(key.id, ProjectId::new()))));
        assert!(!key.matches_claims(None));
        assert!(key.belongs_to(&project.to_string()) && !key.belongs_to("") && !client.belongs_to(&project.to_string()));
        assert_eq!((key.price(), client.price()), (Money(2500), Money(0)));
        let without_grant = CachedKey { id: key.id, ..with_grant(None) };
        assert!(!without_grant.matches_claims(None) && !without_grant.matches_claims(Some(&claims(without_grant.id, project))));
    }

    #[test]
    fn a_replaced_secret_is_current_until_its_grace_period_ends() {
        for (end, is_current) in [(None, true), (Some(60_000), true), (Some(-1), false)] {
            let secret_expires_at = end.map(|end| Timestamp::now().plus_ms(end));
            let key = with_details(KeyDetails { secret_expires_at, ..KeyDetails::default() }, client_key("a"));
            assert_eq!(key.is_current(), is_current, "{end:?}");
        }
    }

    #[test]
    fn models_are_allowed_by_kind_and_pattern() {
        let allowed = |kind: KeyKind, models: Option<&[&str]>| {
            let models = models.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            let access = ModelAccess { models, ..ModelAccess::default() };
            let key = CachedKey { kind, model_access: Some(Box::new(access)), ..client_key("a") };
            ["gpt-5", "GPT-5-mini", "claude"].map(|name| key.may_call_model(name))
        };
        assert_eq!((allowed(KeyKind::Agent, None), allowed(KeyKind::Client, None)), ([true; 3], [false; 3]));
        for kind in [KeyKind::Agent, KeyKind::Client] {
            assert_eq!(allowed(kind, Some(&[])), [false; 3]);
            assert_eq!(allowed(kind, Some(&["gpt-5"])), [true, false, false]);
            assert_eq!(allowed(kind, Some(&["Claude", "gpt-*"])), [true; 3]);
        }
        assert_eq!(allowed(KeyKind::Internal, Some(&["*"])), [false; 3]);
        assert!(CachedKey { kind: KeyKind::Agent, ..client_key("a") }.may_call_model("gpt-5") && !client_key("a").may_call_model("gpt-5"));
    }

    #[test]
    fn a_body_is_kept_from_the_second_use_on() {
        let key = client_key("a");
        for _ in 0..2 {
            assert!(key.body.get().is_none());
            assert_eq!(key.body_or_render(|key| key.name.clone()), "a");
        }
        assert_eq!(key.body_or_render(|_| unreachable!("the body is kept")), "a");
    }

    #[test]
    fn a_key_has_no_details_unless_it_needs_them() {
        let at = Some(Timestamp(1));
        assert!(KeyDetails::default().boxed().is_none());
        let lifecycle = Lifecycle { disabled_at: at, ..of_expiry(at) };
        let origin: Box<str> = "https://example.com".into();
        let details = [
            KeyDetails { scopes: ["read".to_owned()].into(), ..KeyDetails::default() },
            KeyDetails { corpora: [1].into(), ..KeyDetails::default() },
            KeyDetails { external_id: Some("a".into()), ..KeyDetails::default() },
            KeyDetails { metadata: RawValue::from_string("{}".to_owned()).ok(), ..KeyDetails::default() },
            KeyDetails { lifecycle: Some(Box::new(lifecycle)), ..KeyDetails::default() },
            KeyDetails { secret_expires_at: at, ..KeyDetails::default() },
            KeyDetails { allowed_origins: [origin].into(), ..KeyDetails::default() },
            KeyDetails { project_grant: ProjectGrant::from_columns(&issued()).map(Box::new), ..KeyDetails::default() },
            KeyDetails { dependencies: DependencyFlags::default().of([VerdictChange::Project(ProjectId::new())]), ..KeyDetails::default() },
        ];
        assert!(details.into_iter().all(|details| details.boxed().is_some()));
        let key = CachedKey { expires_at: at, ..client_key("a") };
        assert_eq!(key.lifecycle(), of_expiry(at));
        let details = KeyDetails { lifecycle: Some(Box::new(lifecycle)), ..KeyDetails::default() };
        assert_eq!(with_details(details, key).lifecycle(), lifecycle);
    }

    /// See the sizes in `docs/architecture.md`: with a million cached keys, a byte more is a megabyte.
    #[test]
    fn a_cached_key_is_small() {
        // The reference counts add 16 bytes. The allocator has a size class of 192 bytes, and none between that and 160.
        assert!(size_of::<CachedKey>() <= 176, "{}", size_of::<CachedKey>());
        assert!(size_of::<KeyDetails>() <= 128, "{}", size_of::<KeyDetails>());
        assert!(size_of::<CachedLimits>() <= 32, "{}", size_of::<CachedLimits>());
        assert!(size_of::<Limiter>() <= 80, "{}", size_of::<Limiter>());
    }
}
