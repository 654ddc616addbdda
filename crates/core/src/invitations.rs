//! The rules for invitations: single-use links to join an organization.

use crate::actor::reload_actor;
use secrecy::{ExposeSecret, SecretString};

use super::{
    Core, accounts,
    actor::Actor,
    audit::{Auditor, Event},
    auth::{
        session::{self, Device, SessionToken},
        throttle::Attempt,
    },
};
use latchkey_crypto::random_token::{self, Token};
use latchkey_store::{
    self as store, Tx,
    invitations::{InvitationRecord, NewInvitation},
};
use latchkey_types::{
    error::Error,
    id::{InvitationId, RoleId},
    member::{INVITATION_DAYS, InvitationLink, InvitationOffer, InvitationRow, InvitationState},
    permission::Permission,
    secret::RevealedSecret,
    time::Timestamp,
    validate,
};

/// The organization's invitations that are neither accepted nor withdrawn, newest first. Needs *Manage Members*.
pub async fn list(core: &Core, actor: &Actor) -> Result<Vec<InvitationRow>, Error> {
    actor.require(Permission::ManageMembers)?;
    let now = Timestamp::now();
    store::invitations::list(&core.store, actor.organization).await?.iter().map(|record| record.row(now)).collect()
}

/// Creates an invitation. Only this result contains the link. Needs *Manage Members* and every permission of the role.
///
/// # Errors
/// `Conflict` at `email` if a member or another invitation has this address.
pub async fn invite(core: &Core, actor: &Actor, email: &str, role: RoleId) -> Result<InvitationLink, Error> {
    actor.require(Permission::ManageMembers)?;
    let email = validate::email("email", email)?;
    let token = Token::generate();
    let invitation_link = link(core, &email, &token);
    let (actor, auditor, digest) = (actor.clone(), core.auditor.clone(), token.digest());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let actor = reload_actor(tx, &actor, Permission::ManageMembers).await?;
                let offered = store::roles::find(&mut *tx, actor.organization, role).await?.ok_or(Error::NotFound)?;
                actor.require_all(offered.allows())?;
                if store::members::has_email(tx, actor.organization, &email).await? {
                    return Err(Error::conflict("email", "A member with this address already exists."));
                }
                let id = InvitationId::new();
                let (organization, created_by, expires_at) = (actor.organization, actor.user, Timestamp::now().plus_days(INVITATION_DAYS));
                let new = NewInvitation { id, organization, role, email, digest, created_by, expires_at };
                store::invitations::insert(tx, &new).await.map_err(already_invited)?;
                Ok(auditor.record(tx, Event::new(&actor, "invitation.created", "invitation", id, &new.email).with("role", offered.name)).await?)
            })
        })
        .await?;
    Ok(invitation_link)
}

/// Replaces the link of an invitation and extends its expiry to seven days from now. The old link becomes invalid. Needs *Manage Members* and
/// every permission of the role.
pub async fn renew(core: &Core, actor: &Actor, id: InvitationId) -> Result<InvitationLink, Error> {
    actor.require(Permission::ManageMembers)?;
    let token = Token::generate();
    let (actor, auditor, digest) = (actor.clone(), core.auditor.clone(), token.digest());
    let email = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, invitation) = find_sendable(tx, &actor, id).await?;
                let expires_at = Timestamp::now().plus_days(INVITATION_DAYS);
                store::invitations::renew(tx, id, &digest, actor.user, expires_at).await?;
                record(tx, &auditor, &actor, "invitation.renewed", &invitation).await?;
                Ok(invitation.email)
            })
        })
        .await?;
    Ok(link(core, &email, &token))
}

/// Withdraws an invitation; its link becomes invalid. Needs *Manage Members* and every permission of the role.
pub async fn withdraw(core: &Core, actor: &Actor, id: InvitationId) -> Result<(), Error> {
    actor.require(Permission::ManageMembers)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, invitation) = find_sendable(tx, &actor, id).await?;
                store::invitations::withdraw(tx, id).await?;
                record(tx, &auditor, &actor, "invitation.withdrawn", &invitation).await
            })
        })
        .await
}

/// The offer of an invitation link. Needs only the token.
///
/// # Errors
/// `NotFound` for a token that is unknown, used, withdrawn, expired or void; `Throttled` after too many attempts.
pub async fn offer(core: &Core, token: &SecretString, device: &Device) -> Result<InvitationOffer, Error> {
    let (attempt, digest) = begin_attempt(core, token, device)?;
    let found = require_open(store::invitations::find_by_digest(core.store.read()?, &digest).await?)?;
    attempt.succeed();
    Ok(InvitationOffer { organization: found.organization, invited_by: found.sender, email: found.email })
}

/// Accepts an invitation: creates the member and signs them in. Needs only the token.
///
/// # Errors
/// As [`offer`]; `Conflict` at `email` if a member has that address in the meantime.
pub async fn join(core: &Core, token: &SecretString, name: &str, password: SecretString, device: Device) -> Result<SessionToken, Error> {
    let (attempt, digest) = begin_attempt(core, token, &device)?;
    let found = require_open(store::invitations::find_by_digest(core.store.read()?, &digest).await?)?;
    attempt.succeed();
    let organization = found.organization_id.parse().map_err(|_| Error::Internal)?;
    let mut user = accounts::new_user(core, organization, &found.role, name, &found.email, password).await?;
    let auditor = core.auditor.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                // Read again inside the transaction: of two concurrent calls only one succeeds.
                let found = require_open(store::invitations::find_by_digest(&mut *tx, &digest).await?)?;
                user.role.clone_from(&found.role);
                store::users::insert_user(tx, &user).await.map_err(accounts::email_taken)?;
                store::invitations::accept(tx, &found.id).await?;
                let actor = accounts::actor_for(&user, super::actor::AuthMethod::Session, device.address);
                let event = Event::new(&actor, "user.joined", "user", user.id, &user.name).with("role", found.role).with("invited_by", found.sender);
                auditor.record(tx, event).await?;
                session::create(tx, user.id, &device).await
            })
        })
        .await
}

/// Attempts are throttled like sign-in attempts, so that tokens cannot be guessed.
fn begin_attempt(core: &Core, token: &SecretString, device: &Device) -> Result<(Attempt, [u8; 32]), Error> {
    let digest = random_token::digest(token.expose_secret());
    let attempt = core.throttle.begin(&format!("invitation {digest:02x?}"), device.address)?;
    Ok((attempt, digest))
}

fn require_open(found: Option<InvitationRecord>) -> Result<InvitationRecord, Error> {
    found.filter(|found| found.state(Timestamp::now()) == InvitationState::Open).ok_or(Error::NotFound)
}

/// An invitation that the actor may send. Returns the actor with the permissions read in the transaction `tx`.
async fn find_sendable(tx: &mut Tx, actor: &Actor, id: InvitationId) -> Result<(Actor, InvitationRecord), Error> {
    let actor = reload_actor(tx, actor, Permission::ManageMembers).await?;
    let invitation = store::invitations::find(tx, actor.organization, id).await?.ok_or(Error::NotFound)?;
    actor.require_all(invitation.allows())?;
    Ok((actor, invitation))
}

async fn record(tx: &mut Tx, auditor: &Auditor, actor: &Actor, action: &'static str, invitation: &InvitationRecord) -> Result<(), Error> {
    let event = Event::new(actor, action, "invitation", &invitation.id, &invitation.email).with("role", invitation.role.as_str());
    Ok(auditor.record(tx, event).await?)
}

/// The token is in the fragment, which browsers do not send to servers.
fn link(core: &Core, email: &str, token: &Token) -> InvitationLink {
    let link = core.public_url.link(&format!("join#{}", token.reveal()));
    InvitationLink { email: email.to_owned(), link: RevealedSecret::new(link) }
}

fn already_invited(error: store::StoreError) -> Error {
    error.or_conflict("email", "An invitation for this address already exists. Withdraw it or create a new link for it.")
}
