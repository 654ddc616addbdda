//! Numbers drawn evenly, the same ones in each run: Marsaglia's xorshift64*.

/// The next ones.
pub struct Draw(u64);

impl Draw {
    /// Another row of them for each seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// One below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        // The upper half of a product of 32 bits and `end`: even, but for one in four thousand million.
        usize::try_from((drawn * end as u64) >> 32).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_drawn_as_often_as_any_other() {
        let (mut draw, mut drawn) = (Draw::new(7), [0u32; 100]);
        for _ in 0..1_000_000 {
            drawn[draw.below(100)] += 1;
        }
        assert!(drawn.iter().all(|times| (9_500..10_500).contains(times)), "{drawn:?}");
    }
}
