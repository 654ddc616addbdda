//! The rules for invitations: one-time links by which people join an organization.

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
    /// What its link is good for. Nobody grants what they may not do themselves, at the moment that it is taken up too.
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

/// The organization's invitations that were neither accepted nor withdrawn, newest first. Needs *Manage Members*.
///
/// # Errors
/// `Forbidden`, `Unavailable`.
pub async fn open(state: &AppState, actor: &Actor) -> Result<Vec<InvitationRow>, Fault> {
    actor.require(Permission::ManageMembers)?;
    let now = Timestamp::now();
    store::invitations::list(&state.store, actor.organization).await?.iter().map(|record| record.row(now)).collect()
}

/// Invites somebody to a role; the link is in this answer and nowhere else. Needs *Manage Members* and every permission of the role.
///
/// # Errors
/// `NotFound` for the role; `Invalid` at `email`; `Conflict` at `email` for a member's, and while another invitation of it stands;
/// `Forbidden`, `Unavailable`.
pub async fn invite(state: &AppState, actor: &Actor, email: &str, role: RoleId) -> Result<InvitationLink, Fault> {
    actor.require(Permission::ManageMembers)?;
    let email = text::email("email", email)?;
    let token = Token::generate();
    let answer = link(state, &email, &token);
    let (actor, auditor, digest) = (actor.clone(), state.auditor.clone(), token.digest());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let actor = members::as_they_stand(tx, &actor, Permission::ManageMembers).await?;
                let offered = store::roles::find(&mut *tx, actor.organization, role).await?.ok_or(Fault::NotFound)?;
                actor.require_all(offered.allows())?;
                if store::members::has_email(tx, actor.organization, &email).await? {
                    return Err(Fault::conflict("email", "A member has this address already."));
                }
                let id = InvitationId::new();
                let (organization, created_by, expires_at) = (actor.organization, actor.user, Timestamp::now().plus_days(INVITATION_DAYS));
                let new = NewInvitation { id, organization, role, email, digest, created_by, expires_at };
                store::invitations::insert(tx, &new).await.map_err(invited_already)?;
                Ok(auditor.record(tx, Event::new(&actor, "invitation.created", "invitation", id, &new.email).with("role", offered.name)).await?)
            })
        })
        .await?;
    Ok(answer)
}

/// Gives an invitation another link, and seven days from now; the link before it is good for nothing. Needs *Manage Members* and every
/// permission of the role.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Unavailable`.
pub async fn renew(state: &AppState, actor: &Actor, id: InvitationId) -> Result<InvitationLink, Fault> {
    actor.require(Permission::ManageMembers)?;
    let token = Token::generate();
    let (actor, auditor, digest) = (actor.clone(), state.auditor.clone(), token.digest());
    let email = state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, invitation) = own(tx, &actor, id).await?;
                let expires_at = Timestamp::now().plus_days(INVITATION_DAYS);
                store::invitations::renew(tx, id, &digest, actor.user, expires_at).await?;
                record(tx, &auditor, &actor, "invitation.renewed", &invitation).await?;
                Ok(invitation.email)
            })
        })
        .await?;
    Ok(link(state, &email, &token))
}

/// Takes an invitation back: its link is good for nothing. Needs *Manage Members* and every permission of the role.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Unavailable`.
pub async fn withdraw(state: &AppState, actor: &Actor, id: InvitationId) -> Result<(), Fault> {
    actor.require(Permission::ManageMembers)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, invitation) = own(tx, &actor, id).await?;
                store::invitations::withdraw(tx, id).await?;
                record(tx, &auditor, &actor, "invitation.withdrawn", &invitation).await
            })
        })
        .await
}

/// What the link with this token offers. Needs nothing but the token.
///
/// # Errors
/// `NotFound` for a token that is unknown, used, withdrawn, expired or void; `Throttled`, `Unavailable`.
pub async fn offer(state: &AppState, token: &SecretString, device: &Device) -> Result<Offer, Fault> {
    let (attempt, digest) = begin_try(state, token, device)?;
    let found = standing(store::invitations::find_by_digest(state.store.read()?, &digest).await?)?;
    attempt.succeed();
    Ok(Offer { organization: found.organization, invited_by: found.sender, email: found.email })
}

/// Makes whoever has the link a member and signs them in; the invitation is used up. Needs nothing but the token.
///
/// # Errors
/// As [`offer`]; `Invalid` at `name` or `password`; `Conflict` at `email` where somebody has that address by now.
pub async fn join(state: &AppState, token: &SecretString, name: &str, password: SecretString, device: Device) -> Result<SessionToken, Fault> {
    let (attempt, digest) = begin_try(state, token, &device)?;
    let found = standing(store::invitations::find_by_digest(state.store.read()?, &digest).await?)?;
    attempt.succeed();
    let organization = found.organization_id.parse().map_err(|_| Fault::Internal)?;
    let mut user = accounts::new_user(state, organization, &found.role, name, &found.email, password).await?;
    let auditor = state.auditor.clone();
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                // Read again: twice at once, one of them finds it used up.
                let found = standing(store::invitations::find_by_digest(&mut *tx, &digest).await?)?;
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

/// Guesses are counted as those of passwords are.
fn begin_try(state: &AppState, token: &SecretString, device: &Device) -> Result<(Attempt, [u8; 32]), Fault> {
    let digest = token::digest(token.expose_secret());
    let attempt = state.throttle.begin(&format!("invitation {digest:02x?}"), device.address)?;
    Ok((attempt, digest))
}

fn standing(found: Option<InvitationRecord>) -> Result<InvitationRecord, Fault> {
    found.filter(|found| found.state(Timestamp::now()) == InvitationState::Open).ok_or(Fault::NotFound)
}

/// The invitation, if the actor may send it, and the actor as they stand.
async fn own(tx: &mut Tx, actor: &Actor, id: InvitationId) -> Result<(Actor, InvitationRecord), Fault> {
    let actor = members::as_they_stand(tx, actor, Permission::ManageMembers).await?;
    let invitation = store::invitations::find(tx, actor.organization, id).await?.ok_or(Fault::NotFound)?;
    actor.require_all(invitation.allows())?;
    Ok((actor, invitation))
}

async fn record(tx: &mut Tx, auditor: &Auditor, actor: &Actor, action: &'static str, invitation: &InvitationRecord) -> Result<(), Fault> {
    let event = Event::new(actor, action, "invitation", &invitation.id, &invitation.email).with("role", invitation.role.as_str());
    Ok(auditor.record(tx, event).await?)
}

/// The token stands in the fragment, which browsers send to nobody.
fn link(state: &AppState, email: &str, token: &Token) -> InvitationLink {
    let link = state.public_url.link(&format!("join#{}", token.reveal()));
    InvitationLink { email: email.to_owned(), link: RevealedSecret::new(link) }
}

fn invited_already(error: store::Error) -> Fault {
    error.or_conflict("email", "An invitation for this address stands already. Withdraw that one, or make a new link for it.")
}
