//! Sparkline of the requests of a key over a period.

use std::fmt::Write;

use leptos::prelude::*;

use latchkey_types::issued_key::Bucket;
use latchkey_ui::number::format_integer;

/// Height of the tallest bar, and width of a bar including its gap, in SVG user units.
const HEIGHT: i64 = 100;
const WIDTH: usize = 10;

/// A bar per hour or day; empty without requests.
#[component]
pub(super) fn Sparkline(
    buckets: Vec<i64>,
    /// The time span of each bar.
    bucket: Bucket,
) -> impl IntoView {
    let top = buckets.iter().copied().max().unwrap_or_default();
    (top > 0).then(|| {
        let (width, height) = (buckets.len() * WIDTH, HEIGHT);
        view! {
            <svg class="sparkline" viewBox=format!("0 0 {width} {height}") preserveAspectRatio="none" role="img" aria-label=summary(top, bucket)>
                <path d=bars(&buckets, top)></path>
            </svg>
        }
    })
}

/// Text alternative of the bars.
fn summary(top: i64, bucket: Bucket) -> String {
    format!("At most {} per {}", format_integer(top), if bucket == Bucket::Hour { "hour" } else { "day" })
}

/// One path for all bars keeps the DOM small: a list has many rows, and a year has many days.
fn bars(buckets: &[i64], top: i64) -> String {
    let mut path = String::new();
    for (index, requests) in buckets.iter().enumerate().filter(|(_, requests)| **requests > 0) {
        // A nonzero count is always visible.
        let height = i64::try_from(i128::from(*requests) * i128::from(HEIGHT) / i128::from(top.max(1))).unwrap_or(HEIGHT).max(4);
        let _ = write!(path, "M{} {HEIGHT}v-{height}h{}v{height}z", index * WIDTH + 1, WIDTH - 2);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonzero_counts_are_visible_and_zero_is_not() {
        assert_eq!(bars(&[0, 1, 1000], 1000), "M11 100v-4h8v4zM21 100v-100h8v100z");
        assert_eq!(bars(&[i64::MAX], i64::MAX), "M1 100v-100h8v100z");
        assert_eq!(summary(1200, Bucket::Hour), "At most 1,200 per hour");
    }
}
