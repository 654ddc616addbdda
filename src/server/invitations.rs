//! The rules for invitations: single-use links to join an organization.

use secrecy::{ExposeSecret, SecretString};

use super::{
    accounts,
    actor::Actor,
    audit::{Auditor, Event},
    auth::{
        session::{self, Device, SessionToken},
        throttle::Attempt,
        token::{self, Token},
    },
    members,
    state::AppState,
    store::{
        self, Tx,
        invitations::{InvitationRecord, NewInvitation},
    },
};
use crate::model::{
    fault::Fault,
    id::{InvitationId, RoleId},
    people::{INVITATION_DAYS, InvitationLink, InvitationRow, InvitationState, Offer},
    permission::{Permission, Permissions},
    secret::RevealedSecret,
    text,
    time::Timestamp,
};

impl InvitationRecord {
    /// The current state of the link. It is void unless the sender still may send it: the sender's permissions are checked again when the
    /// invitation is accepted.
    fn state(&self, now: Timestamp) -> InvitationState {
        let sender = Permissions::from_words(&self.sender_permissions);
        let may_send = self.sender_disabled_at.is_none() && sender.has(Permission::ManageMembers) && sender.first_missing(self.allows()).is_none();
        match (may_send, self.expires_at <= now.0) {
            (false, _) => InvitationState::Void,
            (true, true) => InvitationState::Expired,
            (true, false) => InvitationState::Open,
        }
    }

    fn allows(&self) -> Permissions {
        Permissions::from_words(&self.permissions)
    }

    fn row(&self, now: Timestamp) -> Result<InvitationRow, Fault> {
        Ok(InvitationRow {
            id: self.id.parse().map_err(|_| Fault::Internal)?,
            email: self.email.clone(),
            role_id: self.role_id.parse().map_err(|_| Fault::Internal)?,
            invited_by: self.sender.clone(),
            expires_at: Timestamp(self.expires_at),
            state: self.state(now),
        })
    }
}

/// The organization's invitations that are neither accepted nor withdrawn, newest first. Needs *Manage Members*.
pub async fn open(state: &AppState, actor: &Actor) -> Result<Vec<InvitationRow>, Fault> {
    actor.require(Permission::ManageMembers)?;
    let now = Timestamp::now();
    store::invitations::list(&state.store, actor.organization).await?.iter().map(|record| record.row(now)).collect()
}

/// Creates an invitation. Only this result contains the link. Needs *Manage Members* and every permission of the role.
///
/// # Errors
/// `Conflict` at `email` if a member or another invitation has this address.
pub async fn invite(state: &AppState, actor: &Actor, email: &str, role: RoleId) -> Result<InvitationLink, Fault> {
    actor.require(Permission::ManageMembers)?;
    let email = text::email("email", email)?;
    let token = Token::generate();
    let invitation_link = link(state, &email, &token);
    let (actor, auditor, digest) = (actor.clone(), state.auditor.clone(), token.digest());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let actor = members::as_they_stand(tx, &actor, Permission::ManageMembers).await?;
                let offered = store::roles::find(&mut *tx, actor.organization, role).await?.ok_or(Fault::NotFound)?;
                actor.require_all(offered.allows())?;
                if store::members::has_email(tx, actor.organization, &email).await? {
                    return Err(Fault::conflict("email", "A member with this address already exists."));
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
pub async fn renew(state: &AppState, actor: &Actor, id: InvitationId) -> Result<InvitationLink, Fault> {
    actor.require(Permission::ManageMembers)?;
    let token = Token::generate();
    let (actor, auditor, digest) = (actor.clone(), state.auditor.clone(), token.digest());
    let email = state
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
    Ok(link(state, &email, &token))
}

/// Withdraws an invitation; its link becomes invalid. Needs *Manage Members* and every permission of the role.
pub async fn withdraw(state: &AppState, actor: &Actor, id: InvitationId) -> Result<(), Fault> {
    actor.require(Permission::ManageMembers)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
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
pub async fn offer(state: &AppState, token: &SecretString, device: &Device) -> Result<Offer, Fault> {
    let (attempt, digest) = begin_attempt(state, token, device)?;
    let found = require_open(store::invitations::find_by_digest(state.store.read()?, &digest).await?)?;
    attempt.succeed();
    Ok(Offer { organization: found.organization, invited_by: found.sender, email: found.email })
}

/// Accepts an invitation: creates the member and signs them in. Needs only the token.
///
/// # Errors
/// As [`offer`]; `Conflict` at `email` if a member has that address in the meantime.
pub async fn join(state: &AppState, token: &SecretString, name: &str, password: SecretString, device: Device) -> Result<SessionToken, Fault> {
    let (attempt, digest) = begin_attempt(state, token, &device)?;
    let found = require_open(store::invitations::find_by_digest(state.store.read()?, &digest).await?)?;
    attempt.succeed();
    let organization = found.organization_id.parse().map_err(|_| Fault::Internal)?;
    let mut user = accounts::new_user(state, organization, &found.role, name, &found.email, password).await?;
    let auditor = state.auditor.clone();
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                // Read again inside the transaction: of two concurrent calls only one succeeds.
                let found = require_open(store::invitations::find_by_digest(&mut *tx, &digest).await?)?;
                user.role.clone_from(&found.role);
                store::people::insert_user(tx, &user).await.map_err(accounts::email_taken)?;
                store::invitations::accept(tx, &found.id).await?;
                let actor = accounts::actor_for(&user, super::actor::Means::Session, device.address);
                let event = Event::new(&actor, "user.joined", "user", user.id, &user.name).with("role", found.role).with("invited_by", found.sender);
                auditor.record(tx, event).await?;
                session::begin(tx, user.id, &device).await
            })
        })
        .await
}

/// Attempts are throttled like sign-in attempts, so that tokens cannot be guessed.
fn begin_attempt(state: &AppState, token: &SecretString, device: &Device) -> Result<(Attempt, [u8; 32]), Fault> {
    let digest = token::digest(token.expose_secret());
    let attempt = state.throttle.begin(&format!("invitation {digest:02x?}"), device.address)?;
    Ok((attempt, digest))
}

fn require_open(found: Option<InvitationRecord>) -> Result<InvitationRecord, Fault> {
    found.filter(|found| found.state(Timestamp::now()) == InvitationState::Open).ok_or(Fault::NotFound)
}

/// An invitation that the actor may send. Returns the actor with the permissions read in the transaction `tx`.
async fn find_sendable(tx: &mut Tx, actor: &Actor, id: InvitationId) -> Result<(Actor, InvitationRecord), Fault> {
    let actor = members::as_they_stand(tx, actor, Permission::ManageMembers).await?;
    let invitation = store::invitations::find(tx, actor.organization, id).await?.ok_or(Fault::NotFound)?;
    actor.require_all(invitation.allows())?;
    Ok((actor, invitation))
}

async fn record(tx: &mut Tx, auditor: &Auditor, actor: &Actor, action: &'static str, invitation: &InvitationRecord) -> Result<(), Fault> {
    let event = Event::new(actor, action, "invitation", &invitation.id, &invitation.email).with("role", invitation.role.as_str());
    Ok(auditor.record(tx, event).await?)
}

/// The token is in the fragment, which browsers do not send to servers.
fn link(state: &AppState, email: &str, token: &Token) -> InvitationLink {
    let link = state.public_url.link(&format!("join#{}", token.reveal()));
    InvitationLink { email: email.to_owned(), link: RevealedSecret::new(link) }
}

fn already_invited(error: store::Error) -> Fault {
    error.or_conflict("email", "An invitation for this address already exists. Withdraw it or create a new link for it.")
}
