//! Randomness for secrets, directly from the operating system's generator.

use rand::{TryRng, rngs::SysRng};
use zeroize::Zeroizing;

/// 256 random bits, zeroized on drop.
pub type Secret = Zeroizing<[u8; 32]>;

/// `N` random bytes.
///
/// # Panics
/// If the system's generator fails: no secret may be created without it.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).expect("the system's random generator must not fail");
    bytes
}

/// A random number from `low` to `high`, inclusive. The bias is negligible for ranges far below 2^64.
///
/// # Panics
/// If `low` is above `high`, or the system's generator fails.
pub fn number(low: i64, high: i64) -> i64 {
    let range = u64::try_from(high - low + 1).expect("low must not exceed high");
    low + i64::try_from(u64::from_le_bytes(bytes()) % range).expect("the remainder is below the range")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_random() {
        assert_ne!(bytes::<32>(), bytes::<32>());
        assert_ne!(bytes::<32>(), [0; 32]);
    }

    #[test]
    fn numbers_are_in_their_range_and_reach_its_ends() {
        let mut drawn: Vec<i64> = (0..1000).map(|_| number(-1, 2)).collect();
        drawn.sort_unstable();
        drawn.dedup();
        // One of the four is missing with a probability of 10^-124.
        assert_eq!(drawn, [-1, 0, 1, 2]);
        assert_eq!(number(7, 7), 7);
    }
}
