//! Browser sessions: a random token in a cookie, and its digest in the store.

use std::net::IpAddr;

use http::{HeaderMap, header};
use secrecy::SecretString;

use crate::actor::{Actor, AuthMethod, SessionDigest};
use latchkey_crypto::random_token::{self, Token};
use latchkey_store::{self as store, Connection, Store, Tx, sessions::SessionRecord, users::UserRow};
use latchkey_types::{
    error::Error,
    id::{OrganizationId, SessionId, UserId},
    permission::Permissions,
    time::{DAY_MS, Timestamp},
};

/// A session expires if it is not used for this long.
const IDLE_MS: i64 = DAY_MS;
/// Every session expires after this time.
const ABSOLUTE_MS: i64 = 14 * DAY_MS;
/// The last use is stored at most this often.
const TOUCH_MS: i64 = 60 * 1000;

/// The token of a new session, for the cookie.
pub struct SessionToken(Token);

/// The address and browser of a sign-in.
#[derive(Debug, Clone, Default)]
pub struct Device {
    /// `None` if unknown.
    pub address: Option<IpAddr>,
    /// The `User-Agent` header, at most 256 characters.
    pub agent: String,
}

/// A session and its user.
#[derive(Clone)]
pub struct Session {
    pub id: SessionId,
    digest: SessionDigest,
    pub user: UserId,
    pub organization: OrganizationId,
    pub row: UserRow,
    /// Current permissions.
    pub permissions: Permissions,
}

impl Session {
    pub fn actor(&self, address: Option<IpAddr>) -> Actor {
        Actor {
            organization: self.organization,
            user: self.user,
            name: self.row.name.clone(),
            auth_method: AuthMethod::Session(self.digest),
            permissions: self.permissions,
            scopes: None,
            address,
        }
    }

    /// Identifies the session in the store.
    pub const fn digest(&self) -> &SessionDigest {
        &self.digest
    }
}

/// Starts a session. The token is always new, whatever cookie the request has.
///
/// # Errors
/// `SignedOut` if the user was disabled concurrently; `Unavailable`.
pub async fn create(tx: &mut Tx, user: UserId, device: &Device) -> Result<SessionToken, Error> {
    let token = Token::generate();
    let (began, seen) = limits();
    store::sessions::delete_ended(tx, began, seen).await?;
    let address = device.address.map(|address| address.to_string()).unwrap_or_default();
    let is_active = store::sessions::insert(tx, &token.digest(), user, &address, &device.agent).await?;
    if is_active { Ok(SessionToken(token)) } else { Err(Error::SignedOut) }
}

/// The session of a request's cookie, if it is valid and its user is not disabled.
pub async fn find(store: &Store, headers: &HeaderMap, secure: bool) -> Result<Option<Session>, Error> {
    let Some((session, last_seen_at)) = of_cookie(store, headers, secure).await? else { return Ok(None) };
    if last_seen_at.plus_ms(TOUCH_MS) < Timestamp::now() {
        // Reading must work even if nothing can be written.
        if let Err(error) = touch(store, &session).await {
            tracing::warn!(%error, "cannot store a session's last use");
        }
    }
    Ok(Some(session))
}

async fn touch(store: &Store, session: &Session) -> Result<(), Error> {
    let mut tx = store.begin().await?;
    store::sessions::touch(&mut tx, &session.digest, session.user).await?;
    tx.commit().await
}

/// Like [`find`], for requests that a page makes by itself: they do not count as use of the session and do not extend it.
pub async fn find_without_touch(store: &Store, headers: &HeaderMap, secure: bool) -> Result<Option<Session>, Error> {
    Ok(of_cookie(store, headers, secure).await?.map(|(session, _)| session))
}

/// The session of a cookie, and when it was last used.
async fn of_cookie(store: &Store, headers: &HeaderMap, secure: bool) -> Result<Option<(Session, Timestamp)>, Error> {
    let Some(token) = cookie(headers, cookie_name(secure)) else { return Ok(None) };
    let digest = random_token::digest(token);
    let Some((found, row)) = look_up(&mut *store.connection().await?, &digest).await? else { return Ok(None) };
    let session = Session { id: found.id, digest, user: row.id, organization: row.organization_id, permissions: row.permissions, row };
    Ok(Some((session, found.last_seen_at)))
}

/// Whether a session is still valid. Does not count as use.
pub async fn is_valid(store: &Store, session: &Session) -> Result<bool, store::StoreError> {
    Ok(look_up(&mut *store.connection().await?, &session.digest).await?.is_some())
}

/// The session with this digest, if it is valid and its user is not disabled.
pub(crate) async fn look_up(db: &mut Connection, digest: &SessionDigest) -> Result<Option<(SessionRecord, UserRow)>, store::StoreError> {
    let (began, seen) = limits();
    let Some(found) = store::sessions::find(db, digest, began, seen).await? else { return Ok(None) };
    let user = store::users::find_user(db, found.user_id).await?.filter(|user| user.disabled_at.is_none());
    Ok(user.map(|user| (found, user)))
}

/// A user's valid sessions, most recently used first.
pub async fn list(store: &Store, user: UserId) -> Result<Vec<SessionRecord>, store::StoreError> {
    let (began, seen) = limits();
    store::sessions::list_of_user(store, user, began, seen).await
}

/// Number of a user's valid sessions.
pub async fn count(store: &Store, user: UserId) -> Result<i64, store::StoreError> {
    let (began, seen) = limits();
    store::sessions::count_of_user(store, user, began, seen).await
}

/// The earliest creation and the earliest last use of a valid session.
fn limits() -> (Timestamp, Timestamp) {
    let now = Timestamp::now();
    (now.plus_ms(-ABSOLUTE_MS), now.plus_ms(-IDLE_MS))
}

/// `__Host-` restricts the cookie to HTTPS, this host and the path `/`; browsers reject the prefix over plain HTTP.
const fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-latchkey" } else { "latchkey" }
}

/// The `Set-Cookie` header that starts a session in the browser.
pub fn set_cookie(token: &SessionToken, secure: bool) -> SecretString {
    cookie_line(token.0.reveal(), ABSOLUTE_MS / 1000, secure).into()
}

/// The `Set-Cookie` header that removes the session's cookie.
pub fn clear_cookie(secure: bool) -> String {
    cookie_line("", 0, secure)
}

fn cookie_line(value: &str, max_age: i64, secure: bool) -> String {
    let name = cookie_name(secure);
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}
