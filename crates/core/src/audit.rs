//! The audit log: who did what to which object, when, and from which address. A row is written in the same transaction as the change it
//! records, and chained to the previous row by an HMAC, so that access to the database is not enough to change, remove or insert rows undetected.

use std::net::IpAddr;

use anyhow::{Context, bail};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::actor::{Actor, AuthMethod};
use latchkey_crypto::random::Secret;
use latchkey_store::{self as store, Store, Tx, audit::AuditRow};
use latchkey_types::{
    id::{AuditEventId, OrganizationId},
    time::Timestamp,
};

/// Number of rows per batch when the log is verified.
const BATCH_SIZE: i64 = 1000;

/// Writes and verifies the audit log.
#[derive(Clone)]
pub struct Auditor(Hmac<Sha256>);

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
}

impl Auditor {
    pub fn new(secret: &Secret) -> Self {
        Self(Hmac::new_from_slice(secret.as_slice()).expect("HMAC accepts keys of any length"))
    }

    /// Starts the chain of a new database.
    pub async fn begin(&self, tx: &mut Tx) -> Result<(), store::StoreError> {
        store::audit::set_head(tx, 0, &self.head(0, &[])).await
    }

    /// Writes a row in the transaction of the change it records. The row is chained to the signed end, not to the last row present, so that
    /// removing the last rows stays detectable.
    pub async fn record(&self, tx: &mut Tx, event: Event) -> Result<(), store::StoreError> {
        let head = store::audit::head(&mut *tx).await?;
        let (actor_kind, actor_id, actor_name) = event.actor;
        let (object_kind, object_id, object_name) = event.object;
        let mut row = AuditRow {
            seq: head.seq + 1,
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
        };
        row.mac = self.link(&head.mac, &row);
        store::audit::append(tx, &row).await?;
        store::audit::set_head(tx, row.seq, &self.head(row.seq, &row.mac)).await
    }

    /// Verifies every row and the chain's end, also while others write. Returns the number of rows.
    ///
    /// # Errors
    /// A message that names the first altered row, or the row after which rows are missing.
    pub async fn verify(&self, store: &Store) -> anyhow::Result<i64> {
        let (mut seq, mut link) = (0, self.head(0, &[]));
        loop {
            let rows = store::audit::after(store.read()?, seq, BATCH_SIZE).await?;
            if rows.is_empty() && is_end(store, seq, &link).await? {
                return Ok(seq);
            }
            for row in rows {
                if row.seq != seq + 1 || !same(&row.mac, &self.link(&link, &row)) {
                    bail!("the audit log was altered at row {}", seq + 1);
                }
                (seq, link) = (row.seq, self.head(row.seq, &row.mac));
            }
        }
    }

    /// HMAC over the previous end and every field, each prefixed with its length, so that different fields never encode equally.
    fn link(&self, before: &[u8], row: &AuditRow) -> Vec<u8> {
        let (seq, at) = (row.seq.to_be_bytes(), row.at.to_be_bytes());
        let fields: [&[u8]; 14] = [
            b"row",
            before,
            &seq,
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
        ];
        self.mac(fields.into_iter().chain([row.address.as_bytes()]))
    }

    fn head(&self, seq: i64, link: &[u8]) -> Vec<u8> {
        self.mac([&b"head"[..], &seq.to_be_bytes(), link])
    }

    fn mac<'a>(&self, fields: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut mac = self.0.clone();
        for field in fields {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field);
        }
        mac.finalize().into_bytes().to_vec()
    }
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

fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}
