//! The frame of every rule that changes something: authorize, begin a transaction, check the actor again inside it, change, write the audit
//! events, commit, and publish what the transaction touched to the caches.

use super::{
    Core,
    actor::{Actor, AuthMethod, SessionDigest},
    audit::{Auditor, Event},
    auth::session,
    receipts::{self, ReceiptIssuer},
};
use latchkey_crypto::key_format::KeyDigest;
use latchkey_store::{self as store, Tx, WriteLock};
use latchkey_types::{
    error::Error,
    id::KeyId,
    key_kind::Status,
    permission::{Permission, Scopes},
    time::Timestamp,
};

/// A change by an actor: a write transaction in which the actor was authorized. It is rolled back if it is dropped without
/// [`Change::commit`].
pub struct Change {
    pub tx: Tx,
    /// With the permissions that were current when the transaction began.
    pub actor: Actor,
    auditor: Auditor,
    receipt_issuer: ReceiptIssuer,
}

impl Core {
    /// Begins a change by an actor who needs one of `permissions`; none if the list is empty. It excludes all others in the organization. The
    /// session or key, and the permissions, are checked again inside the transaction: they may have been revoked since the request began. They stay
    /// as they are until it ends. A refusal by that check is audited.
    ///
    /// # Errors
    /// `Forbidden`, with the first of the permissions; `SignedOut` or `InvalidApiKey` if the session or key is no longer valid.
    pub async fn begin(&self, actor: &Actor, permissions: &[Permission]) -> Result<Change, Error> {
        self.begin_locked(actor, permissions, WriteLock::Organization(actor.organization), &[]).await
    }

    /// Begins a change as [`Core::begin`] does, which excludes all others: for what organizations have in common.
    ///
    /// # Errors
    /// Those of [`Core::begin`].
    pub async fn begin_alone(&self, actor: &Actor, permissions: &[Permission]) -> Result<Change, Error> {
        self.begin_locked(actor, permissions, WriteLock::Everything, &[]).await
    }

    /// Begins a change as [`Core::begin`] does, of only these keys, which it locks, and of new ones. Other changes of keys in the organization may be
    /// made at the same time; everything else in it stays as it is.
    ///
    /// # Errors
    /// Those of [`Core::begin`].
    pub async fn begin_for_keys(&self, actor: &Actor, permissions: &[Permission], keys: &[KeyId]) -> Result<Change, Error> {
        actor.require_any(permissions)?;
        let lock = store::keys::locks::lock_to_change(&self.store, actor.organization, keys).await?;
        self.begin_locked(actor, permissions, lock, keys).await
    }

    async fn begin_locked(&self, actor: &Actor, permissions: &[Permission], lock: WriteLock, keys: &[KeyId]) -> Result<Change, Error> {
        // Most refusals then need no transaction.
        actor.require_any(permissions)?;
        let mut tx = self.store.begin_locked(lock).await?;
        store::keys::locks::lock(&mut tx, actor.organization, keys).await?;
        match reload_permitted(&mut tx, actor, permissions).await {
            Ok(actor) => Ok(self.change(tx, actor)),
            Err(error) => {
                if matches!(error, Error::SignedOut | Error::InvalidApiKey | Error::Forbidden { .. }) {
                    warn_if_unrecorded(self.write_refusal(tx, actor, error.code()).await);
                }
                Err(error)
            }
        }
    }

    /// Audits the refusal of a request that was permitted when it began, with the code of its error. If the event cannot be written, the request
    /// is refused all the same.
    pub async fn record_refusal(&self, actor: &Actor, reason: &str) {
        let recorded = match self.store.begin_locked(WriteLock::Nothing).await {
            Ok(tx) => self.write_refusal(tx, actor, reason).await,
            Err(error) => Err(error),
        };
        warn_if_unrecorded(recorded);
    }

    /// Writes the event and commits the transaction, in which nothing else was written.
    async fn write_refusal(&self, tx: Tx, actor: &Actor, reason: &str) -> Result<(), Error> {
        let (kind, id) = match actor.auth_method {
            AuthMethod::Key { id, .. } => ("key", id.to_string()),
            AuthMethod::Session(_) | AuthMethod::Password | AuthMethod::Console => ("session", actor.user.to_string()),
        };
        let change = self.change(tx, actor.clone());
        let event = change.event("request.refused", kind, id, &actor.name).with("reason", reason);
        change.commit([event]).await
    }

    /// Begins a change by an actor without a session or key to check: the console, or a user who is signing in or being created. It excludes all
    /// others in the organization.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn begin_unchecked(&self, actor: Actor) -> Result<Change, Error> {
        Ok(self.change(self.store.begin_locked(WriteLock::Organization(actor.organization)).await?, actor))
    }

    /// Begins a change as [`Core::begin_unchecked`] does, which excludes all others: for a new organization.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn begin_alone_unchecked(&self, actor: Actor) -> Result<Change, Error> {
        Ok(self.change(self.store.begin().await?, actor))
    }

    fn change(&self, tx: Tx, actor: Actor) -> Change {
        Change { tx, actor, auditor: self.auditor.clone(), receipt_issuer: self.receipt_issuer.clone() }
    }
}

impl Change {
    /// Creates an audit event of the actor; see [`Event::new`].
    pub fn event(&self, action: &'static str, object_kind: &'static str, id: impl ToString, name: &str) -> Event {
        Event::new(&self.actor, action, object_kind, id, name)
    }

    /// Writes the audit events, commits, and publishes what the transaction touched. If it took access away, also waits until that is effective
    /// on every instance, and issues a receipt.
    ///
    /// # Errors
    /// `Uncertain` if the database did not answer the commit: the change may have been made. After any other error, nothing was changed.
    pub async fn commit(self, events: impl IntoIterator<Item = Event>) -> Result<(), Error> {
        let Self { tx, actor, auditor, receipt_issuer } = self;
        let events: Vec<Event> = events.into_iter().collect();
        let change = receipts::change_of(&events);
        if let (Some(effect), Some(change)) = (auditor.commit(tx, events).await?, change) {
            receipt_issuer.issue(actor.organization, change, effect).await;
        }
        Ok(())
    }
}

fn warn_if_unrecorded(recorded: Result<(), Error>) {
    if let Err(error) = recorded {
        tracing::warn!(%error, "cannot audit a refused request");
    }
}

/// The actor as [`reload`] returns it, if they still have one of `permissions`.
async fn reload_permitted(tx: &mut Tx, actor: &Actor, permissions: &[Permission]) -> Result<Actor, Error> {
    let actor = reload(tx, actor).await?;
    actor.require_any(permissions)?;
    Ok(actor)
}

/// The actor with the permissions and scopes of now, if the session or key that authenticated them is still valid. It is locked, so that who takes it
/// away waits for this change: none is committed after that. Roles and members change only in transactions that exclude this one.
async fn reload(tx: &mut Tx, actor: &Actor) -> Result<Actor, Error> {
    match actor.auth_method {
        AuthMethod::Session(digest) => reload_session(tx, actor, &digest).await,
        AuthMethod::Key { id, digest } => reload_key(tx, actor, id, &digest).await,
        AuthMethod::Password | AuthMethod::Console => Ok(actor.clone()),
    }
}

async fn reload_session(tx: &mut Tx, actor: &Actor, digest: &SessionDigest) -> Result<Actor, Error> {
    store::sessions::lock_unchanged(tx, digest).await?;
    let (_, user) = session::look_up(tx, digest).await?.ok_or(Error::SignedOut)?;
    Ok(Actor { permissions: user.permissions, ..actor.clone() })
}

async fn reload_key(tx: &mut Tx, actor: &Actor, id: KeyId, digest: &KeyDigest) -> Result<Actor, Error> {
    store::keys::locks::lock_unchanged(tx, id).await?;
    let now = Timestamp::now();
    let found = store::keys::find_by_digest(tx, digest.as_bytes()).await?.filter(|found| {
        let is_replaced = found.secret_expires_at.is_some_and(|end| end <= now);
        found.key.id == id && !is_replaced && found.key.lifecycle().status(now) == Status::Active
    });
    let found = found.ok_or(Error::InvalidApiKey)?;
    Ok(Actor { permissions: found.permissions, scopes: Some(Scopes::parse(&found.key.scopes())), ..actor.clone() })
}

#[cfg(test)]
mod tests {
    use latchkey_test_db::TestData;

    use super::*;
    use crate::testing::{new_core, new_owner};
    use latchkey_store::{
        audit::AuditRow,
        keys::{KeyAttributes, NewKey},
    };
    use latchkey_types::{
        id::{OrganizationId, UserId},
        key_kind::KeyKind,
        permission::{Permissions, Scope},
    };

    const DIGEST: SessionDigest = [7; 32];
    const KEY: &str = "the current secret";

    /// An owner with a session and an internal key.
    struct Fixture {
        core: Core,
        organization: OrganizationId,
        user: UserId,
        key: KeyId,
        _data: TestData,
    }

    impl Fixture {
        async fn new() -> Self {
            let (core, data) = new_core().await;
            let Actor { organization, user, .. } = new_owner(&core).await;
            let (mut tx, key) = (core.store.begin().await.unwrap(), KeyId::new());
            assert!(store::sessions::insert(&mut tx, &DIGEST, user, "", "", "").await.unwrap());
            let attributes = KeyAttributes {
                name: "deploy".to_owned(),
                scopes: "keys:read verify".to_owned(),
                external_id: None,
                metadata: None,
                expires_at: None,
                rate_limits: None,
                address_rate_limits: None,
                allowed_ips: None,
                allowed_origins: None,
                model_access: None,
            };
            let new_key = NewKey {
                id: key,
                organization,
                kind: KeyKind::Internal,
                attributes,
                credits: None,
                digest: core.pepper.digest(KEY).as_bytes().to_vec(),
                mask: "…".to_owned(),
                corpora: Vec::new(),
                created_by: user,
                created_at: Timestamp::now(),
            };
            store::keys::insert(&mut tx, &new_key).await.unwrap();
            tx.commit().await.unwrap();
            Self { core, organization, user, key, _data: data }
        }

        /// Without permissions and scopes: those that were current when the request began must not count.
        fn actor(&self, auth_method: AuthMethod) -> Actor {
            Actor {
                organization: self.organization,
                user: self.user,
                name: "Ada".to_owned(),
                auth_method,
                permissions: Permissions::default(),
                scopes: None,
                address: None,
            }
        }

        fn session(&self) -> Actor {
            self.actor(AuthMethod::Session(DIGEST))
        }

        fn key(&self, secret: &str) -> Actor {
            self.actor(AuthMethod::Key { id: self.key, digest: self.core.pepper.digest(secret) })
        }

        async fn write(&self, change: impl AsyncFnOnce(&mut Tx)) {
            let mut tx = self.core.store.begin().await.unwrap();
            change(&mut tx).await;
            tx.commit().await.unwrap();
        }

        /// The error of a change that needs one of these permissions.
        async fn refusal(&self, actor: &Actor, permissions: &[Permission]) -> Option<Error> {
            self.core.begin(actor, permissions).await.err()
        }

        /// The rows of the audit log.
        async fn recorded(&self) -> Vec<AuditRow> {
            store::audit::after(self.core.store.read().unwrap(), 0, 100).await.unwrap()
        }
    }

    #[tokio::test]
    async fn a_change_is_committed_with_its_events() {
        let fixture = Fixture::new().await;
        let mut change = fixture.core.begin_unchecked(fixture.actor(AuthMethod::Console)).await.unwrap();
        store::sessions::delete(&mut change.tx, &DIGEST).await.unwrap();
        drop(change);
        assert!(fixture.recorded().await.is_empty(), "a change that is dropped is rolled back");
        let mut change = fixture.core.begin(&fixture.session(), &[]).await.unwrap();
        store::sessions::delete(&mut change.tx, &DIGEST).await.unwrap();
        let event = change.event("session.ended", "user", fixture.user, "Ada");
        change.commit([event]).await.unwrap();
        let rows = fixture.recorded().await;
        assert_eq!((rows.len(), rows[0].action.as_str(), rows[0].object_id.clone()), (1, "session.ended", fixture.user.to_string()));
        assert_eq!(fixture.refusal(&fixture.session(), &[]).await, Some(Error::SignedOut));
    }

    #[tokio::test]
    async fn a_change_has_the_permissions_of_now() {
        let fixture = Fixture::new().await;
        let all = Permissions::of(Permission::ALL);
        let change = fixture.core.begin(&fixture.session(), &[]).await.unwrap();
        assert_eq!((change.actor.permissions, change.actor.scopes), (all, None));
        drop(change);
        let change = fixture.core.begin(&fixture.key(KEY), &[]).await.unwrap();
        assert_eq!((change.actor.permissions, change.actor.scopes), (all, Some(Scopes::of([Scope::KeysRead, Scope::Verify]))));
        drop(change);
        for auth_method in [AuthMethod::Console, AuthMethod::Password] {
            let change = fixture.core.begin(&fixture.actor(auth_method), &[]).await.unwrap();
            assert_eq!(change.actor.permissions, Permissions::default(), "there is nothing to check again");
        }
    }

    #[tokio::test]
    async fn a_permission_that_was_revoked_is_refused_and_recorded() {
        let fixture = Fixture::new().await;
        let needed = [Permission::ManageRoles];
        let forbidden = Some(Error::forbidden(Permission::ManageRoles));
        assert_eq!(fixture.refusal(&fixture.session(), &needed).await, forbidden, "the request was not permitted when it began");
        assert!(fixture.recorded().await.is_empty());
        let roles = store::roles::list(&mut fixture.core.store.connection().await.unwrap(), fixture.organization).await.unwrap();
        let viewer = roles.iter().find(|role| role.name == "viewer").unwrap().id;
        fixture.write(async |tx| store::members::set_role(tx, fixture.user, viewer).await.unwrap()).await;
        for (actor, kind, id) in [(fixture.session(), "session", fixture.user.to_string()), (fixture.key(KEY), "key", fixture.key.to_string())] {
            let actor = Actor { permissions: Permissions::of(Permission::ALL), ..actor };
            assert_eq!(fixture.refusal(&actor, &needed).await, forbidden);
            let row = fixture.recorded().await.pop().unwrap();
            assert_eq!((row.action.as_str(), row.object_kind.as_str(), row.object_id), ("request.refused", kind, id));
            assert_eq!(row.detail, r#"{"reason":"forbidden"}"#);
        }
        assert_eq!(fixture.recorded().await.len(), 2);
    }

    #[tokio::test]
    async fn a_key_that_is_no_longer_valid_changes_nothing() {
        let fixture = Fixture::new().await;
        let other_id = fixture.actor(AuthMethod::Key { id: KeyId::new(), digest: fixture.core.pepper.digest(KEY) });
        for (actor, refusal) in [
            (fixture.key(KEY), None),
            (other_id, Some(Error::InvalidApiKey)),
            (fixture.key("another secret"), Some(Error::InvalidApiKey)),
            (fixture.actor(AuthMethod::Session([8; 32])), Some(Error::SignedOut)),
        ] {
            assert_eq!(fixture.refusal(&actor, &[]).await, refusal, "{actor:?}");
        }
        let new = fixture.core.pepper.digest("the next secret");
        let end = Timestamp::now().plus_ms(60_000);
        fixture.write(async |tx| store::keys::secrets::replace(tx, fixture.key, new.as_bytes(), "…", end).await.unwrap()).await;
        assert_eq!(fixture.refusal(&fixture.key(KEY), &[]).await, None, "a replaced secret is valid until its grace period ends");
        assert_eq!(fixture.refusal(&fixture.key("the next secret"), &[]).await, None);
        fixture.write(async |tx| store::keys::set_disabled(tx, fixture.key, Some(Timestamp::now())).await.unwrap()).await;
        for secret in [KEY, "the next secret"] {
            assert_eq!(fixture.refusal(&fixture.key(secret), &[]).await, Some(Error::InvalidApiKey), "{secret}");
        }
        let reasons: Vec<String> = fixture.recorded().await.into_iter().map(|row| row.detail).collect();
        let reason = |code: &str| format!(r#"{{"reason":"{code}"}}"#);
        let invalid = || reason("invalid_api_key");
        assert_eq!(reasons, [invalid(), invalid(), reason("signed_out"), invalid(), invalid()]);
    }

    #[tokio::test]
    async fn a_refusal_after_the_request_began_is_recorded() {
        let fixture = Fixture::new().await;
        fixture.core.record_refusal(&fixture.key(KEY), "expired_api_key").await;
        let row = fixture.recorded().await.pop().unwrap();
        assert_eq!((row.action.as_str(), row.detail.as_str()), ("request.refused", r#"{"reason":"expired_api_key"}"#));
        // A refusal that cannot be recorded stays a refusal.
        fixture.core.store.set_unavailable(true);
        fixture.core.record_refusal(&fixture.key(KEY), "expired_api_key").await;
    }
}
