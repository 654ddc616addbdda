//! Identity hasher, for map keys that are already uniformly distributed.

use std::hash::{BuildHasherDefault, Hasher};

/// For keys that hash as one `u64`: digests (HMAC output) and generated ids. Clients cannot choose either, so hash flooding is impossible.
pub(super) type BuildIdentityHasher = BuildHasherDefault<IdentityHasher>;

#[derive(Default)]
pub(super) struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("digests and ids hash as one u64");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
