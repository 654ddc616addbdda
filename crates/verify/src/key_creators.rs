//! What the keys of one creator have in common. In memory once: a creator can have a million keys.

use std::sync::Arc;

use dashmap::DashMap;

use super::{
    dependencies::{Dependencies, DependencyFlags},
    identity_hasher::BuildIdentityHasher,
};
use latchkey_store::{keys::VerifyRecord, verdict_changes::VerdictChange};
use latchkey_types::{
    id::{OrganizationId, RoleId, UserId},
    permission::Permissions,
};

/// The user who created a key, as of the time when the key was read.
pub struct KeyCreator {
    pub user: UserId,
    pub organization: OrganizationId,
    /// The organization's number.
    pub customer_id: i64,
    /// Current permissions of the user.
    pub permissions: Permissions,
    pub(super) role: RoleId,
    /// Set when the user or the role changes.
    pub(super) dependencies: Dependencies,
}

impl KeyCreator {
    /// Whether the keys must be read again, because the user or the role has changed.
    pub(super) fn has_changed(&self) -> bool {
        self.dependencies.have_changed()
    }

    /// Whether this is what the record says, and nothing has changed since.
    fn is_of(&self, record: &VerifyRecord) -> bool {
        let Self { user, organization, customer_id, permissions, role, .. } = self;
        let is_equal = (*user, *role, *permissions) == (record.key.created_by, record.role_id, record.permissions)
            && (*organization, *customer_id) == (record.organization_id, record.customer_id);
        is_equal && !self.has_changed()
    }
}

#[derive(Default)]
pub(super) struct KeyCreators(DashMap<UserId, Arc<KeyCreator>, BuildIdentityHasher>);

impl KeyCreators {
    /// The creator of a key whose record was just read.
    pub(super) fn of(&self, record: &VerifyRecord, flags: &DependencyFlags) -> Arc<KeyCreator> {
        let user = record.key.created_by;
        if let Some(creator) = self.0.get(&user).filter(|creator| creator.is_of(record)) {
            return Arc::clone(&creator);
        }
        let creator = Arc::new(KeyCreator {
            user,
            organization: record.organization_id,
            customer_id: record.customer_id,
            permissions: record.permissions,
            role: record.role_id,
            dependencies: flags.of([VerdictChange::Creator(user), VerdictChange::Role(record.role_id)]),
        });
        self.0.insert(user, Arc::clone(&creator));
        creator
    }

    /// Drops the creators of whom no key is cached.
    pub(super) fn drop_unused(&self) {
        self.0.retain(|_, creator| Arc::strong_count(creator) > 1);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
