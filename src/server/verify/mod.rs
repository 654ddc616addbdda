//! Judging keys, from memory where they are known.

mod judge;
mod uses;
mod watch;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use dashmap::DashMap;
use secrecy::ExposeSecret;
use serde_json::Value;

pub use judge::{Ask, Code, Verdict};
pub use watch::{watch, write_uses};

use super::{
    store::{self, Store, keys::VerifyRecord},
    token::{self, KeyDigest, Pepper},
};
use crate::model::{
    id::{KeyId, OrganizationId, UserId},
    permission::Permissions,
    policy::{KeyKind, Lifecycle},
    time::Timestamp,
};

/// All that is needed to judge a key; never changed, only replaced.
pub struct KnownKey {
    digest: KeyDigest,
    /// Its id.
    pub id: KeyId,
    /// Its kind.
    pub kind: KeyKind,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The number of that organization.
    pub customer_id: i64,
    /// Who made it.
    pub created_by: UserId,
    /// What they may do now.
    pub permissions: Permissions,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// Which corpora it opens.
    pub corpora: Vec<i64>,
    /// Whose it is, in the words of the API that it is for.
    pub external_id: Option<String>,
    /// What that API notes of it.
    pub metadata: Option<Value>,
    /// The moments that decide what it is.
    pub lifecycle: Lifecycle,
    /// Until when this secret of it is good, if it was replaced.
    pub retires_at: Option<Timestamp>,
}

impl KnownKey {
    /// `None` when a stored word is none of ours: such a key is not judged valid.
    fn read(record: &VerifyRecord, digest: KeyDigest) -> Option<Self> {
        let row = record.key.row().ok()?;
        Some(Self {
            digest,
            id: record.key.id.parse().ok()?,
            kind: record.key.kind().ok()?,
            name: row.name,
            organization: record.organization_id.parse().ok()?,
            customer_id: record.customer_id,
            created_by: row.creator,
            permissions: Permissions::from_words(&record.permissions),
            scopes: row.scopes,
            corpora: record.key.corpora.iter().map(|(id, _)| *id).collect(),
            external_id: row.external_id,
            metadata: row.metadata.as_deref().and_then(|metadata| serde_json::from_str(metadata).ok()),
            lifecycle: record.key.lifecycle(),
            retires_at: record.retires_at.map(Timestamp),
        })
    }
}

/// Compared in constant time, whatever the index found. A secret that was replaced has no digest in the key's own row.
fn is_of(record: &VerifyRecord, digest: KeyDigest) -> bool {
    record.retires_at.is_some() || KeyDigest::from_stored(&record.key.digest) == Some(digest)
}

/// Finds and judges keys.
pub struct Verifier {
    store: Store,
    pepper: Pepper,
    known: DashMap<KeyDigest, Arc<KnownKey>>,
    /// Counts the changes that were applied, so that a read that began before one does not overwrite it.
    epoch: AtomicU64,
    uses: uses::Uses,
}

impl Verifier {
    /// Knows no key yet.
    pub fn new(store: Store, pepper: Pepper) -> Self {
        Self { store, pepper, known: DashMap::new(), epoch: AtomicU64::new(0), uses: uses::Uses::default() }
    }

    /// The key that was presented; `None` for one that is forged, unknown, deleted, or whose secret was replaced.
    ///
    /// # Errors
    /// [`store::Error::Lost`] as soon as the loss was noticed, also for keys in memory.
    pub async fn find(&self, presented: &str) -> Result<Option<Arc<KnownKey>>, store::Error> {
        if self.store.is_lost() {
            return Err(store::Error::Lost);
        }
        if !token::is_plausible(presented) {
            return Ok(None);
        }
        let digest = self.pepper.digest(presented);
        let known = self.known.get(&digest).map(|known| Arc::clone(&known));
        let known = match known {
            Some(known) => Some(known),
            None => self.read(digest).await?,
        };
        Ok(known.filter(|known| known.retires_at.is_none_or(|end| Timestamp::now() < end)))
    }

    async fn read(&self, digest: KeyDigest) -> Result<Option<Arc<KnownKey>>, store::Error> {
        let epoch = self.epoch.load(Ordering::Acquire);
        let record = store::keys::find_by_digest(&self.store, digest.as_bytes()).await?;
        let known = record.filter(|record| is_of(record, digest)).and_then(|record| KnownKey::read(&record, digest));
        let Some(known) = known.map(Arc::new) else { return Ok(None) };
        // The entry holds its shard of the map, and so does `forget`: either this sees the new epoch, or `forget` sees this entry.
        let entry = self.known.entry(digest);
        if self.epoch.load(Ordering::Acquire) == epoch {
            entry.insert(Arc::clone(&known));
        }
        Ok(Some(known))
    }

    /// Forgets what is known of a key, or of all of them, after a change. The next call reads it anew.
    pub fn forget(&self, digest: Option<&[u8]>) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        match digest.and_then(KeyDigest::from_stored) {
            Some(digest) => drop(self.known.remove(&digest)),
            None => self.known.clear(),
        }
    }

    /// Forgets what is known of these secrets, after a change of several.
    pub fn forget_each(&self, digests: &[Vec<u8>]) {
        for digest in digests {
            self.forget(Some(digest));
        }
    }

    /// Judges a key for an organization, and notes its use.
    ///
    /// # Errors
    /// [`store::Error::Lost`].
    pub async fn judge(&self, organization: OrganizationId, ask: &Ask) -> Result<Verdict, store::Error> {
        let known = self.find(ask.key.expose_secret()).await?.filter(|key| key.organization == organization);
        let now = Timestamp::now();
        let verdict = judge::judge(known.as_deref(), ask, now);
        if let Some(known) = known.filter(|_| verdict.code == Code::Valid) {
            self.note_use(&known, now);
        }
        Ok(verdict)
    }

    /// Counts a call of a key; written within a second.
    pub fn note_use(&self, key: &KnownKey, at: Timestamp) {
        self.uses.note(key, at);
    }

    /// Writes the uses that were noted.
    pub async fn flush(&self) {
        self.uses.flush(&self.store).await;
    }

    /// Drops counts that nobody asks for any more.
    pub async fn forget_old_counts(&self) {
        uses::Uses::forget_old_minutes(&self.store).await;
    }
}
