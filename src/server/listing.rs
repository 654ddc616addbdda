//! Opened lists: which rows a list held when it was opened, and in which order.
//!
//! Rows move: a key is used while somebody reads the list by last use. A place that is a number of rows, or the last row's value,
//! would lose or double some. So the order is noted once, 8 bytes a row, and kept while it is read.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use moka::{policy::EvictionPolicy, sync::Cache};

use super::random;
use crate::model::{
    id::{OrganizationId, UserId},
    policy::Kind,
};

/// How long a list is kept after its last use.
const KEPT: Duration = Duration::from_mins(30);
/// How many lists of one user are kept: each letter of a search opens one.
const PER_USER: usize = 16;
/// How many bytes all lists may take.
const BYTES_MAX: u64 = 256 << 20;

/// What somebody may see of keys or of credentials. A list answers only to the view that it was opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Whose keys.
    pub organization: OrganizationId,
    /// Who looks.
    pub user: UserId,
    /// Of which kinds.
    pub kinds: Vec<Kind>,
    /// Of the personal kinds only this user's; `None` for everybody's.
    pub personal_of: Option<UserId>,
}

/// A list as it stood when it was opened.
pub struct Listing {
    /// To whom it answers.
    pub view: View,
    /// The numbers of its keys, in order.
    pub numbers: Box<[i64]>,
}

/// All opened lists of this process.
pub struct Listings {
    by_name: Cache<String, Arc<Listing>>,
    /// Each user's, oldest first.
    of_user: Mutex<HashMap<UserId, VecDeque<String>>>,
}

impl Default for Listings {
    fn default() -> Self {
        let bytes = |_: &String, listing: &Arc<Listing>| u32::try_from(size_of_val(&*listing.numbers) + 256).unwrap_or(u32::MAX);
        // By age: the cache's usual policy would keep old lists that are read a lot and turn away new ones.
        let by_name = Cache::builder().eviction_policy(EvictionPolicy::lru()).weigher(bytes).max_capacity(BYTES_MAX).time_to_idle(KEPT).build();
        Self { by_name, of_user: Mutex::default() }
    }
}

impl Listings {
    /// Keeps a list; the user's oldest goes when they have too many. Answers its name, which can't be guessed.
    pub fn keep(&self, listing: Arc<Listing>) -> String {
        let name = format!("{:032x}", u128::from_be_bytes(random::bytes()));
        let user = listing.view.user;
        self.by_name.insert(name.clone(), listing);
        let mut of_user = self.of_user.lock().unwrap_or_else(PoisonError::into_inner);
        let names = of_user.entry(user).or_default();
        names.push_back(name.clone());
        if names.len() > PER_USER
            && let Some(oldest) = names.pop_front()
        {
            self.by_name.invalidate(&oldest);
        }
        name
    }

    /// The list of this name, if it is still there and was opened with this view.
    pub fn find(&self, name: &str, view: &View) -> Option<Arc<Listing>> {
        self.by_name.get(name).filter(|listing| listing.view == *view)
    }
}
