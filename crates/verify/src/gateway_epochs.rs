//! Numbers that change with what the gateway uses. There is one for each group of organizations, so that the changes of one organization do not
//! make the gateway read the services of all others again.

use std::{
    array,
    hash::BuildHasher,
    sync::atomic::{AtomicU64, Ordering},
};

use super::identity_hasher::BuildIdentityHasher;
use latchkey_types::id::OrganizationId;

const GROUPS: usize = 256;

pub(super) struct GatewayEpochs([AtomicU64; GROUPS]);

impl Default for GatewayEpochs {
    fn default() -> Self {
        Self(array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl GatewayEpochs {
    pub(super) fn get(&self, organization: OrganizationId) -> u64 {
        self.of(organization).load(Ordering::Acquire)
    }

    pub(super) fn advance(&self, organization: OrganizationId) {
        self.of(organization).fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn advance_all(&self) {
        for epoch in &self.0 {
            epoch.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn of(&self, organization: OrganizationId) -> &AtomicU64 {
        let group = BuildIdentityHasher::default().hash_one(organization) % GROUPS as u64;
        &self.0[usize::try_from(group).unwrap_or_default()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_affects_few_other_organizations() {
        let epochs = GatewayEpochs::default();
        let organizations: Vec<OrganizationId> = (0..1000).map(|_| OrganizationId::new()).collect();
        epochs.advance(organizations[0]);
        let changed = organizations.iter().filter(|organization| epochs.get(**organization) == 1).count();
        // The expected value is 5.
        assert!(epochs.get(organizations[0]) == 1 && changed < 100, "{changed}");
        epochs.advance_all();
        assert!(organizations.iter().all(|organization| epochs.get(*organization) > 0));
        assert_eq!(epochs.get(organizations[0]), 2);
    }
}
