//! The rules for people: setting up, signing in and out.

use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::{
    actor::{Actor, Means},
    audit::Event,
    auth::session::{self, Device, Session, SessionToken},
    random,
    state::AppState,
    store::{
        self, Tx,
        people::{NewUser, UserRow},
    },
};
use crate::model::{
    fault::Fault,
    id::{OrganizationId, UserId},
    permission::{BUILT_IN_ROLES, Permission, Permissions},
    text,
};

/// What the log calls whoever acts at the command line.
const CONSOLE: &str = "console";

/// An organization and its first user.
pub struct NewAccount {
    /// The organization's name.
    pub organization: String,
    /// The user's name.
    pub name: String,
    /// What they sign in with.
    pub email: String,
    /// Their password.
    pub password: SecretString,
}

/// Makes the first organization and its owner, and signs the owner in. Needs the one-time token that the start printed.
///
/// # Errors
/// `Invalid` at `organization`, `name`, `email` or `password`; `NotFound` for a token that is wrong, or once a user is there.
pub async fn set_up(state: &AppState, token: &SecretString, account: NewAccount, device: Device) -> Result<SessionToken, Fault> {
    let fits: bool = token.expose_secret().as_bytes().ct_eq(state.setup_token.expose_secret().as_bytes()).into();
    if !fits || state.has_users().await? {
        return Err(Fault::NotFound);
    }
    let organization = text::name("organization", &account.organization)?;
    let user = new_user(state, OrganizationId::new(), BUILT_IN_ROLES[0].name, &account.name, &account.email, account.password).await?;
    let auditor = state.auditor.clone();
    let store = state.store.clone();
    let session = state
        .store
        .write(move |tx| {
            Box::pin(async move {
                // Twice at once: the second finds the first one's user.
                if store::people::any_user(&store).await? {
                    return Err(Fault::NotFound);
                }
                let actor = actor_for(&user, Means::Session, device.address);
                insert_organization(tx, user.organization, &organization).await?;
                store::people::insert_user(tx, &user).await?;
                auditor.record(tx, Event::new(&actor, "organization.created", "organization", user.organization, &organization)).await?;
                auditor.record(tx, Event::new(&actor, "user.created", "user", user.id, &user.name).with("role", user.role)).await?;
                session::begin(tx, user.id, &device).await
            })
        })
        .await?;
    state.note_user();
    Ok(session)
}

/// Signs in. Takes as long and says the same for an account that is not there.
///
/// # Errors
/// `WrongCredentials`, `Throttled`, `Unavailable`.
pub async fn sign_in(state: &AppState, email: &str, password: &SecretString, device: Device) -> Result<SessionToken, Fault> {
    let email = text::email("email", email).ok();
    let attempt = state.throttle.begin(&store::fold(email.as_deref().unwrap_or_default()), device.address)?;
    if password.expose_secret().chars().count() > *text::PASSWORD_LENGTH.end() {
        return Err(Fault::WrongCredentials);
    }
    let user = match &email {
        Some(email) => store::people::user_by_email(&state.store, email).await?,
        None => None,
    };
    let fits = state.passwords.verify(password.clone(), user.as_ref().map(|user| user.password_hash.as_str())).await?;
    let Some(user) = user.filter(|user| fits && user.disabled_at.is_none()) else {
        tracing::warn!(address = ?device.address, "a sign-in was refused");
        return Err(Fault::WrongCredentials);
    };
    attempt.succeed();
    let actor = actor_of(&user, Means::Session, device.address)?;
    let auditor = state.auditor.clone();
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                auditor.record(tx, Event::new(&actor, "session.begun", "user", actor.user, &actor.name)).await?;
                // Shut out between the look at the password and this.
                session::begin(tx, actor.user, &device).await.map_err(|fault| if fault == Fault::SignedOut { Fault::WrongCredentials } else { fault })
            })
        })
        .await
}

/// Ends this session.
///
/// # Errors
/// `Unavailable`.
pub async fn sign_out(state: &AppState, session: &Session, address: Option<IpAddr>) -> Result<(), Fault> {
    let (actor, digest) = (session.actor(address), *session.digest());
    let auditor = state.auditor.clone();
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                store::sessions::delete(tx, &digest).await?;
                Ok(auditor.record(tx, Event::new(&actor, "session.ended", "user", actor.user, &actor.name)).await?)
            })
        })
        .await
}

/// Ends every session of the person.
///
/// # Errors
/// `Unavailable`.
pub async fn sign_out_everywhere(state: &AppState, session: &Session, address: Option<IpAddr>) -> Result<(), Fault> {
    let (actor, auditor) = (session.actor(address), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let ended = store::sessions::delete_of_user(tx, actor.user).await?;
                let event = Event::new(&actor, "sessions.ended", "user", actor.user, &actor.name).with("sessions", ended);
                Ok(auditor.record(tx, event).await?)
            })
        })
        .await
}

/// Makes a user from the console; in an organization of this name, which is made for an owner where it is not there.
///
/// # Errors
/// `Invalid` or `Conflict` at the value that is meant; `Unavailable`.
pub async fn create_user(state: &AppState, account: NewAccount, role: &'static str) -> Result<(), Fault> {
    let name = text::name("organization", &account.organization)?;
    let known = store::people::organizations(&state.store).await?.into_iter().find(|(_, known)| store::fold(known) == store::fold(&name));
    let is_owner = role == BUILT_IN_ROLES[0].name;
    if known.is_none() && !is_owner {
        return Err(Fault::invalid("organization", format!("There is no organization “{name}”; its first user must be an owner.")));
    }
    let (id, make) = match known {
        Some((id, _)) => (id.parse().map_err(|_| Fault::Internal)?, false),
        None => (OrganizationId::new(), true),
    };
    let user = new_user(state, id, role, &account.name, &account.email, account.password).await?;
    let auditor = state.auditor.clone();
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let console = Actor { name: CONSOLE.to_owned(), ..actor_for(&user, Means::Console, None) };
                if make {
                    insert_organization(tx, id, &name).await?;
                    auditor.record(tx, Event::new(&console, "organization.created", "organization", id, &name)).await?;
                }
                store::people::insert_user(tx, &user).await.map_err(email_taken)?;
                Ok(auditor.record(tx, Event::new(&console, "user.created", "user", user.id, &user.name).with("role", role)).await?)
            })
        })
        .await
}

/// Gives a user another password from the console and ends their sessions.
///
/// # Errors
/// `Invalid` at `email` or `password`; `Unavailable`.
pub async fn reset_password(state: &AppState, email: &str, password: SecretString) -> Result<(), Fault> {
    text::password("password", password.expose_secret())?;
    let user = store::people::user_by_email(&state.store, email.trim()).await?;
    let user = user.ok_or_else(|| Fault::invalid("email", "Nobody has this email address."))?;
    let console = console(&user)?;
    let hash = state.passwords.hash(password).await?;
    let auditor = state.auditor.clone();
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                store::people::set_password(tx, console.user, &hash).await?;
                store::sessions::delete_of_user(tx, console.user).await?;
                Ok(auditor.record(tx, Event::new(&console, "user.password_reset", "user", console.user, &user.name)).await?)
            })
        })
        .await
}

/// A user to be stored, once name, address and password can be taken.
///
/// # Errors
/// `Invalid` at `name`, `email` or `password`; `Internal`.
pub async fn new_user(
    state: &AppState,
    organization: OrganizationId,
    role: &str,
    name: &str,
    email: &str,
    password: SecretString,
) -> Result<NewUser, Fault> {
    let name = text::name("name", name)?;
    let email = text::email("email", email)?;
    text::password("password", password.expose_secret())?;
    let password_hash = state.passwords.hash(password).await?;
    Ok(NewUser { id: UserId::new(), organization, role: role.to_owned(), name, email, password_hash })
}

/// Nine or ten digits: short enough to be read out, too many to be guessed at.
async fn insert_organization(tx: &mut Tx, id: OrganizationId, name: &str) -> Result<(), Fault> {
    Ok(store::people::insert_organization(tx, id, name, random::number(100_000_000, 9_999_999_999)).await?)
}

/// A user who is being made, as the one who acts.
pub fn actor_for(user: &NewUser, means: Means, address: Option<IpAddr>) -> Actor {
    Actor {
        organization: user.organization,
        user: user.id,
        name: user.name.clone(),
        means,
        permissions: Permissions::default(),
        scopes: None,
        address,
    }
}

/// Whoever may read the data folder, acting for a user: they may do anything.
///
/// # Errors
/// `Internal` when the stored ids can't be read.
pub fn console(user: &UserRow) -> Result<Actor, Fault> {
    Ok(Actor { name: CONSOLE.to_owned(), permissions: Permissions::of(Permission::ALL), ..actor_of(user, Means::Console, None)? })
}

/// Whoever may read the data folder, acting on an organization as a whole and for nobody in it.
pub fn console_of(organization: OrganizationId) -> Actor {
    let permissions = Permissions::of(Permission::ALL);
    Actor { organization, user: UserId::new(), name: CONSOLE.to_owned(), means: Means::Console, permissions, scopes: None, address: None }
}

fn actor_of(user: &UserRow, means: Means, address: Option<IpAddr>) -> Result<Actor, Fault> {
    Ok(Actor {
        organization: user.organization_id.parse().map_err(|_| Fault::Internal)?,
        user: user.id.parse().map_err(|_| Fault::Internal)?,
        name: user.name.clone(),
        means,
        permissions: Permissions::from_words(&user.permissions),
        scopes: None,
        address,
    })
}

/// What an address that is taken is called.
pub fn email_taken(error: store::Error) -> Fault {
    error.or_conflict("email", "Somebody has this email address already.")
}
