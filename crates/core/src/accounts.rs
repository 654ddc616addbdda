//! Accounts: set-up, sign-in and sign-out, and creation of users by the console.

use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::{
    Core,
    actor::{Actor, AuthMethod},
    audit::Event,
    auth::session::{self, Device, Session, SessionToken},
};
use latchkey_crypto::random;
use latchkey_store::{
    self as store, Tx,
    users::{NewUser, UserRow},
};
use latchkey_types::{
    error::Error,
    id::{OrganizationId, UserId},
    permission::{BUILT_IN_ROLES, Permission, Permissions},
    validate,
};

/// The actor's name in the audit log for changes made on the command line.
const CONSOLE: &str = "console";

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
pub async fn set_up(core: &Core, token: &SecretString, account: NewAccount, device: Device) -> Result<SessionToken, Error> {
    let is_valid: bool = token.expose_secret().as_bytes().ct_eq(core.setup_token.expose_secret().as_bytes()).into();
    if !is_valid || core.has_users().await? {
        return Err(Error::NotFound);
    }
    let organization = validate::name("organization", &account.organization)?;
    let user = new_user(core, OrganizationId::new(), BUILT_IN_ROLES[0].name, &account.name, &account.email, account.password).await?;
    let auditor = core.auditor.clone();
    let store = core.store.clone();
    let session = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                // With concurrent set-ups, the second one finds the user of the first.
                if store::users::has_users(&store).await? {
                    return Err(Error::NotFound);
                }
                let actor = actor_for(&user, AuthMethod::Session, device.address);
                insert_organization(tx, user.organization, &organization).await?;
                store::users::insert_user(tx, &user).await?;
                auditor.record(tx, Event::new(&actor, "organization.created", "organization", user.organization, &organization)).await?;
                auditor.record(tx, Event::new(&actor, "user.created", "user", user.id, &user.name).with("role", user.role)).await?;
                session::create(tx, user.id, &device).await
            })
        })
        .await?;
    core.set_has_users();
    Ok(session)
}

/// Signs a user in. Duration and error are the same for unknown accounts.
///
/// # Errors
/// `WrongCredentials`, `Throttled`, `Unavailable`.
pub async fn sign_in(core: &Core, email: &str, password: &SecretString, device: Device) -> Result<SessionToken, Error> {
    let email = validate::email("email", email).ok();
    let attempt = core.throttle.begin(&store::fold(email.as_deref().unwrap_or_default()), device.address)?;
    if password.expose_secret().chars().count() > *validate::PASSWORD_LENGTH.end() {
        return Err(Error::WrongCredentials);
    }
    let user = match &email {
        Some(email) => store::users::find_user_by_email(&core.store, email).await?,
        None => None,
    };
    let fits = core.passwords.verify(password.clone(), user.as_ref().map(|user| user.password_hash.as_str())).await?;
    let Some(user) = user.filter(|user| fits && user.disabled_at.is_none()) else {
        tracing::warn!(address = ?device.address, "sign-in failed");
        return Err(Error::WrongCredentials);
    };
    attempt.succeed();
    let actor = actor_of(&user, AuthMethod::Session, device.address)?;
    let auditor = core.auditor.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                auditor.record(tx, Event::new(&actor, "session.begun", "user", actor.user, &actor.name)).await?;
                // The user was disabled after the password was checked.
                session::create(tx, actor.user, &device)
                    .await
                    .map_err(|error| if error == Error::SignedOut { Error::WrongCredentials } else { error })
            })
        })
        .await
}

/// Ends this session.
pub async fn sign_out(core: &Core, session: &Session, address: Option<IpAddr>) -> Result<(), Error> {
    let (actor, digest) = (session.actor(address), *session.digest());
    let auditor = core.auditor.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                store::sessions::delete(tx, &digest).await?;
                Ok(auditor.record(tx, Event::new(&actor, "session.ended", "user", actor.user, &actor.name)).await?)
            })
        })
        .await
}

/// Ends all sessions of the user.
pub async fn sign_out_everywhere(core: &Core, session: &Session, address: Option<IpAddr>) -> Result<(), Error> {
    let (actor, auditor) = (session.actor(address), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let ended = store::sessions::delete_of_user(tx, actor.user).await?;
                let event = Event::new(&actor, "sessions.ended", "user", actor.user, &actor.name).with("sessions", ended);
                Ok(auditor.record(tx, event).await?)
            })
        })
        .await
}

/// Creates a user from the console. If the organization does not exist, it is created, but only for an owner.
///
/// # Errors
/// `Invalid` or `Conflict` at the invalid value; `Unavailable`.
pub async fn create_user(core: &Core, account: NewAccount, role: &'static str) -> Result<(), Error> {
    let name = validate::name("organization", &account.organization)?;
    let existing = store::users::list_organizations(&core.store).await?.into_iter().find(|(_, other)| store::fold(other) == store::fold(&name));
    let is_owner = role == BUILT_IN_ROLES[0].name;
    if existing.is_none() && !is_owner {
        return Err(Error::invalid("organization", format!("Organization “{name}” does not exist. Its first user must be an owner.")));
    }
    let (id, is_new) = match existing {
        Some((id, _)) => (id.parse().map_err(|_| Error::Internal)?, false),
        None => (OrganizationId::new(), true),
    };
    let user = new_user(core, id, role, &account.name, &account.email, account.password).await?;
    let auditor = core.auditor.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let console = Actor { name: CONSOLE.to_owned(), ..actor_for(&user, AuthMethod::Console, None) };
                if is_new {
                    insert_organization(tx, id, &name).await?;
                    auditor.record(tx, Event::new(&console, "organization.created", "organization", id, &name)).await?;
                }
                store::users::insert_user(tx, &user).await.map_err(email_taken)?;
                Ok(auditor.record(tx, Event::new(&console, "user.created", "user", user.id, &user.name).with("role", role)).await?)
            })
        })
        .await
}

/// Sets a user's password from the console and ends their sessions.
///
/// # Errors
/// `Invalid` at `email` or `password`; `Unavailable`.
pub async fn reset_password(core: &Core, email: &str, password: SecretString) -> Result<(), Error> {
    validate::password("password", password.expose_secret())?;
    let user = store::users::find_user_by_email(&core.store, email.trim()).await?;
    let user = user.ok_or_else(|| Error::invalid("email", "No user has this email address."))?;
    let console = console_actor(&user)?;
    let hash = core.passwords.hash(password).await?;
    let auditor = core.auditor.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                store::users::set_password(tx, console.user, &hash).await?;
                store::sessions::delete_of_user(tx, console.user).await?;
                Ok(auditor.record(tx, Event::new(&console, "user.password_reset", "user", console.user, &user.name)).await?)
            })
        })
        .await
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
///
/// # Errors
/// `Internal` if the stored ids are malformed.
pub fn console_actor(user: &UserRow) -> Result<Actor, Error> {
    Ok(Actor { name: CONSOLE.to_owned(), permissions: Permissions::of(Permission::ALL), ..actor_of(user, AuthMethod::Console, None)? })
}

/// The console acting on an organization as a whole.
pub fn console_actor_of(organization: OrganizationId) -> Actor {
    let permissions = Permissions::of(Permission::ALL);
    Actor { organization, user: UserId::new(), name: CONSOLE.to_owned(), auth_method: AuthMethod::Console, permissions, scopes: None, address: None }
}

fn actor_of(user: &UserRow, auth_method: AuthMethod, address: Option<IpAddr>) -> Result<Actor, Error> {
    Ok(Actor {
        organization: user.organization_id.parse().map_err(|_| Error::Internal)?,
        user: user.id.parse().map_err(|_| Error::Internal)?,
        name: user.name.clone(),
        auth_method,
        permissions: Permissions::parse_list(&user.permissions),
        scopes: None,
        address,
    })
}

/// Maps a duplicate to a conflict at `email`.
pub fn email_taken(error: store::StoreError) -> Error {
    error.or_conflict("email", "This email address is already in use.")
}
