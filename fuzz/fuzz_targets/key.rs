//! What tells a key of ours from others: whatever is presented, it answers, and takes no key under our prefix for one with another end.
#![no_main]

use latchkey::server::token;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let presented = String::from_utf8_lossy(input);
    let ours = ["lkp_", "lkc_", "lkq_", "lka_"].iter().any(|prefix| presented.starts_with(prefix));
    if token::is_plausible(&presented) && ours {
        // The checksum is at the end: with another last sign it does not fit.
        let other = if presented.ends_with('0') { '1' } else { '0' };
        let changed: String = presented.chars().take(presented.chars().count() - 1).chain([other]).collect();
        assert!(!token::is_plausible(&changed), "two ends fit");
    }
});
