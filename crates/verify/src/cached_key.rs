//! A key as it is cached in memory.

use std::sync::{Arc, OnceLock};

use serde_json::value::RawValue;

use super::{
    dependencies::{Dependencies, DependencyFlags},
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
    id::{KeyId, OrganizationId, ProjectId, UserId},
    key_kind::{KeyKind, Lifecycle},
    money::Money,
    permission::{Permission, Permissions},
    project::IN_PROJECT,
    time::Timestamp,
};

/// The restrictions in `api_keys.requires` that this version judges. A restriction that earlier versions must not ignore is added there.
const KNOWN_REQUIREMENTS: &[&str] = &[];

/// Everything needed to evaluate a key. Immutable; replaced when the key changes.
pub struct CachedKey {
    pub(super) digest: KeyDigest,
    pub id: KeyId,
    pub kind: KeyKind,
    pub name: Box<str>,
    pub organization: OrganizationId,
    pub customer_id: i64,
    pub created_by: UserId,
    /// Current permissions of the creator.
    pub permissions: Permissions,
    pub scopes: Box<[String]>,
    /// Ids of the corpora that the key gives access to.
    pub corpora: Box<[i64]>,
    /// The customer's id of the key's owner.
    pub external_id: Option<Box<str>>,
    /// The customer's own data: a flat JSON object.
    pub metadata: Option<Box<RawValue>>,
    pub lifecycle: Lifecycle,
    /// Whether the key has a restriction of a newer version, which this one cannot judge.
    pub(super) has_unknown_requirement: bool,
    /// End of the grace period, if this secret was replaced.
    pub secret_expires_at: Option<Timestamp>,
    pub limits: Option<CachedLimits>,
    /// Origins of web pages that may use the key; empty allows any. See [`is_origin_allowed`](super::is_origin_allowed).
    pub allowed_origins: Box<[Box<str>]>,
    /// What the key may do with language models; `None` for the defaults of its kind.
    pub model_access: Option<Box<ModelAccess>>,
    /// Set for project keys only.
    pub project_grant: Option<Box<ProjectGrant>>,
    /// Set when the creator, a role, the project or a corpus changes.
    pub(super) dependencies: Dependencies,
    /// See [`CachedKey::body_or_render`].
    pub(super) body: OnceLock<Box<str>>,
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
        limiter: impl FnOnce(KeyId) -> Arc<Limiter>,
    ) -> Option<Self> {
        if !has_digest(record, digest) {
            return None;
        }
        let row = record.key.row().ok()?;
        let project_grant = ProjectGrant::from_columns(&record.issued).map(Box::new);
        let id = record.key.id;
        Some(Self {
            digest,
            id,
            kind: record.key.kind,
            name: row.name.into(),
            organization: record.organization_id,
            customer_id: record.customer_id,
            created_by: row.creator,
            permissions: record.permissions,
            scopes: project_grant.as_ref().map_or(row.scopes, |access| access.scopes()).into(),
            corpora: record.key.corpora.iter().map(|(id, _)| *id).collect(),
            external_id: row.external_id.map(Into::into),
            metadata: row.metadata.and_then(|metadata| RawValue::from_string(metadata).ok()),
            lifecycle: record.key.lifecycle(),
            has_unknown_requirement: has_unknown_requirement(record),
            secret_expires_at: record.secret_expires_at,
            limits: CachedLimits::from_columns(&record.key.limits, interner, || limiter(id))?,
            allowed_origins: row.limits.allowed_origins.into_iter().map(Into::into).collect(),
            model_access: (!row.model_access.is_empty()).then(|| Box::new(row.model_access)),
            project_grant,
            dependencies: flags.of(dependencies(record)),
            body: OnceLock::new(),
        })
    }

    /// Whether the token's claims fit the key: a project key needs claims with its id and project, other kinds have no claims.
    pub(super) fn matches_claims(&self, claims: Option<&Claims>) -> bool {
        match (self.kind, &self.project_grant, claims) {
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
        self.dependencies.have_changed()
    }

    /// Whether the secret was not replaced, or its grace period has not ended.
    pub(super) fn is_current(&self) -> bool {
        self.secret_expires_at.is_none_or(|end| Timestamp::now() < end)
    }

    /// The key's part of the response body, rendered on first use: it changes only with the key. There is one cache per key, so every caller
    /// must pass the same function.
    pub fn body_or_render(&self, render: impl FnOnce(&Self) -> Box<str>) -> &str {
        self.body.get_or_init(|| render(self))
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
        let Some(credits) = limits.credits.filter(|credits| credits.is_empty) else { return false };
        let before = charged.limits.as_ref().and_then(|limits| limits.credits);
        // Without a change of the version, they were spent; so they were if this instance was granted any of the new version.
        before.is_none_or(|before| before.version != credits.version) && !limits.limiter.lock().reserve().has_been_granted(credits.version)
    }

    /// The key's own budget.
    pub fn budget(&self) -> Option<Budget> {
        self.model_access.as_ref().and_then(|access| access.budget)
    }

    pub fn belongs_to(&self, project: &str) -> bool {
        self.project_grant.as_ref().is_some_and(|access| access.project.to_string() == project)
    }

    /// Price of one request; zero except for project keys.
    pub fn price(&self) -> Money {
        self.project_grant.as_ref().map_or(Money::default(), |access| access.price)
    }
}

/// The changes that affect the key, besides changes of its own row.
fn dependencies(record: &VerifyRecord) -> impl Iterator<Item = VerdictChange> {
    let issued = &record.issued;
    let grant = [issued.project_id.map(VerdictChange::Project), issued.role_id.map(VerdictChange::Role)];
    let corpora = record.key.corpora.iter().map(|(number, _)| VerdictChange::Corpus(record.organization_id, *number));
    [VerdictChange::Creator(record.key.created_by), VerdictChange::Role(record.role_id)].into_iter().chain(grant.into_iter().flatten()).chain(corpora)
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
    use crate::evaluate::tests::client_key;
    use latchkey_types::permission::Permission::{ManageProjects, ManageRoles, ViewProject};

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
        let key = CachedKey { kind: KeyKind::Project, project_grant: Some(Box::new(grant)), ..client_key("a") };
        assert!(key.matches_claims(Some(&claims(key.id, project))));
        assert!(!key.matches_claims(Some(&claims(KeyId::new(), project))));
        assert!(!key.matches_claims(Some(&claims(key.id, ProjectId::new()))));
        assert!(!key.matches_claims(None));
        assert!(key.belongs_to(&project.to_string()) && !key.belongs_to("") && !client.belongs_to(&project.to_string()));
        assert_eq!((key.price(), client.price()), (Money(2500), Money(0)));
        let without_grant = CachedKey { project_grant: None, ..key };
        assert!(!without_grant.matches_claims(None) && !without_grant.matches_claims(Some(&claims(without_grant.id, project))));
    }

    #[test]
    fn a_replaced_secret_is_current_until_its_grace_period_ends() {
        for (end, is_current) in [(None, true), (Some(60_000), true), (Some(-1), false)] {
            let key = CachedKey { secret_expires_at: end.map(|end| Timestamp::now().plus_ms(end)), ..client_key("a") };
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
    fn body_is_rendered_once() {
        let key = client_key("a");
        assert_eq!(key.body_or_render(|key| key.name.clone()), "a");
        assert_eq!(key.body_or_render(|_| unreachable!("the body is cached")), "a");
    }
}
