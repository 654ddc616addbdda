//! The rules for a user's own profile and sessions. All need a session and no permission.

use secrecy::{ExposeSecret, SecretString};

use super::{
    Core,
    audit::Event,
    auth::{
        session::{self, Device, Session, SessionToken},
        user_agent,
    },
};
use latchkey_store::{self as store, sessions::SessionRecord};
use latchkey_types::{account::Viewer, error::Error, id::SessionId, member::SessionRow, time::Timestamp, validate};

/// The signed-in user.
pub async fn viewer(core: &Core, session: &Session) -> Result<Viewer, Error> {
    let row = session.row.clone();
    Ok(Viewer {
        name: row.name,
        email: row.email,
        role: row.role,
        organization: row.organization,
        currency: row.currency,
        customer_id: row.customer_id,
        permissions: session.permissions,
        sessions: session::count(&core.store, session.user).await?,
    })
}

/// Renames the user.
pub async fn rename(core: &Core, session: &Session, name: &str, device: &Device) -> Result<(), Error> {
    let name = validate::name("name", name)?;
    let (actor, auditor) = (session.actor(device.address), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                store::users::set_name(tx, actor.user, &name).await?;
                Ok(auditor.record(tx, Event::new(&actor, "user.renamed", "user", actor.user, &name).with("from", actor.name.clone())).await?)
            })
        })
        .await
}

/// Changes the user's password, which requires the current one. All sessions of the user end, and a new one begins for this device.
///
/// # Errors
/// `Invalid` at `current` if the current password is wrong; `Throttled` after too many wrong passwords.
pub async fn change_password(
    core: &Core,
    session: &Session,
    current: SecretString,
    password: SecretString,
    device: Device,
) -> Result<SessionToken, Error> {
    let wrong = || Error::invalid("current", "The current password is incorrect.");
    validate::password("password", password.expose_secret())?;
    let attempt = core.throttle.begin(&store::fold(&session.row.email), device.address)?;
    let is_plausible = current.expose_secret().chars().count() <= *validate::PASSWORD_LENGTH.end();
    if !is_plausible || !core.passwords.verify(current, Some(&session.row.password_hash)).await? {
        return Err(wrong());
    }
    attempt.succeed();
    let hash = core.passwords.hash(password).await?;
    let (actor, auditor, before) = (session.actor(device.address), core.auditor.clone(), session.row.password_hash.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                // Of two concurrent calls only the first succeeds: for the second, the current password has changed.
                if !store::users::replace_password(tx, actor.user, &before, &hash).await? {
                    return Err(wrong());
                }
                let ended = store::sessions::delete_of_user(tx, actor.user).await?;
                let event = Event::new(&actor, "user.password_changed", "user", actor.user, &actor.name).with("sessions", ended);
                auditor.record(tx, event).await?;
                session::create(tx, actor.user, &device).await
            })
        })
        .await
}

/// The user's sessions, most recently used first.
pub async fn sessions(core: &Core, session: &Session) -> Result<Vec<SessionRow>, Error> {
    session::list(&core.store, session.user).await?.iter().map(|record| row(record, session.id)).collect()
}

fn row(record: &SessionRecord, this: SessionId) -> Result<SessionRow, Error> {
    let id = record.id.parse().map_err(|_| Error::Internal)?;
    Ok(SessionRow {
        id,
        is_this: id == this,
        browser: user_agent::display_name(&record.user_agent),
        address: record.address.clone(),
        created_at: Timestamp(record.created_at),
        last_seen_at: Timestamp(record.last_seen_at),
    })
}

/// Ends one of the user's sessions.
///
/// # Errors
/// `NotFound` also for sessions of other users.
pub async fn end_session(core: &Core, session: &Session, id: SessionId, device: &Device) -> Result<(), Error> {
    let (actor, auditor) = (session.actor(device.address), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                if !store::sessions::delete_one_of_user(tx, actor.user, id).await? {
                    return Err(Error::NotFound);
                }
                Ok(auditor.record(tx, Event::new(&actor, "session.ended", "user", actor.user, &actor.name).with("session", id.to_string())).await?)
            })
        })
        .await
}
