//! The frame of every rule that changes something: authorize, begin a transaction, check the actor again inside it, change, write the audit
//! events, commit, and publish what the transaction touched to the caches.

use super::{
    Core,
    actor::{Actor, AuthMethod, SessionDigest},
    audit::{Auditor, Event},
    auth::session,
};
use latchkey_crypto::key_format::KeyDigest;
use latchkey_store::{self as store, Connection, Tx};
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
}

impl Core {
    /// Begins a change by an actor who needs one of `permissions`; none if the list is empty. The session or key, and the permissions, are
    /// checked again inside the transaction: they may have been revoked since the request began. A refusal by that check is audited.
    ///
    /// # Errors
    /// `Forbidden`, with the first of the permissions; `SignedOut` or `InvalidApiKey` if the session or key is no longer valid.
    pub async fn begin(&self, actor: &Actor, permissions: &[Permission]) -> Result<Change, Error> {
        // Most refusals then need no transaction.
        actor.require_any(permissions)?;
        let mut tx = self.store.begin().await?;
        match reload_permitted(&mut tx, actor, permissions).await {
            Ok(actor) => Ok(Change { tx, actor, auditor: self.auditor.clone() }),
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
        let recorded = match self.store.begin().await {
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
        let change = Change { tx, actor: actor.clone(), auditor: self.auditor.clone() };
        let event = change.event("request.refused", kind, id, &actor.name).with("reason", reason);
        change.commit([event]).await
    }

    /// Begins a change by an actor without a session or key to check: the console, or a user who is signing in or being created.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn begin_unchecked(&self, actor: Actor) -> Result<Change, Error> {
        Ok(Change { tx: self.store.begin().await?, actor, auditor: self.auditor.clone() })
    }
}

impl Change {
    /// Creates an audit event of the actor; see [`Event::new`].
    pub fn event(&self, action: &'static str, object_kind: &'static str, id: impl ToString, name: &str) -> Event {
        Event::new(&self.actor, action, object_kind, id, name)
    }

    /// Writes the audit events, commits, and publishes what the transaction touched.
    ///
    /// # Errors
    /// `Unavailable`: nothing was changed.
    pub async fn commit(self, events: impl IntoIterator<Item = Event>) -> Result<(), Error> {
        let Self { mut tx, auditor, .. } = self;
        let end = auditor.record_all(&mut tx, events).await?;
        tx.commit().await?;
        if let Some(end) = end {
            auditor.committed(end);
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
async fn reload_permitted(db: &mut Connection, actor: &Actor, permissions: &[Permission]) -> Result<Actor, Error> {
    let actor = reload(db, actor).await?;
    actor.require_any(permissions)?;
    Ok(actor)
}

/// The actor with the permissions and scopes of now, if the session or key that authenticated them is still valid.
async fn reload(db: &mut Connection, actor: &Actor) -> Result<Actor, Error> {
    match actor.auth_method {
        AuthMethod::Session(digest) => reload_session(db, actor, &digest).await,
        AuthMethod::Key { id, digest } => reload_key(db, actor, id, &digest).await,
        AuthMethod::Password | AuthMethod::Console => Ok(actor.clone()),
    }
}

async fn reload_session(db: &mut Connection, actor: &Actor, digest: &SessionDigest) -> Result<Actor, Error> {
    let (_, user) = session::look_up(db, digest).await?.ok_or(Error::SignedOut)?;
    Ok(Actor { permissions: user.permissions, ..actor.clone() })
}

async fn reload_key(db: &mut Connection, actor: &Actor, id: KeyId, digest: &KeyDigest) -> Result<Actor, Error> {
    let now = Timestamp::now();
    let found = store::keys::find_by_digest(db, digest.as_bytes()).await?.filter(|found| {
        let is_replaced = found.secret_expires_at.is_some_and(|end| end <= now);
        found.key.id == id && !is_replaced && found.key.lifecycle().status(now) == Status::Active
    });
    let found = found.ok_or(Error::InvalidApiKey)?;
    Ok(Actor { permissions: found.permissions, scopes: Some(Scopes::parse(&found.key.scopes())), ..actor.clone() })
}
