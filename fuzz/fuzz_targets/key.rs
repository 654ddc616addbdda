//! The key format check. It must not panic, and a key with a Latchkey prefix must become invalid when its last character changes.
#![no_main]

use latchkey_crypto::key_format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let presented = String::from_utf8_lossy(input);
    let has_prefix = ["lki_", "lkc_", "lkq_", "lka_"].iter().any(|prefix| presented.starts_with(prefix));
    if key_format::is_plausible(&presented) && has_prefix {
        // The checksum is at the end, so a different last character must not match.
        let other = if presented.ends_with('0') { '1' } else { '0' };
        let changed: String = presented.chars().take(presented.chars().count() - 1).chain([other]).collect();
        assert!(!key_format::is_plausible(&changed), "two checksums match");
    }
});
