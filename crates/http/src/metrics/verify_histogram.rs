//! Verdicts by code, and the duration of verify requests. They are counted on the hot path, so each core has its own counters: one verdict
//! costs two additions to memory that no other core writes.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use prometheus::{
    core::{Collector, Desc},
    proto::{Bucket, Counter, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};

use latchkey_verify::{VerdictCode, thread_number};

const BY_CODE: (&str, &str) = ("latchkey_verifications_total", "Verified keys, by the code of the verdict.");
const BY_TIME: (&str, &str) = ("latchkey_verify_duration_seconds", "Duration of verify requests, from the request headers to the response.");

/// The upper bounds of the histogram, in nanoseconds: 1 µs to 2 s.
const BOUNDS: [u64; 20] = [
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    200_000_000,
    500_000_000,
    1_000_000_000,
    2_000_000_000,
];
/// One column per bound, one for longer durations, one for verdicts without a duration.
const COLUMNS: usize = BOUNDS.len() + 2;
const UNTIMED: usize = COLUMNS - 1;

/// Counters of one core, aligned to avoid false sharing.
#[repr(align(128))]
struct Core {
    cells: [[AtomicU64; COLUMNS]; VerdictCode::ALL.len()],
    nanoseconds: AtomicU64,
}

pub(super) struct VerifyHistogram {
    cores: Box<[Core]>,
    descriptions: [Desc; 2],
}

impl VerifyHistogram {
    pub(super) fn new() -> prometheus::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let core = |_| Core { cells: Default::default(), nanoseconds: AtomicU64::new(0) };
        let describe = |(name, help): (&str, &str), labels: &[&str]| {
            let labels = labels.iter().map(|label| (*label).to_owned()).collect();
            Desc::new(name.to_owned(), help.to_owned(), labels, [].into())
        };
        Ok(Self { cores: (0..cores).map(core).collect(), descriptions: [describe(BY_CODE, &["code"])?, describe(BY_TIME, &[])?] })
    }

    /// Counts a verdict. `took` is `None` for verdicts of a batch request.
    pub(super) fn count(&self, code: VerdictCode, took: Option<Duration>) {
        let own = &self.cores[thread_number() % self.cores.len()];
        let column = took.map_or(UNTIMED, |took| {
            let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
            own.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
            BOUNDS.partition_point(|bound| *bound < nanoseconds)
        });
        own.cells[code as usize][column].fetch_add(1, Ordering::Relaxed);
    }

    fn sum(&self, code: VerdictCode, column: usize) -> u64 {
        self.cores.iter().map(|core| core.cells[code as usize][column].load(Ordering::Relaxed)).sum()
    }

    fn by_code(&self) -> MetricFamily {
        let metric = |code: VerdictCode| {
            let (mut label, mut counter, mut metric) = (LabelPair::default(), Counter::default(), Metric::default());
            label.set_name("code".to_owned());
            label.set_value(code.as_str().to_owned());
            counter.set_value(as_f64((0..COLUMNS).map(|column| self.sum(code, column)).sum()));
            metric.set_label(vec![label]);
            metric.set_counter(counter);
            metric
        };
        family(BY_CODE, MetricType::COUNTER, VerdictCode::ALL.map(metric).into())
    }

    fn by_time(&self) -> MetricFamily {
        let column_sum = |column| VerdictCode::ALL.iter().map(|code| self.sum(*code, column)).sum::<u64>();
        let mut cumulative = 0;
        let bucket = |(column, bound): (usize, &u64)| {
            cumulative += column_sum(column);
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(as_f64(*bound) / 1e9);
            bucket.set_cumulative_count(cumulative);
            bucket
        };
        let (mut histogram, mut metric) = (Histogram::default(), Metric::default());
        histogram.set_bucket(BOUNDS.iter().enumerate().map(bucket).collect());
        histogram.set_sample_count(cumulative + column_sum(BOUNDS.len()));
        histogram.set_sample_sum(as_f64(self.cores.iter().map(|core| core.nanoseconds.load(Ordering::Relaxed)).sum()) / 1e9);
        metric.set_histogram(histogram);
        family(BY_TIME, MetricType::HISTOGRAM, vec![metric])
    }
}

fn family((name, help): (&str, &str), kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus values are f64; integers are exact up to 2^53")]
fn as_f64(number: u64) -> f64 {
    number as f64
}

/// For the registry, which takes ownership of its collectors.
pub(super) struct HistogramCollector(pub std::sync::Arc<VerifyHistogram>);

impl Collector for HistogramCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.0.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        vec![self.0.by_code(), self.0.by_time()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_all_cores_are_summed_and_bounds_are_inclusive() {
        let verify_histogram = VerifyHistogram::new().unwrap();
        let times = [1, 1_000, 1_001, 2_000_000_000, 2_000_000_001, u64::MAX / 16];
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| times.map(|nanoseconds| verify_histogram.count(VerdictCode::Valid, Some(Duration::from_nanos(nanoseconds)))));
            }
        });
        verify_histogram.count(VerdictCode::NotFound, None);
        let counts = verify_histogram.by_code().get_metric().iter().map(|metric| metric.get_counter().get_value()).collect::<Vec<_>>();
        assert_eq!(counts, [24.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let family = verify_histogram.by_time();
        let histogram = family.get_metric()[0].get_histogram();
        let buckets = histogram.get_bucket().iter().map(Bucket::cumulative_count).collect::<Vec<_>>();
        assert_eq!((buckets[0], buckets[1], buckets[18], buckets[19], histogram.get_sample_count()), (8, 12, 12, 16, 24));
    }
}
