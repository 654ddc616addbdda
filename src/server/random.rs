//! Randomness for secrets: the system's generator, nothing of our own between.

use rand::{TryRng, rngs::SysRng};
use zeroize::Zeroizing;

/// 256 random bits for one purpose, wiped when they are dropped.
pub type Secret = Zeroizing<[u8; 32]>;

/// So many random bytes.
///
/// # Panics
/// When the system's generator fails: no secret may be made without it.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).expect("the system's random generator works");
    bytes
}

/// A random number from `low` to `high`, both included, near enough to evenly for a span far below 2^64.
///
/// # Panics
/// When `low` is above `high`, or the system's generator fails.
pub fn number(low: i64, high: i64) -> i64 {
    let span = u64::try_from(high - low + 1).expect("low is not above high");
    low + i64::try_from(u64::from_le_bytes(bytes()) % span).expect("the span fits")
}
