//! Maps whose keys are even as they are: no hash makes them any more so.

use std::hash::{BuildHasherDefault, Hasher};

/// For keys that hash as one number: digests, which are the output of an HMAC, and ids, which we make. Nobody else can choose them.
pub(super) type BuildEven = BuildHasherDefault<Even>;

/// Takes the number that it is given.
#[derive(Default)]
pub(super) struct Even(u64);

impl Hasher for Even {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("digests and ids hash as a number");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
