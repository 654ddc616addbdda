//! Browser sessions: a random token in a cookie, and its digest in the store.

use std::{collections::HashSet, net::IpAddr};

use http::{HeaderMap, header};
use secrecy::{ExposeSecret, SecretString};

use super::{device_cookie, user_agent};
use crate::{
    Core,
    actor::{Actor, AuthMethod, SessionDigest},
};
use latchkey_crypto::{
    key_format::Pepper,
    random_token::{Token, TokenPurpose},
};
use latchkey_store::{self as store, Connection, Store, Tx, WriteLock, sessions::SessionRecord, users::UserRow};
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
/// Maximum number of a user's sessions.
const PER_USER_MAX: i64 = 50;

/// A new session: the values of its cookies.
pub struct SessionToken {
    token: Token,
    device: SecretString,
    /// Number of the user's oldest sessions that ended because they had too many.
    pub replaced: u64,
}

/// The address and browser of a sign-in.
#[derive(Debug, Clone, Default)]
pub struct Device {
    /// `None` if unknown.
    pub address: Option<IpAddr>,
    /// The `User-Agent` header, at most 256 characters.
    pub agent: String,
    /// The value of the device cookie, which is not yet checked; see [`device_cookie`].
    pub cookie: Option<SecretString>,
}

impl Device {
    /// The device of a request from this address. `secure`: whether browsers use https.
    pub fn of(headers: &HeaderMap, address: Option<IpAddr>, secure: bool) -> Self {
        Self { address, agent: user_agent::of(headers), cookie: cookie(headers, device_cookie_name(secure)).map(SecretString::from) }
    }
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

/// Starts a session, and ends the user's oldest ones if there are too many. The token is always new, whatever cookie the request has.
/// `password_hash` is the user's, with which they were authenticated or which was set in this transaction. The device cookie is issued for it.
///
/// # Errors
/// `SignedOut` if the user was disabled, or their password was changed, concurrently; `Unavailable`.
pub async fn create(tx: &mut Tx, pepper: &Pepper, user: UserId, password_hash: &str, device: &Device) -> Result<SessionToken, Error> {
    let token = Token::generate();
    let (began, seen) = limits();
    store::sessions::delete_ended(tx, began, seen).await?;
    let address = device.address.map(|address| address.to_string()).unwrap_or_default();
    let digest = token.digest(pepper, TokenPurpose::Session);
    if !store::sessions::insert(tx, &digest, user, password_hash, &address, &device.agent).await? {
        return Err(Error::SignedOut);
    }
    let replaced = store::sessions::delete_oldest_of_user(tx, user, &digest, PER_USER_MAX - 1).await?;
    let presented = device.cookie.as_ref().map(ExposeSecret::expose_secret);
    Ok(SessionToken { token, device: device_cookie::issue(pepper, user, password_hash, presented, Timestamp::now()), replaced })
}

/// The session of a request's cookie, if it is valid and its user is not disabled.
pub async fn find(core: &Core, headers: &HeaderMap) -> Result<Option<Session>, Error> {
    let Some((session, last_seen_at)) = of_cookie(core, headers).await? else { return Ok(None) };
    if last_seen_at.plus_ms(TOUCH_MS) < Timestamp::now() {
        // Reading must work even if nothing can be written.
        if let Err(error) = touch(&core.store, &session).await {
            tracing::warn!(%error, "cannot store a session's last use");
        }
    }
    Ok(Some(session))
}

async fn touch(store: &Store, session: &Session) -> Result<(), Error> {
    let mut tx = store.begin_locked(WriteLock::Nothing).await?;
    store::sessions::touch(&mut tx, &session.digest, session.user).await?;
    tx.commit().await
}

/// Like [`find`], for requests that a page makes by itself: they do not count as use of the session and do not extend it.
pub async fn find_without_touch(core: &Core, headers: &HeaderMap) -> Result<Option<Session>, Error> {
    Ok(of_cookie(core, headers).await?.map(|(session, _)| session))
}

/// The session of a cookie, and when it was last used.
async fn of_cookie(core: &Core, headers: &HeaderMap) -> Result<Option<(Session, Timestamp)>, Error> {
    let Some(token) = cookie(headers, cookie_name(core.public_url.is_https())) else { return Ok(None) };
    let digest = core.pepper.token_digest(TokenPurpose::Session, token);
    let Some((found, row)) = look_up(&mut *core.store.connection().await?, &digest).await? else { return Ok(None) };
    let session = Session { id: found.id, digest, user: row.id, organization: row.organization_id, permissions: row.permissions, row };
    Ok(Some((session, found.last_seen_at)))
}

/// Whether a session is still valid. Does not count as use.
pub async fn is_valid(store: &Store, session: &Session) -> Result<bool, store::StoreError> {
    Ok(look_up(&mut *store.connection().await?, &session.digest).await?.is_some())
}

/// Those of these sessions that are still valid. Does not count as use.
pub async fn still_valid(store: &Store, sessions: &[SessionId]) -> Result<HashSet<SessionId>, store::StoreError> {
    let (began, seen) = limits();
    Ok(store::sessions::valid_among(store, sessions, began, seen).await?.into_iter().collect())
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

/// See [`cookie_name`].
const fn device_cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-latchkey-device" } else { "latchkey-device" }
}

/// The `Set-Cookie` header that starts a session in the browser.
pub fn set_cookie(token: &SessionToken, secure: bool) -> SecretString {
    cookie_line(cookie_name(secure), token.token.reveal(), ABSOLUTE_MS, secure).into()
}

/// The `Set-Cookie` header that lets the browser be recognized when it signs in again. It stays when the session ends.
pub fn set_device_cookie(token: &SessionToken, secure: bool) -> SecretString {
    cookie_line(device_cookie_name(secure), token.device.expose_secret(), device_cookie::LIFETIME_MS, secure).into()
}

/// The `Set-Cookie` header that removes the session's cookie.
pub fn clear_cookie(secure: bool) -> String {
    cookie_line(cookie_name(secure), "", 0, secure)
}

fn cookie_line(name: &str, value: &str, max_age_ms: i64, secure: bool) -> String {
    let max_age = max_age_ms / 1000;
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_http_only_and_host_bound_over_https() {
        let token = SessionToken { token: Token::generate(), device: "nonce.mac".into(), replaced: 0 };
        for (secure, prefix, suffix) in [(false, "", ""), (true, "__Host-", "; Secure")] {
            let session = format!("{prefix}latchkey={}; Path=/; Max-Age=1209600; HttpOnly; SameSite=Lax{suffix}", token.token.reveal());
            assert_eq!(set_cookie(&token, secure).expose_secret(), session);
            let device = format!("{prefix}latchkey-device=nonce.mac; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax{suffix}");
            assert_eq!(set_device_cookie(&token, secure).expose_secret(), device);
        }
    }

    #[test]
    fn each_cookie_is_found_by_its_whole_name() {
        let headers: HeaderMap = [(header::COOKIE, "latchkey-device=a.b; latchkey=c".parse().unwrap())].into_iter().collect();
        assert_eq!(cookie(&headers, cookie_name(false)), Some("c"));
        let device = |secure| Device::of(&headers, None, secure).cookie.map(|cookie| cookie.expose_secret().to_owned());
        assert_eq!((device(false).as_deref(), device(true)), (Some("a.b"), None));
    }
}
