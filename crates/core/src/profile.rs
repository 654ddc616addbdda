//! The rules for a user's own profile and sessions. All need a session and no permission.

use secrecy::{ExposeSecret, SecretString};

use super::{
    Core,
    auth::{
        session::{self, Device, Session, SessionToken},
        throttle::Subject,
        user_agent,
    },
};
use latchkey_store::{self as store, sessions::SessionRecord};
use latchkey_types::{account::Viewer, error::Error, id::SessionId, member::SessionRow, validate};

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
    let mut change = core.begin(&session.actor(device.address), &[]).await?;
    store::users::set_name(&mut change.tx, session.user, &name).await?;
    let event = change.event("user.renamed", "user", session.user, &name).with("from", session.row.name.as_str());
    change.commit([event]).await
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
    device: &Device,
) -> Result<SessionToken, Error> {
    let wrong = || Error::invalid("current", "The current password is incorrect.");
    validate::password("password", password.expose_secret())?;
    let attempt = core.throttle.begin(Subject::SignedIn(session.user), device.address).await?;
    let is_plausible = current.expose_secret().chars().count() <= *validate::PASSWORD_LENGTH.end();
    if !is_plausible || !core.passwords.verify(current, Some(&session.row.password_hash)).await? {
        return Err(wrong());
    }
    core.throttle.succeed(attempt).await;
    let hash = core.passwords.hash(password).await?;
    let mut change = core.begin(&session.actor(device.address), &[]).await?;
    // Of two concurrent calls only the first succeeds: for the second, the current password has changed.
    if !store::users::replace_password(&mut change.tx, session.user, &session.row.password_hash, &hash).await? {
        return Err(wrong());
    }
    let ended = store::sessions::delete_of_user(&mut change.tx, session.user).await?;
    let token = session::create(&mut change.tx, &core.pepper, session.user, &hash, device).await?;
    let event = change.event("user.password_changed", "user", session.user, &session.row.name).with("sessions", ended);
    change.commit([event]).await?;
    Ok(token)
}

/// The user's sessions, most recently used first.
pub async fn sessions(core: &Core, session: &Session) -> Result<Vec<SessionRow>, Error> {
    Ok(session::list(&core.store, session.user).await?.into_iter().map(|record| row(record, session.id)).collect())
}

fn row(record: SessionRecord, this: SessionId) -> SessionRow {
    SessionRow {
        id: record.id,
        is_this: record.id == this,
        browser: user_agent::display_name(&record.user_agent),
        address: record.address,
        created_at: record.created_at,
        last_seen_at: record.last_seen_at,
    }
}

/// Ends all of the user's sessions except this one.
pub async fn end_other_sessions(core: &Core, session: &Session, device: &Device) -> Result<(), Error> {
    let mut change = core.begin(&session.actor(device.address), &[]).await?;
    let ended = store::sessions::delete_oldest_of_user(&mut change.tx, session.user, session.digest(), 0).await?;
    let event = change.event("sessions.others_ended", "user", session.user, &session.row.name).with("sessions", ended);
    change.commit([event]).await
}

/// Ends one of the user's sessions.
///
/// # Errors
/// `NotFound` also for sessions of other users.
pub async fn end_session(core: &Core, session: &Session, id: SessionId, device: &Device) -> Result<(), Error> {
    let mut change = core.begin(&session.actor(device.address), &[]).await?;
    if !store::sessions::delete_one_of_user(&mut change.tx, session.user, id).await? {
        return Err(Error::NotFound);
    }
    let event = change.event("session.ended", "user", session.user, &session.row.name).with("session", id.to_string());
    change.commit([event]).await
}
