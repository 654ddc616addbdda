//! Requests of a key over a period, as small bars.

use std::fmt::Write;

use leptos::prelude::*;

use crate::{model::issued::Bucket, ui::number::grouped};

/// How high the highest bar is, and how wide each with its gap; in the drawing's own units.
const HEIGHT: i64 = 100;
const WIDTH: usize = 10;

/// A bar for each hour or day; nothing where there was no request.
#[component]
pub(super) fn Sparkline(
    /// Requests in each.
    buckets: Vec<i64>,
    /// What each one is.
    bucket: Bucket,
) -> impl IntoView {
    let top = buckets.iter().copied().max().unwrap_or_default();
    (top > 0).then(|| {
        let (wide, high) = (buckets.len() * WIDTH, HEIGHT);
        view! {
            <svg class="spark" viewBox=format!("0 0 {wide} {high}") preserveAspectRatio="none" role="img" aria-label=summary(top, bucket)>
                <path d=bars(&buckets, top)></path>
            </svg>
        }
    })
}

/// What the bars show, for those who can't see them.
fn summary(top: i64, bucket: Bucket) -> String {
    format!("At most {} per {}", grouped(top), if bucket == Bucket::Hour { "hour" } else { "day" })
}

/// One path for all bars: a list has many rows, and a year many days.
fn bars(buckets: &[i64], top: i64) -> String {
    let mut path = String::new();
    for (at, requests) in buckets.iter().enumerate().filter(|(_, requests)| **requests > 0) {
        // What is not nothing is seen.
        let height = i64::try_from(i128::from(*requests) * i128::from(HEIGHT) / i128::from(top.max(1))).unwrap_or(HEIGHT).max(4);
        let _ = write!(path, "M{} {HEIGHT}v-{height}h{}v{height}z", at * WIDTH + 1, WIDTH - 2);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_little_is_seen_and_nothing_is_not() {
        assert_eq!(bars(&[0, 1, 1000], 1000), "M11 100v-4h8v4zM21 100v-100h8v100z");
        assert_eq!(bars(&[i64::MAX], i64::MAX), "M1 100v-100h8v100z");
        assert_eq!(summary(1200, Bucket::Hour), "At most 1,200 per hour");
    }
}
