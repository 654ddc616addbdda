//! The verdict: what is asked, the order of the checks, what is answered.

use std::net::IpAddr;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::KnownKey;
use crate::model::{
    id::{KeyId, ProjectId, RequestId},
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
    pub project_id: Option<ProjectId>,
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
        project_id: told.and_then(|key| key.of_project.as_ref()).map(|own| own.project),
        role: told.and_then(|key| key.of_project.as_ref()).and_then(|own| own.role.clone()),
        expires_at: told.and_then(|key| key.lifecycle.expires_at).map(Timestamp::rfc3339),
        request_id: RequestId::new(),
    }
}

fn code(key: &KnownKey, ask: &Ask, now: Timestamp) -> Code {
    match key.lifecycle.status(now) {
        Status::Deleted | Status::Revoked => Code::NotFound,
        Status::Expired => Code::Expired,
        Status::Disabled => Code::Disabled,
        // A project only opens to its own keys.
        Status::Active if ask.project.as_deref().is_some_and(|project| !key.is_of(project)) => Code::Forbidden,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{
            id::{OrganizationId, UserId},
            money::Money,
            permission::{Permission, Permissions},
            policy::Lifecycle,
        },
        server::{token::KeyDigest, verify::OfProject},
    };

    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const HOUR_MS: i64 = 60 * 60 * 1000;

    /// A key of a project, by whose role it may be viewed.
    fn known(lifecycle: Lifecycle) -> KnownKey {
        let own = OfProject {
            project: ProjectId::new(),
            role: Some("viewer".to_owned()),
            permissions: Permissions::of(&[Permission::ViewProject]),
            price: Money(2500),
        };
        KnownKey {
            digest: KeyDigest::from_stored(&[7; 32]).unwrap(),
            id: KeyId::new(),
            kind: KeyKind::Project,
            name: "reader".to_owned(),
            organization: OrganizationId::new(),
            customer_id: 1,
            created_by: UserId::new(),
            // The holder may more: it does not count.
            permissions: Permissions::of(Permission::ALL),
            scopes: vec!["view_project".to_owned()],
            corpora: Vec::new(),
            external_id: None,
            metadata: None,
            lifecycle,
            retires_at: None,
            of_project: Some(own),
        }
    }

    fn ask(scope: Option<&str>, project: Option<String>) -> Ask {
        Ask { key: "".into(), scope: scope.map(ToOwned::to_owned), corpus: None, project, cost: None, ip: None }
    }

    fn ending(at: Timestamp) -> Lifecycle {
        Lifecycle { expires_at: Some(at), disabled_at: None, revoked_at: None, deleted_at: None }
    }

    #[test]
    fn a_key_ends_by_the_clock_of_this_machine_without_leeway() {
        let key = known(ending(NOW));
        for (off, code) in [(-HOUR_MS, Code::Valid), (-1, Code::Valid), (0, Code::Expired), (HOUR_MS, Code::Expired)] {
            assert_eq!(judge(Some(&key), &ask(None, None), NOW.plus_ms(off)).code, code, "the clock is off by {off} ms");
        }
        // One that ended an hour ago is taken again by a clock that is more than an hour late, and by no other.
        let key = known(ending(NOW.plus_ms(-HOUR_MS)));
        assert_eq!(judge(Some(&key), &ask(None, None), NOW).code, Code::Expired);
        assert_eq!(judge(Some(&key), &ask(None, None), NOW.plus_ms(-HOUR_MS)).code, Code::Expired);
        assert_eq!(judge(Some(&key), &ask(None, None), NOW.plus_ms(-HOUR_MS - 1)).code, Code::Valid);
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
            let verdict = judge(Some(&key), &ask(scope, project.clone()), NOW);
            assert_eq!(verdict.code, code, "{scope:?} {project:?}");
            assert_eq!((verdict.project_id, verdict.role.as_deref()), (Some(own), Some("viewer")));
        }
    }
}
