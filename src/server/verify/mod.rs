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
    /// The moments that decide what it is.
    pub lifecycle: Lifecycle,
}

impl KnownKey {
    /// `None` when a stored word is none of ours: such a key is not judged valid.
    fn read(record: &VerifyRecord) -> Option<Self> {
        let details = record.key.details().ok()?;
        Some(Self {
            digest: KeyDigest::from_stored(&record.key.digest)?,
            id: details.id,
            kind: details.kind,
            name: details.row.name,
            organization: record.organization_id.parse().ok()?,
            customer_id: record.customer_id,
            created_by: details.created_by,
            permissions: Permissions::from_words(&record.permissions),
            scopes: details.scopes,
            lifecycle: record.key.lifecycle(),
        })
    }
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

    /// The key that was presented; `None` for one that is forged, unknown or deleted.
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
        if let Some(known) = self.known.get(&digest) {
            return Ok(Some(Arc::clone(&known)));
        }
        self.read(digest).await
    }

    async fn read(&self, digest: KeyDigest) -> Result<Option<Arc<KnownKey>>, store::Error> {
        let epoch = self.epoch.load(Ordering::Acquire);
        let record = store::keys::find_by_digest(&self.store, digest.as_bytes()).await?;
        let Some(known) = record.as_ref().and_then(KnownKey::read).filter(|known| known.digest == digest).map(Arc::new) else { return Ok(None) };
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

    /// Judges a key for an organization, and notes its use.
    ///
    /// # Errors
    /// [`store::Error::Lost`].
    pub async fn judge(&self, organization: OrganizationId, ask: &Ask) -> Result<Verdict, store::Error> {
        let known = self.find(ask.key.expose_secret()).await?.filter(|key| key.organization == organization);
        let now = Timestamp::now();
        let verdict = judge::judge(known.as_deref(), ask, now);
        if let Some(known) = known.filter(|_| verdict.code == Code::Valid) {
            self.note_use(known.id, now);
        }
        Ok(verdict)
    }

    /// Notes that a key was used; written within a second.
    pub fn note_use(&self, id: KeyId, at: Timestamp) {
        self.uses.note(id, at);
    }

    /// Writes the uses that were noted.
    pub async fn flush(&self) {
        self.uses.flush(&self.store).await;
    }
}
