//! The audit log: who did what to which object, when, and from which address. A row is written in the same transaction as the change it
//! records, and chained to the previous row by an HMAC, so that access to the database is not enough to change, remove or insert rows undetected.
//! On PostgreSQL, where transactions are concurrent, it is chained after the commit: see `sequencer.rs`.

mod sequencer;

use std::{
    cmp::Ordering,
    net::IpAddr,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::actor::{Actor, AuthMethod};
use latchkey_crypto::random::Secret;
use latchkey_store::{
    self as store, Connection, Effect, Store, Tx,
    audit::{AuditRow, HeadRow},
};
use latchkey_types::{
    error::Error,
    id::{AuditEventId, OrganizationId},
    time::Timestamp,
};
use sequencer::Sequencer;

/// Number of rows per batch when the log is verified.
const BATCH_SIZE: i64 = 1000;
/// The end of the chain is logged once per this many rows, and once per interval if there are new rows.
const LOG_ROWS: i64 = 1000;
const LOG_INTERVAL: Duration = Duration::from_mins(10);
/// An event is chained within this time after its commit.
const CHAIN_LIMIT: Duration = Duration::from_secs(1);
const CHAIN_POLL: Duration = Duration::from_millis(20);

/// Writes and verifies the audit log.
#[derive(Clone)]
pub struct Auditor {
    hmac: Hmac<Sha256>,
    /// The furthest end of the chain that this process has seen committed. The stored chain must continue it: an attacker with write
    /// access to the database could put back an earlier end, which is authentic.
    last_head: Arc<Mutex<Option<HeadRow>>>,
    sequencer: Arc<Sequencer>,
}

/// What [`Auditor::verify`] found intact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedLog {
    /// Number of rows of the chain.
    pub rows: i64,
    /// Number of events that are not chained yet.
    pub unchained: i64,
}

/// An end of the chain that was noted outside of the database: `SEQ:MAC`, as the log of the server has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotedHead {
    seq: i64,
    mac: Vec<u8>,
}

impl FromStr for NotedHead {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once(':').and_then(|(seq, mac)| Some((seq.parse::<i64>().ok()?, hex::decode(mac).ok()?)));
        let (seq, mac) = parts
            .filter(|(seq, mac)| *seq >= 0 && !mac.is_empty())
            .ok_or("use SEQ:MAC, the seq and the mac of a line “audit head” in the server's log")?;
        Ok(Self { seq, mac })
    }
}

/// An event to be recorded.
pub struct Event {
    organization: OrganizationId,
    actor: (&'static str, String, String),
    action: &'static str,
    object: (&'static str, String, String),
    detail: Map<String, Value>,
    address: Option<IpAddr>,
}

impl Event {
    /// An action of an actor, such as `key.created` on a `key` with this id and name.
    pub fn new(actor: &Actor, action: &'static str, object_kind: &'static str, id: impl ToString, name: &str) -> Self {
        let event_actor = match actor.auth_method {
            AuthMethod::Session(_) | AuthMethod::Password => ("user", actor.user.to_string(), actor.name.clone()),
            AuthMethod::Key { id, .. } => ("key", id.to_string(), actor.name.clone()),
            AuthMethod::Console => ("console", String::new(), actor.name.clone()),
        };
        Self {
            organization: actor.organization,
            actor: event_actor,
            action,
            object: (object_kind, id.to_string(), name.to_owned()),
            detail: Map::new(),
            address: actor.address,
        }
    }

    /// Adds a detail. Must never be a secret.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) const fn action(&self) -> &'static str {
        self.action
    }

    /// Kind and id of the object.
    pub(crate) fn object(&self) -> (&'static str, &str) {
        (self.object.0, self.object.1.as_str())
    }
}

impl Auditor {
    pub fn new(secret: &Secret) -> Self {
        Self {
            hmac: Hmac::new_from_slice(secret.as_slice()).expect("HMAC accepts keys of any length"),
            last_head: Arc::default(),
            sequencer: Arc::default(),
        }
    }

    /// Starts the chain of a new database.
    pub async fn begin(&self, tx: &mut Tx) -> Result<(), store::StoreError> {
        store::audit::set_head(tx, 0, &self.head(0, &[])).await
    }

    /// Writes rows in the transaction of the changes they record, commits it, and adopts the new end of the chain. On PostgreSQL, the rows are
    /// chained within a second. Returns the effect of the transaction, if it took access away.
    ///
    /// # Errors
    /// `Internal` if the stored chain does not continue the end that this process has seen; those of [`Tx::commit`].
    pub async fn commit(&self, mut tx: Tx, events: impl IntoIterator<Item = Event>) -> Result<Option<Effect>, Error> {
        let rows: Vec<AuditRow> = events.into_iter().map(row).collect();
        if tx.store().is_shared() {
            return self.commit_entries(tx, rows).await;
        }
        let end = self.append(&mut tx, rows).await?;
        let effect = tx.commit_effective().await?;
        if let Some(end) = end {
            self.advance_head(end);
        }
        Ok(effect)
    }

    /// Adds rows to the chain. They are chained to the signed end, not to the last row present, so that removing the last rows stays detectable.
    /// Returns the new end, or `None` without rows.
    async fn append(&self, tx: &mut Tx, mut rows: Vec<AuditRow>) -> Result<Option<HeadRow>, Error> {
        if rows.is_empty() {
            return Ok(None);
        }
        let mut head = self.continued_head(tx).await?;
        for row in &mut rows {
            row.seq = head.seq + 1;
            row.mac = self.link(&head.mac, row);
            head = HeadRow { seq: row.seq, mac: self.head(row.seq, &row.mac) };
        }
        store::audit::append(tx, &rows).await?;
        store::audit::set_head(tx, head.seq, &head.mac).await?;
        Ok(Some(head))
    }

    /// The stored end of the chain, which continues the end that this process has seen.
    async fn continued_head(&self, db: &mut Connection) -> Result<HeadRow, Error> {
        // Before the read: what others commit after it would look like an end that went back.
        let last = self.last_head().clone();
        let head = store::audit::head(&mut *db).await?;
        self.require_continued(db, last.as_ref(), &head).await?;
        Ok(head)
    }

    /// Adopts the end of a transaction that was committed.
    fn advance_head(&self, end: HeadRow) {
        let mut last = self.last_head();
        let before = last.as_ref().map_or(0, |last| last.seq);
        // That of a transaction that was committed later may have been adopted earlier.
        if end.seq <= before {
            return;
        }
        if last.is_some() && end.seq / LOG_ROWS > before / LOG_ROWS {
            log(&end);
        }
        *last = Some(end);
    }

    fn last_head(&self) -> MutexGuard<'_, Option<HeadRow>> {
        self.last_head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requires that the stored chain continues the end that this process has seen. Other instances may have added rows to it.
    async fn require_continued(&self, db: &mut Connection, last: Option<&HeadRow>, stored: &HeadRow) -> Result<(), Error> {
        let Some(last) = last else { return Ok(()) };
        let is_continued = match stored.seq.cmp(&last.seq) {
            Ordering::Less => false,
            Ordering::Equal => same(&stored.mac, &last.mac),
            Ordering::Greater => {
                let mac = store::audit::mac_of(db, last.seq).await?;
                mac.is_some_and(|mac| same(&self.head(last.seq, &mac), &last.mac))
            }
        };
        if is_continued {
            return Ok(());
        }
        tracing::error!(
            seq = last.seq,
            stored_seq = stored.seq,
            "the audit log was altered: its end went back. Changes are refused until the server is restarted; check the log with `latchkey admin verify-audit --since {}:{}` first",
            last.seq,
            hex::encode(&last.mac)
        );
        Err(Error::Internal)
    }

    /// Logs the end of the chain now, and then from time to time. A background task.
    pub async fn log_ends(self, store: Store) {
        let mut timer = interval(LOG_INTERVAL);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut logged = None;
        loop {
            timer.tick().await;
            // If this fails, the next tick retries.
            if let Ok(head) = self.stored_end(&store).await
                && logged != Some(head.seq)
            {
                log(&head);
                logged = Some(head.seq);
                self.advance_head(head);
            }
        }
    }

    async fn stored_end(&self, store: &Store) -> Result<HeadRow, Error> {
        self.continued_head(&mut *store.connection().await?).await
    }

    /// Verifies every row and the chain's end, also while others write, that the chain contains an end that was noted earlier, and every event that is
    /// not chained yet.
    ///
    /// # Errors
    /// A message that names the first altered row, or the row after which rows are missing.
    pub async fn verify(&self, store: &Store, noted: Option<&NotedHead>) -> anyhow::Result<VerifiedLog> {
        wait_until_chained(store).await?;
        let rows = self.verify_chain(store, noted).await?;
        Ok(VerifiedLog { rows, unchained: self.verify_entries(store).await? })
    }

    /// Returns the number of rows.
    async fn verify_chain(&self, store: &Store, noted: Option<&NotedHead>) -> anyhow::Result<i64> {
        let (mut seq, mut link) = (0, self.head(0, &[]));
        require_noted(noted, seq, &link)?;
        loop {
            let rows = store::audit::after(store.read()?, seq, BATCH_SIZE).await?;
            if rows.is_empty() && is_end(store, seq, &link).await? {
                if let Some(noted) = noted.filter(|noted| noted.seq > seq) {
                    bail!("the audit log was altered at its end: row {} was noted, but it ends with row {seq}", noted.seq);
                }
                return Ok(seq);
            }
            for row in rows {
                if row.seq != seq + 1 || !same(&row.mac, &self.link(&link, &row)) {
                    bail!("the audit log was altered at row {}", seq + 1);
                }
                (seq, link) = (row.seq, self.head(row.seq, &row.mac));
                require_noted(noted, seq, &link)?;
            }
        }
    }

    /// HMAC over the previous end and every field, each prefixed with its length, so that different fields never encode equally.
    fn link(&self, before: &[u8], row: &AuditRow) -> Vec<u8> {
        self.mac_of_row(&[&b"row"[..], before, &row.seq.to_be_bytes()], row)
    }

    /// HMAC over these fields and every field of a row except its number.
    fn mac_of_row(&self, first: &[&[u8]], row: &AuditRow) -> Vec<u8> {
        let at = row.at.to_be_bytes();
        let fields: [&[u8]; 12] = [
            row.id.as_bytes(),
            &at,
            row.organization_id.as_bytes(),
            row.actor_kind.as_bytes(),
            row.actor_id.as_bytes(),
            row.actor_name.as_bytes(),
            row.action.as_bytes(),
            row.object_kind.as_bytes(),
            row.object_id.as_bytes(),
            row.object_name.as_bytes(),
            row.detail.as_bytes(),
            row.address.as_bytes(),
        ];
        self.mac(first.iter().copied().chain(fields))
    }

    fn head(&self, seq: i64, link: &[u8]) -> Vec<u8> {
        self.mac([&b"head"[..], &seq.to_be_bytes(), link])
    }

    fn mac<'a>(&self, fields: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut mac = self.hmac.clone();
        for field in fields {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field);
        }
        mac.finalize().into_bytes().to_vec()
    }
}

/// The row of an event, which is not chained.
fn row(event: Event) -> AuditRow {
    let (actor_kind, actor_id, actor_name) = event.actor;
    let (object_kind, object_id, object_name) = event.object;
    AuditRow {
        seq: 0,
        id: AuditEventId::new().to_string(),
        at: Timestamp::now().0,
        organization_id: event.organization.to_string(),
        actor_kind: actor_kind.to_owned(),
        actor_id,
        actor_name,
        action: event.action.to_owned(),
        object_kind: object_kind.to_owned(),
        object_id,
        object_name,
        detail: Value::Object(event.detail).to_string(),
        address: event.address.map(|address| address.to_string()).unwrap_or_default(),
        mac: Vec::new(),
    }
}

/// Waits until no event that is committed is left to be chained, but not for longer than [`CHAIN_LIMIT`].
async fn wait_until_chained(store: &Store) -> Result<(), Error> {
    let began = Instant::now();
    while store.is_shared() && store::audit::has_entries(store).await? && began.elapsed() < CHAIN_LIMIT {
        sleep(CHAIN_POLL).await;
    }
    Ok(())
}

/// Whether the chain ends at this row; `false` if rows were added concurrently.
async fn is_end(store: &Store, seq: i64, link: &[u8]) -> anyhow::Result<bool> {
    let head = store::audit::head(store.read()?).await.context("the audit log was altered: its end is missing")?;
    if head.seq == seq && same(&head.mac, link) {
        return Ok(true);
    }
    // A row and the new end are written in one transaction.
    if head.seq > seq && !store::audit::after(store.read()?, seq, 1).await?.is_empty() {
        return Ok(false);
    }
    bail!("the audit log was altered at its end, after row {seq}")
}

/// Requires that the chain has the noted end where it is at that row.
fn require_noted(noted: Option<&NotedHead>, seq: i64, link: &[u8]) -> anyhow::Result<()> {
    if noted.is_some_and(|noted| noted.seq == seq && !same(&noted.mac, link)) {
        bail!("the audit log was altered: row {seq} or a row before it is not what it was when the end was noted");
    }
    Ok(())
}

/// Puts an end where no writer of the database can change it. It reveals nothing without the audit key.
fn log(head: &HeadRow) {
    tracing::info!(seq = head.seq, mac = %hex::encode(&head.mac), "audit head");
}

fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::open_store;

    #[test]
    fn a_noted_end_is_a_number_and_hexadecimal_digits() {
        assert_eq!("7:00ff".parse(), Ok(NotedHead { seq: 7, mac: vec![0, 255] }));
        for bad in ["", "7", "7:", ":00", "-1:00", "7:0", "7:zz", "x:00"] {
            assert!(bad.parse::<NotedHead>().is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_committed_end_must_be_continued() {
        let (store, _folder) = open_store().await;
        let auditor = Auditor::new(&Secret::new([1; 32]));
        let mut tx = store.begin().await.unwrap();
        auditor.begin(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        let earlier = store::audit::head(store.read().unwrap()).await.unwrap();
        let console = crate::accounts::console_actor_of(OrganizationId::new());
        let event = || Event::new(&console, "signing_key.rotated", "organization", console.organization, "Acme");
        auditor.commit(store.begin().await.unwrap(), [event()]).await.unwrap();
        auditor.commit(store.begin().await.unwrap(), [event()]).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        store::audit::set_head(&mut tx, earlier.seq, &earlier.mac).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(auditor.commit(store.begin().await.unwrap(), [event()]).await.err(), Some(Error::Internal));
    }
}
