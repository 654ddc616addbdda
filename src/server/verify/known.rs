//! A key as it is known in memory.

use std::sync::{Arc, OnceLock};

use ipnet::IpNet;
use serde_json::value::RawValue;

use super::{
    live::Live,
    plans::{Plan, Plans},
};
use crate::{
    model::{
        id::{KeyId, OrganizationId, ProjectId, UserId},
        money::Money,
        permission::{Permission, Permissions},
        policy::{KeyKind, Lifecycle},
        project::IN_PROJECT,
        time::Timestamp,
    },
    server::{
        project_keys::token::Claims,
        store::keys::{IssuedColumns, LimitColumns, VerifyRecord},
        token::KeyDigest,
    },
};

/// All that is needed to judge a key; never changed, only replaced.
pub struct KnownKey {
    pub(super) digest: KeyDigest,
    /// Its id.
    pub id: KeyId,
    /// Its kind.
    pub kind: KeyKind,
    /// Its name.
    pub name: Box<str>,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The number of that organization.
    pub customer_id: i64,
    /// Who made it.
    pub created_by: UserId,
    /// What they may do now.
    pub permissions: Permissions,
    /// What it may be used for.
    pub scopes: Box<[String]>,
    /// Which corpora it opens.
    pub corpora: Box<[i64]>,
    /// Whose it is, in the words of the API that it is for.
    pub external_id: Option<Box<str>>,
    /// What that API notes of it: a flat JSON object.
    pub metadata: Option<Box<RawValue>>,
    /// The moments that decide what it is.
    pub lifecycle: Lifecycle,
    /// Until when this secret of it is good, if it was replaced.
    pub retires_at: Option<Timestamp>,
    /// What limits it, if anything does.
    pub limits: Option<KnownLimits>,
    /// What a project key has beside that.
    pub of_project: Option<Box<OfProject>>,
    /// What every verdict tells of it, as JSON, once there was one.
    pub(super) told: OnceLock<Box<str>>,
}

/// What limits a key, and what it has taken of that.
pub struct KnownLimits {
    /// How often it may be used.
    pub rates: Plan,
    /// The setting of its credits, if it has any: a number that is counted up whenever somebody sets them.
    pub credits: Option<i64>,
    /// From which networks it may be presented; from everywhere where there is none.
    pub networks: Box<[IpNet]>,
    pub(super) live: Arc<Live>,
}

/// What a project key has that others have not, as it stands now.
pub struct OfProject {
    /// What it gives access to.
    pub project: ProjectId,
    /// The name of its role; `None` for one that is gone, which permits nothing.
    pub role: Option<Box<str>>,
    /// What that role permits of what counts in a project.
    pub permissions: Permissions,
    /// What a request costs.
    pub price: Money,
}

impl OfProject {
    /// `None` for what is no key of a project, of one that was deleted, and before its reveal.
    fn read(issued: &IssuedColumns) -> Option<Self> {
        issued.revealed_at?;
        let of_role = Permissions::from_words(issued.role_permissions.as_deref().unwrap_or_default());
        let permissions: Vec<Permission> = IN_PROJECT.into_iter().filter(|permission| of_role.has(*permission)).collect();
        Some(Self {
            project: issued.project_id.as_deref()?.parse().ok()?,
            role: issued.role.as_deref().map(Into::into),
            permissions: Permissions::of(&permissions),
            price: Money(issued.price.unwrap_or_default()),
        })
    }

    /// What it may do, as words.
    fn scopes(&self) -> Vec<String> {
        self.permissions.iter().map(|permission| permission.word().to_owned()).collect()
    }
}

impl KnownLimits {
    /// The outer `None` when what is stored can't be read: a key whose limits are unknown is not judged valid.
    #[expect(clippy::option_option, reason = "no limits are not the same as limits that can't be read")]
    fn read(stored: &LimitColumns, plans: &Plans, live: impl FnOnce() -> Arc<Live>) -> Option<Option<Self>> {
        let (rates, networks, credits) = (plans.of(stored)?, stored.networks()?, stored.account().map(|account| account.version));
        let has_any = !rates.is_empty() || !networks.is_empty() || credits.is_some();
        Some(has_any.then(|| Self { rates, credits, networks: networks.into(), live: live() }))
    }
}

impl KnownKey {
    /// `None` when a stored word is none of ours: such a key is not judged valid.
    pub(super) fn read(record: &VerifyRecord, digest: KeyDigest, plans: &Plans, live: impl FnOnce(KeyId) -> Arc<Live>) -> Option<Self> {
        if !is_of(record, digest) {
            return None;
        }
        let row = record.key.row().ok()?;
        let of_project = OfProject::read(&record.issued).map(Box::new);
        let id: KeyId = record.key.id.parse().ok()?;
        Some(Self {
            digest,
            id,
            kind: record.key.kind().ok()?,
            name: row.name.into(),
            organization: record.organization_id.parse().ok()?,
            customer_id: record.customer_id,
            created_by: row.creator,
            permissions: Permissions::from_words(&record.permissions),
            scopes: of_project.as_ref().map_or(row.scopes, |own| own.scopes()).into(),
            corpora: record.key.corpora.iter().map(|(id, _)| *id).collect(),
            external_id: row.external_id.map(Into::into),
            metadata: row.metadata.and_then(|metadata| RawValue::from_string(metadata).ok()),
            lifecycle: record.key.lifecycle(),
            retires_at: record.retires_at.map(Timestamp),
            limits: KnownLimits::read(&record.key.limits, plans, || live(id))?,
            of_project,
            told: OnceLock::new(),
        })
    }

    /// Whether it is what its token says, where it has one: a project key needs one, of this key and project, and others have none.
    pub(super) fn is_as_signed(&self, claims: Option<&Claims>) -> bool {
        match (self.kind, &self.of_project, claims) {
            (KeyKind::Project, Some(own), Some(claims)) => claims.jti == self.id && claims.aud == own.project,
            (KeyKind::Project, ..) | (_, _, Some(_)) => false,
            (_, _, None) => true,
        }
    }

    /// Whether the secret by which it is known is good still.
    pub(super) fn is_current(&self) -> bool {
        self.retires_at.is_none_or(|end| Timestamp::now() < end)
    }

    /// Whether it opens this project.
    pub fn is_of(&self, project: &str) -> bool {
        self.of_project.as_ref().is_some_and(|own| own.project.to_string() == project)
    }

    /// What a request with it costs.
    pub fn price(&self) -> Money {
        self.of_project.as_ref().map_or(Money::default(), |own| own.price)
    }
}

/// Compared in constant time, whatever the index found. A secret that was replaced has no digest in the key's own row.
fn is_of(record: &VerifyRecord, digest: KeyDigest) -> bool {
    record.retires_at.is_some() || KeyDigest::from_stored(&record.key.digest) == Some(digest)
}
