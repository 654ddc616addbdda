//! The rules for invitations: single-use links to join an organization.

use secrecy::{ExposeSecret, SecretString};

use super::{
    Core, accounts,
    actor::{Actor, AuthMethod},
    audit::Event,
    auth::{
        session::{self, Device, SessionToken},
        throttle::{Attempt, Subject},
    },
    change::Change,
};
use latchkey_crypto::random_token::{Token, TokenPurpose};
use latchkey_store::{
    self as store, Connection,
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
    Ok(store::invitations::list(&core.store, actor.organization).await?.iter().map(|record| record.row(now)).collect())
}

/// Creates an invitation. Only this result contains the link. Needs *Manage Members* and every permission of the role.
///
/// # Errors
/// `Conflict` at `email` if a member or another invitation has this address.
pub async fn invite(core: &Core, actor: &Actor, email: &str, role: RoleId) -> Result<InvitationLink, Error> {
    actor.require(Permission::ManageMembers)?;
    let email = validate::email("email", email)?;
    let token = Token::generate();
    let mut change = core.begin(actor, &[Permission::ManageMembers]).await?;
    let (organization, created_by) = (change.actor.organization, change.actor.user);
    let offered = store::roles::find(&mut change.tx, organization, role).await?.ok_or(Error::NotFound)?;
    change.actor.require_all(offered.allows())?;
    if store::members::has_email(&mut change.tx, organization, &email).await? {
        return Err(Error::conflict("email", "A member with this address already exists."));
    }
    let (id, digest, expires_at) =
        (InvitationId::new(), token.digest(&core.pepper, TokenPurpose::Invitation), Timestamp::now().plus_days(INVITATION_DAYS));
    let new = NewInvitation { id, organization, role, email, digest, created_by, expires_at };
    store::invitations::insert(&mut change.tx, &new).await.map_err(already_invited)?;
    let event = change.event("invitation.created", "invitation", id, &new.email).with("role", offered.name);
    change.commit([event]).await?;
    Ok(link(core, &new.email, &token))
}

/// Replaces the link of an invitation and extends its expiry to seven days from now. The old link becomes invalid. Needs *Manage Members* and
/// every permission of the role.
pub async fn renew(core: &Core, actor: &Actor, id: InvitationId) -> Result<InvitationLink, Error> {
    let token = Token::generate();
    let mut change = core.begin(actor, &[Permission::ManageMembers]).await?;
    let invitation = find_sendable(&mut change.tx, &change.actor, id).await?;
    let expires_at = Timestamp::now().plus_days(INVITATION_DAYS);
    let digest = token.digest(&core.pepper, TokenPurpose::Invitation);
    store::invitations::renew(&mut change.tx, id, &digest, change.actor.user, expires_at).await?;
    let event = event(&change, "invitation.renewed", &invitation);
    change.commit([event]).await?;
    Ok(link(core, &invitation.email, &token))
}

/// Withdraws an invitation; its link becomes invalid. Needs *Manage Members* and every permission of the role.
pub async fn withdraw(core: &Core, actor: &Actor, id: InvitationId) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageMembers]).await?;
    let invitation = find_sendable(&mut change.tx, &change.actor, id).await?;
    store::invitations::withdraw(&mut change.tx, id).await?;
    let event = event(&change, "invitation.withdrawn", &invitation);
    change.commit([event]).await
}

/// The offer of an invitation link. Needs only the token.
///
/// # Errors
/// `NotFound` for a token that is unknown, used, withdrawn, expired or void; `Throttled` after too many attempts.
pub async fn offer(core: &Core, token: &SecretString, device: &Device) -> Result<InvitationOffer, Error> {
    let (attempt, digest) = begin_attempt(core, token, device).await?;
    let found = find_open(&mut *core.store.connection().await?, &digest).await?;
    core.throttle.succeed(attempt).await;
    Ok(InvitationOffer { organization: found.organization, invited_by: found.sender, email: found.email })
}

/// Accepts an invitation: creates the member and signs them in. Needs only the token.
///
/// # Errors
/// As [`offer`]; `Conflict` at `email` if a member has that address in the meantime.
pub async fn join(core: &Core, token: &SecretString, name: &str, password: SecretString, device: &Device) -> Result<SessionToken, Error> {
    let (attempt, digest) = begin_attempt(core, token, device).await?;
    let found = find_open(&mut *core.store.connection().await?, &digest).await?;
    core.throttle.succeed(attempt).await;
    let mut user = accounts::new_user(core, found.organization_id, &found.role, name, &found.email, password).await?;
    let mut change = core.begin_unchecked(accounts::actor_for(&user, AuthMethod::Password, device.address)).await?;
    // Read again inside the transaction: of two concurrent calls only one succeeds.
    let found = find_open(&mut change.tx, &digest).await?;
    user.role.clone_from(&found.role);
    store::users::insert_user(&mut change.tx, &user).await.map_err(accounts::email_taken)?;
    store::invitations::accept(&mut change.tx, found.id).await?;
    let session = session::create(&mut change.tx, &core.pepper, user.id, &user.password_hash, device).await?;
    let event = change.event("user.joined", "user", user.id, &user.name).with("role", found.role).with("invited_by", found.sender);
    change.commit([event]).await?;
    Ok(session)
}

/// Attempts are throttled like sign-in attempts, so that tokens cannot be guessed.
async fn begin_attempt(core: &Core, token: &SecretString, device: &Device) -> Result<(Attempt, [u8; 32]), Error> {
    let digest = core.pepper.token_digest(TokenPurpose::Invitation, token.expose_secret());
    let attempt = core.throttle.begin(Subject::Invitation(&digest), device.address).await?;
    Ok((attempt, digest))
}

/// The invitation whose token has this digest, if it can be accepted.
async fn find_open(db: &mut Connection, digest: &[u8; 32]) -> Result<InvitationRecord, Error> {
    let found = store::invitations::find_by_digest(db, digest).await?;
    found.filter(|found| found.state(Timestamp::now()) == InvitationState::Open).ok_or(Error::NotFound)
}

/// An invitation that the actor may send.
async fn find_sendable(db: &mut Connection, actor: &Actor, id: InvitationId) -> Result<InvitationRecord, Error> {
    let invitation = store::invitations::find(db, actor.organization, id).await?.ok_or(Error::NotFound)?;
    actor.require_all(invitation.permissions)?;
    Ok(invitation)
}

fn event(change: &Change, action: &'static str, invitation: &InvitationRecord) -> Event {
    change.event(action, "invitation", invitation.id, &invitation.email).with("role", invitation.role.as_str())
}

/// The token is in the fragment, which browsers do not send to servers.
fn link(core: &Core, email: &str, token: &Token) -> InvitationLink {
    let link = core.public_url.link(&format!("join#{}", token.reveal()));
    InvitationLink { email: email.to_owned(), link: RevealedSecret::new(link) }
}

fn already_invited(error: store::StoreError) -> Error {
    error.or_conflict("email", "An invitation for this address already exists. Withdraw it or create a new link for it.")
}
