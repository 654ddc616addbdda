//! Length and figures of the fault tests.

use std::fmt::Display;

/// Whether `cargo xtask soak` runs the tests in their long form.
pub fn is_long() -> bool {
    std::env::var("LATCHKEY_SOAK").is_ok_and(|value| value == "1")
}

/// The value for the short or the long form.
pub fn scaled<T>(short: T, long: T) -> T {
    if is_long() { long } else { short }
}

/// Prints a result for the table of docs/reliability.md. The line starts on its own, because the test runner prints the test's name without a
/// line break.
pub fn figure(name: &str, result: impl Display) {
    println!("\nFIGURE {name}: {result}");
}
