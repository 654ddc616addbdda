//! Sessions: a random token in a cookie, its digest in the store.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use secrecy::SecretString;

use super::token::{self, Token};
use crate::{
    model::{
        fault::Fault,
        id::{OrganizationId, SessionId, UserId},
        permission::Permissions,
        time::{DAY_MS, Timestamp},
    },
    server::{
        actor::{Actor, Means},
        store::{self, Store, Tx, people::UserRow, sessions::SessionRecord},
    },
};

/// A session that is not used ends after this.
const IDLE_MS: i64 = DAY_MS;
/// Every session ends after this.
const ABSOLUTE_MS: i64 = 14 * DAY_MS;
/// The last use is written at most so often.
const TOUCH_MS: i64 = 60 * 1000;

/// What the cookie of a new session holds.
pub struct SessionToken(Token);

/// From where, and with which browser, somebody signs in.
#[derive(Debug, Clone, Default)]
pub struct Device {
    /// The address; `None` where it can't be known.
    pub address: Option<IpAddr>,
    /// The browser, as it calls itself; at most 256 characters.
    pub agent: String,
}

/// A session, and the person whose it is.
#[derive(Clone)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    digest: [u8; 32],
    /// The person.
    pub user: UserId,
    /// Their organization.
    pub organization: OrganizationId,
    /// What is stored of them.
    pub row: UserRow,
    /// What their role allows now.
    pub permissions: Permissions,
}

impl Session {
    /// The person as one who acts.
    pub fn actor(&self, address: Option<IpAddr>) -> Actor {
        Actor {
            organization: self.organization,
            user: self.user,
            name: self.row.name.clone(),
            means: Means::Session,
            permissions: self.permissions,
            scopes: None,
            address,
        }
    }

    /// What the store knows it by.
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

/// Begins a session: always a new token, whatever cookie came with the call.
///
/// # Errors
/// `SignedOut` for somebody who was shut out meanwhile; `Unavailable`.
pub async fn begin(tx: &mut Tx, user: UserId, device: &Device) -> Result<SessionToken, Fault> {
    let token = Token::generate();
    let (began, seen) = limits();
    store::sessions::delete_ended(tx, began, seen).await?;
    let address = device.address.map(|address| address.to_string()).unwrap_or_default();
    let admitted = store::sessions::insert(tx, &token.digest(), user, &address, &device.agent).await?;
    if admitted { Ok(SessionToken(token)) } else { Err(Fault::SignedOut) }
}

/// The session that a call's cookie names, if it goes on and its user may sign in.
///
/// # Errors
/// `Unavailable`.
pub async fn find(store: &Store, headers: &HeaderMap, secure: bool) -> Result<Option<Session>, Fault> {
    let Some((session, last_seen_at)) = of_cookie(store, headers, secure).await? else { return Ok(None) };
    if last_seen_at + TOUCH_MS < Timestamp::now().0 {
        let (digest, user) = (session.digest, session.user);
        let noted = store.write(move |tx| Box::pin(async move { Ok(store::sessions::touch(tx, &digest, user).await?) })).await;
        // Whoever only reads is not turned away because nothing can be written.
        if let Err(fault) = noted {
            tracing::warn!(%fault, "a session's last use was not noted");
        }
    }
    Ok(Some(session))
}

/// As [`find`], for what a page does by itself: that is no use of the session, and does not lengthen it.
///
/// # Errors
/// `Unavailable`.
pub async fn find_unused(store: &Store, headers: &HeaderMap, secure: bool) -> Result<Option<Session>, Fault> {
    Ok(of_cookie(store, headers, secure).await?.map(|(session, _)| session))
}

/// The session that a cookie names, and when it was last used.
async fn of_cookie(store: &Store, headers: &HeaderMap, secure: bool) -> Result<Option<(Session, i64)>, Fault> {
    let Some(token) = cookie(headers, cookie_name(secure)) else { return Ok(None) };
    let digest = token::digest(token);
    let Some((found, row)) = look_up(store, &digest).await? else { return Ok(None) };
    let session = from_user(found.id.parse().map_err(|_| Fault::Internal)?, digest, row)?;
    Ok(Some((session, found.last_seen_at)))
}

/// Whether a session that was found before goes on. Asking is no use of it.
///
/// # Errors
/// What the database says.
pub async fn goes_on(store: &Store, session: &Session) -> Result<bool, store::Error> {
    Ok(look_up(store, &session.digest).await?.is_some())
}

async fn look_up(store: &Store, digest: &[u8; 32]) -> Result<Option<(SessionRecord, UserRow)>, store::Error> {
    let (began, seen) = limits();
    let Some(found) = store::sessions::find(store, digest, began, seen).await? else { return Ok(None) };
    let user = store::people::user(store, &found.user_id).await?.filter(|user| user.disabled_at.is_none());
    Ok(user.map(|user| (found, user)))
}

/// The sessions of a user that go on, the last used first.
///
/// # Errors
/// What the database says.
pub async fn list(store: &Store, user: UserId) -> Result<Vec<SessionRecord>, store::Error> {
    let (began, seen) = limits();
    store::sessions::list_of_user(store, user, began, seen).await
}

/// How many sessions of a user go on.
///
/// # Errors
/// What the database says.
pub async fn count(store: &Store, user: UserId) -> Result<i64, store::Error> {
    let (began, seen) = limits();
    store::sessions::count_of_user(store, user, began, seen).await
}

fn from_user(id: SessionId, digest: [u8; 32], row: UserRow) -> Result<Session, Fault> {
    let unreadable = |_| Fault::Internal;
    Ok(Session {
        id,
        digest,
        user: row.id.parse().map_err(unreadable)?,
        organization: row.organization_id.parse().map_err(unreadable)?,
        permissions: Permissions::from_words(&row.permissions),
        row,
    })
}

/// The earliest beginning and the earliest last use of a session that goes on.
fn limits() -> (Timestamp, Timestamp) {
    let now = Timestamp::now();
    (now.plus_ms(-ABSOLUTE_MS), now.plus_ms(-IDLE_MS))
}

/// `__Host-` keeps the cookie to https, this host and every path; a browser refuses that prefix over plain http.
const fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-latchkey" } else { "latchkey" }
}

/// The `Set-Cookie` that begins a session in the browser.
pub fn set_cookie(token: &SessionToken, secure: bool) -> SecretString {
    cookie_line(token.0.reveal(), ABSOLUTE_MS / 1000, secure).into()
}

/// The `Set-Cookie` that ends it there.
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
