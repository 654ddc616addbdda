//! List snapshots: the rows of a list in order, as of the moment when it was opened.
//!
//! Rows move while a list is read: for example, a key is used while the list is sorted by last use. An offset, or a cursor with the last row's
//! value, would then skip or repeat rows. The order is therefore recorded once, with 8 bytes per row.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use moka::{policy::EvictionPolicy, sync::Cache};

use latchkey_crypto::random;
use latchkey_types::{
    id::{OrganizationId, UserId},
    key_kind::Kind,
};

/// How long a snapshot is kept after its last use.
const IDLE_TIMEOUT: Duration = Duration::from_mins(30);
/// Snapshots per user: every letter typed into the search field opens one.
const MAX_PER_USER: usize = 16;
/// Memory limit of all snapshots, in bytes.
const MAX_BYTES: u64 = 256 << 20;

/// The keys or credentials that a user may see. A snapshot is readable only with the view that it was opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListView {
    pub organization: OrganizationId,
    pub user: UserId,
    pub kinds: Vec<Kind>,
    /// Restricts personal kinds to this user's; `None` for all.
    pub personal_of: Option<UserId>,
}

/// A list snapshot.
pub struct ListSnapshot {
    /// The view that may read it.
    pub view: ListView,
    /// The numbers of its rows, in order.
    pub numbers: Box<[i64]>,
}

/// All list snapshots of this instance.
pub struct ListSnapshots {
    by_name: Cache<String, Arc<ListSnapshot>>,
    /// The names of each user's snapshots, oldest first.
    of_user: Mutex<HashMap<UserId, VecDeque<String>>>,
}

impl Default for ListSnapshots {
    fn default() -> Self {
        let bytes = |_: &String, listing: &Arc<ListSnapshot>| u32::try_from(size_of_val(&*listing.numbers) + 256).unwrap_or(u32::MAX);
        // LRU eviction: the default policy would keep old snapshots that are read often and reject new ones.
        let by_name =
            Cache::builder().eviction_policy(EvictionPolicy::lru()).weigher(bytes).max_capacity(MAX_BYTES).time_to_idle(IDLE_TIMEOUT).build();
        Self { by_name, of_user: Mutex::default() }
    }
}

impl ListSnapshots {
    /// Stores a snapshot and evicts the user's oldest one if there are too many. Returns its name, which cannot be guessed.
    pub fn insert(&self, listing: Arc<ListSnapshot>) -> String {
        let name = format!("{:032x}", u128::from_be_bytes(random::bytes()));
        let user = listing.view.user;
        self.by_name.insert(name.clone(), listing);
        let mut of_user = self.of_user.lock().unwrap_or_else(PoisonError::into_inner);
        let names = of_user.entry(user).or_default();
        names.push_back(name.clone());
        if names.len() > MAX_PER_USER
            && let Some(oldest) = names.pop_front()
        {
            self.by_name.invalidate(&oldest);
        }
        name
    }

    /// The snapshot with this name, if it still exists and was opened with this view.
    pub fn find(&self, name: &str, view: &ListView) -> Option<Arc<ListSnapshot>> {
        self.by_name.get(name).filter(|listing| listing.view == *view)
    }
}
