//! Accounts: set-up, sign-in and sign-out, and creation of users by the console.

use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::{
    Core,
    actor::{Actor, AuthMethod},
    audit::Event,
    auth::{
        device_cookie,
        session::{self, Device, Session, SessionToken},
        throttle::{Attempt, Subject},
    },
};
use latchkey_crypto::random;
use latchkey_store::{
    self as store, Tx, WriteLock,
    users::{NewUser, UserRow},
};
use latchkey_types::{
    error::Error,
    id::{OrganizationId, UserId},
    permission::{BUILT_IN_ROLES, Permission, Permissions},
    time::Timestamp,
    validate,
};

/// The actor's name in the audit log for changes made on the command line.
const CONSOLE: &str = "console";

/// The actor's name in the audit log for sign-ins that were refused: the actor is not authenticated.
const UNAUTHENTICATED: &str = "unauthenticated";

/// An organization and its first user.
pub struct NewAccount {
    pub organization: String,
    pub name: String,
    pub email: String,
    pub password: SecretString,
}

/// Creates the first organization and its owner, and signs the owner in. Needs the one-time token that the server prints at start.
///
/// # Errors
/// `Invalid` at `organization`, `name`, `email` or `password`; `NotFound` if the token is wrong or there is a user already.
pub async fn set_up(core: &Core, token: &SecretString, account: NewAccount, device: &Device) -> Result<SessionToken, Error> {
    let is_valid: bool = token.expose_secret().as_bytes().ct_eq(core.setup_token.expose_secret().as_bytes()).into();
    if !is_valid || core.has_users().await? {
        return Err(Error::NotFound);
    }
    let organization = validate::name("organization", &account.organization)?;
    let user = new_user(core, OrganizationId::new(), BUILT_IN_ROLES[0].name, &account.name, &account.email, account.password).await?;
    let mut change = core.begin_alone_unchecked(actor_for(&user, AuthMethod::Password, device.address)).await?;
    // With concurrent set-ups, the second one finds the user of the first.
    if store::users::has_users(&core.store).await? {
        return Err(Error::NotFound);
    }
    insert_organization(&mut change.tx, user.organization, &organization).await?;
    store::users::insert_user(&mut change.tx, &user).await?;
    let session = session::create(&mut change.tx, &core.pepper, user.id, &user.password_hash, device).await?;
    let events = [
        change.event("organization.created", "organization", user.organization, &organization),
        change.event("user.created", "user", user.id, &user.name).with("role", user.role),
    ];
    change.commit(events).await?;
    core.set_has_users();
    Ok(session)
}

/// Signs a user in. Duration and error are the same for unknown accounts.
///
/// # Errors
/// `WrongCredentials`, `Throttled`, `Unavailable`.
pub async fn sign_in(core: &Core, email: &str, password: &SecretString, device: &Device) -> Result<SessionToken, Error> {
    let email = validate::email("email", email).ok();
    // Before the read, so that a throttled address does not reach the database. A browser with a device cookie may be exempt from the limit,
    // which shows only after the read.
    let by_address = core.throttle.begin_from(device.address).await;
    if let (Err(error), None) = (&by_address, &device.cookie) {
        return Err(error.clone());
    }
    let user = match find_user(core, email.as_deref()).await {
        Ok(user) => user,
        Err(error) => {
            // Not a failure of the client.
            if let Ok(attempt) = by_address {
                core.throttle.succeed(attempt).await;
            }
            return Err(error.into());
        }
    };
    let attempt = begin_attempt(core, &store::fold(email.as_deref().unwrap_or_default()), user.as_ref(), device, by_address).await?;
    let is_plausible = password.expose_secret().chars().count() <= *validate::PASSWORD_LENGTH.end();
    let hash = user.as_ref().map(|user| user.password_hash.as_str());
    let fits = is_plausible && core.passwords.verify(password.clone(), hash).await?;
    let Some(user) = user.as_ref().filter(|user| fits && user.disabled_at.is_none()) else {
        record_refused_sign_in(core, "sign_in.failed", user.as_ref(), device);
        return Err(Error::WrongCredentials);
    };
    core.throttle.succeed(attempt).await;
    let mut change = core.begin_unchecked(actor_of(user, AuthMethod::Password, device.address)).await?;
    // The user was disabled, or the password was changed, after it was checked.
    let refusal = |error: Error| if error == Error::SignedOut { Error::WrongCredentials } else { error };
    let session = session::create(&mut change.tx, &core.pepper, user.id, &user.password_hash, device).await.map_err(refusal)?;
    let mut event = change.event("session.begun", "user", user.id, &user.name);
    if session.replaced > 0 {
        event = event.with("oldest_sessions_ended", session.replaced);
    }
    change.commit([event]).await?;
    Ok(session)
}

async fn find_user(core: &Core, email: Option<&str>) -> Result<Option<UserRow>, store::StoreError> {
    match email {
        Some(email) => store::users::find_user_by_email(&core.store, email).await,
        None => Ok(None),
    }
}

/// Starts a sign-in attempt, which is already counted for its address. A browser that signed in to the account before is counted separately, so
/// that others cannot lock it out.
async fn begin_attempt(
    core: &Core,
    email: &str,
    user: Option<&UserRow>,
    device: &Device,
    by_address: Result<Attempt, Error>,
) -> Result<Attempt, Error> {
    let cookie = device.cookie.as_ref().map(ExposeSecret::expose_secret);
    let now = Timestamp::now();
    let known_device = cookie.zip(user).and_then(|(cookie, user)| device_cookie::nonce(&core.pepper, cookie, user.id, &user.password_hash, now));
    let attempt = match known_device {
        Some(nonce) => {
            // Not counted for the address, which others may share.
            if let Ok(attempt) = by_address {
                core.throttle.succeed(attempt).await;
            }
            core.throttle.begin(Subject::Device(nonce), device.address).await
        }
        None => match by_address {
            Ok(attempt) => core.throttle.count_subject(attempt, Subject::Account(email)).await,
            Err(error) => Err(error),
        },
    };
    if matches!(attempt, Err(Error::Throttled { .. })) && core.throttle.is_first_refusal(email).await && user.is_some() {
        record_refused_sign_in(core, "sign_in.throttled", user, device);
    }
    attempt
}

/// Logs a refused sign-in and, if the account exists, records it in the audit log. The names that clients send are not logged: people type
/// passwords into the wrong field.
fn record_refused_sign_in(core: &Core, action: &'static str, user: Option<&UserRow>, device: &Device) {
    let Some(user) = user else {
        tracing::warn!(action, address = ?device.address, "sign-in refused");
        return;
    };
    tracing::warn!(action, user = %user.id, address = ?device.address, "sign-in refused");
    let actor = Actor { name: UNAUTHENTICATED.to_owned(), ..actor_of(user, AuthMethod::Password, device.address) };
    let event = Event::new(&actor, action, "user", user.id, &user.name);
    let (store, auditor) = (core.store.clone(), core.auditor.clone());
    // In a task of its own: the response must not take longer for an account that exists.
    tokio::spawn(async move {
        let recorded = async { auditor.commit(store.begin_locked(WriteLock::Nothing).await?, [event]).await };
        if let Err(error) = recorded.await {
            tracing::warn!(%error, "cannot record a refused sign-in");
        }
    });
}

/// Ends this session. Also succeeds if it has already ended.
pub async fn sign_out(core: &Core, session: &Session, address: Option<IpAddr>) -> Result<(), Error> {
    let mut change = core.begin_unchecked(session.actor(address)).await?;
    store::sessions::delete(&mut change.tx, session.digest()).await?;
    let event = change.event("session.ended", "user", session.user, &session.row.name);
    change.commit([event]).await
}

/// Ends all sessions of the user.
pub async fn sign_out_everywhere(core: &Core, session: &Session, address: Option<IpAddr>) -> Result<(), Error> {
    let mut change = core.begin(&session.actor(address), &[]).await?;
    let ended = store::sessions::delete_of_user(&mut change.tx, session.user).await?;
    let event = change.event("sessions.ended", "user", session.user, &session.row.name).with("sessions", ended);
    change.commit([event]).await
}

/// Creates a user from the console. If the organization does not exist, it is created, but only for an owner.
///
/// # Errors
/// `Invalid` or `Conflict` at the invalid value; `Unavailable`.
pub async fn create_user(core: &Core, account: NewAccount, role: &str) -> Result<(), Error> {
    let name = validate::name("organization", &account.organization)?;
    let existing = store::users::list_organizations(&core.store).await?.into_iter().find(|(_, other)| store::fold(other) == store::fold(&name));
    let is_owner = role == BUILT_IN_ROLES[0].name;
    if existing.is_none() && !is_owner {
        return Err(Error::invalid("organization", format!("Organization “{name}” does not exist. Its first user must be an owner.")));
    }
    let (id, is_new) = match existing {
        Some((id, _)) => (id, false),
        None => (OrganizationId::new(), true),
    };
    let user = new_user(core, id, role, &account.name, &account.email, account.password).await?;
    let console = Actor { name: CONSOLE.to_owned(), ..actor_for(&user, AuthMethod::Console, None) };
    let mut change = core.begin_alone_unchecked(console).await?;
    let mut events = Vec::new();
    if is_new {
        insert_organization(&mut change.tx, id, &name).await?;
        events.push(change.event("organization.created", "organization", id, &name));
    }
    store::users::insert_user(&mut change.tx, &user).await.map_err(email_taken)?;
    events.push(change.event("user.created", "user", user.id, &user.name).with("role", role));
    change.commit(events).await
}

/// Sets a user's password from the console and ends their sessions.
///
/// # Errors
/// `Invalid` at `email` or `password`; `Unavailable`.
pub async fn reset_password(core: &Core, email: &str, password: SecretString) -> Result<(), Error> {
    validate::password("password", password.expose_secret())?;
    let user = store::users::find_user_by_email(&core.store, email.trim()).await?;
    let user = user.ok_or_else(|| Error::invalid("email", "No user has this email address."))?;
    let hash = core.passwords.hash(password).await?;
    let mut change = core.begin_unchecked(console_actor(&user)).await?;
    store::users::set_password(&mut change.tx, user.id, &hash).await?;
    store::sessions::delete_of_user(&mut change.tx, user.id).await?;
    let event = change.event("user.password_reset", "user", user.id, &user.name);
    change.commit([event]).await
}

/// Validates a user to be stored, and hashes the password.
///
/// # Errors
/// `Invalid` at `name`, `email` or `password`; `Internal`.
pub async fn new_user(
    core: &Core,
    organization: OrganizationId,
    role: &str,
    name: &str,
    email: &str,
    password: SecretString,
) -> Result<NewUser, Error> {
    let name = validate::name("name", name)?;
    let email = validate::email("email", email)?;
    validate::password("password", password.expose_secret())?;
    let password_hash = core.passwords.hash(password).await?;
    Ok(NewUser { id: UserId::new(), organization, role: role.to_owned(), name, email, password_hash })
}

/// A customer id has nine or ten digits: short enough to read out, and hard to guess.
async fn insert_organization(tx: &mut Tx, id: OrganizationId, name: &str) -> Result<(), Error> {
    Ok(store::users::insert_organization(tx, id, name, random::number(100_000_000, 9_999_999_999)).await?)
}

/// The actor for a user who is being created.
pub fn actor_for(user: &NewUser, auth_method: AuthMethod, address: Option<IpAddr>) -> Actor {
    Actor {
        organization: user.organization,
        user: user.id,
        name: user.name.clone(),
        auth_method,
        permissions: Permissions::default(),
        scopes: None,
        address,
    }
}

/// The console acting for a user. It has all permissions, because it has access to the data folder.
pub fn console_actor(user: &UserRow) -> Actor {
    Actor { name: CONSOLE.to_owned(), permissions: Permissions::of(Permission::ALL), ..actor_of(user, AuthMethod::Console, None) }
}

/// The console acting on an organization as a whole.
pub fn console_actor_of(organization: OrganizationId) -> Actor {
    let permissions = Permissions::of(Permission::ALL);
    Actor { organization, user: UserId::new(), name: CONSOLE.to_owned(), auth_method: AuthMethod::Console, permissions, scopes: None, address: None }
}

fn actor_of(user: &UserRow, auth_method: AuthMethod, address: Option<IpAddr>) -> Actor {
    Actor {
        organization: user.organization_id,
        user: user.id,
        name: user.name.clone(),
        auth_method,
        permissions: user.permissions,
        scopes: None,
        address,
    }
}

/// Maps a duplicate to a conflict at `email`.
pub fn email_taken(error: store::StoreError) -> Error {
    error.or_conflict("email", "This email address is already in use.")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;
    use crate::testing::{new_core, new_owner};

    #[tokio::test]
    async fn a_password_that_was_checked_before_a_reset_starts_no_session() {
        let (core, _folder) = new_core().await;
        let owner = new_owner(&core).await;
        let [before, after] = ["correct horse battery", "another password"].map(SecretString::from);
        reset_password(&core, "ada@example.com", before.clone()).await.unwrap();
        let refusal = async |password: &SecretString| sign_in(&core, "ada@example.com", password, &Device::default()).await.err();
        let hash = core.passwords.hash(after.clone()).await.unwrap();
        let mut tx = core.store.begin_locked(WriteLock::Organization(owner.organization)).await.unwrap();
        let reset = async {
            // Until the sign-in has checked the password, and waits.
            sleep(Duration::from_secs(1)).await;
            store::users::set_password(&mut tx, owner.user, &hash).await.unwrap();
            store::sessions::delete_of_user(&mut tx, owner.user).await.unwrap();
            tx.commit().await.unwrap();
        };
        let (refused, ()) = tokio::join!(refusal(&before), reset);
        assert_eq!((refused, session::count(&core.store, owner.user).await.unwrap()), (Some(Error::WrongCredentials), 0));
        let mut tx = core.store.begin().await.unwrap();
        let refused = session::create(&mut tx, &core.pepper, owner.user, "another hash", &Device::default()).await.err();
        assert_eq!(refused, Some(Error::SignedOut));
        drop(tx);
        assert_eq!(refusal(&after).await, None);
    }

    #[tokio::test]
    async fn a_throttled_address_does_not_reach_the_database() {
        let (core, _folder) = new_core().await;
        let device = Device { address: Some(IpAddr::from([192, 0, 2, 1])), ..Device::default() };
        let password = SecretString::from("correct horse battery");
        let refusal = async |device: &Device| sign_in(&core, "ada@example.com", &password, device).await.err();
        core.store.set_unavailable(true);
        // Failed reads do not count: there are more of them than an address may have failures.
        for _ in 0..60 {
            assert_eq!(refusal(&device).await, Some(Error::Unavailable));
        }
        core.store.set_unavailable(false);
        while core.throttle.begin_from(device.address).await.is_ok() {}
        core.store.set_unavailable(true);
        assert!(matches!(refusal(&device).await, Some(Error::Throttled { .. })));
        let with_cookie = Device { cookie: Some("AAAA.1.AAAA".into()), ..device };
        assert_eq!(refusal(&with_cookie).await, Some(Error::Unavailable), "its cookie may be valid");
        core.store.set_unavailable(false);
        assert!(matches!(refusal(&with_cookie).await, Some(Error::Throttled { .. })));
    }
}
