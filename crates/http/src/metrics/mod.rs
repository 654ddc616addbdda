//! Prometheus metrics at `/metrics`. Counters start at 0 with the process.

mod verify_histogram;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::http::StatusCode;
use prometheus::{
    Gauge, Histogram, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
    core::{Collector, GenericGauge},
};

use latchkey_core::Core;
use latchkey_verify::VerdictCode;
pub use prometheus::TEXT_FORMAT;
use verify_histogram::{HistogramCollector, VerifyHistogram};

/// All metrics. The hot path only adds to preallocated atomics: no lock, no lookup.
pub struct Metrics {
    registry: Registry,
    verify_histogram: Arc<VerifyHistogram>,
    requests: IntCounterVec,
    rejected_connections: IntCounter,
    known: IntGauge,
    unknown: IntGauge,
    waiting: IntGauge,
    flush_age: Gauge,
    bodies_dropped: IntGauge,
    database_up: IntGauge,
    lease_held: IntGauge,
    instances: IntGauge,
    change_lag: Gauge,
}

impl Metrics {
    pub fn new(store_reads: IntCounter, revocation_durations: Histogram) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let requests =
            Opts::new("latchkey_http_requests_total", "Requests, by method, route and status class. Of the verify routes, only rejected requests.");
        let info =
            IntGauge::with_opts(Opts::new("latchkey_info", "Version of the program; always 1.").const_label("version", env!("CARGO_PKG_VERSION")))?;
        let started = Gauge::new("process_start_time_seconds", "When the process started, in seconds since 1970.")?;
        info.set(1);
        started.set(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64().floor());
        let metrics = Self {
            verify_histogram: Arc::new(VerifyHistogram::new()?),
            requests: IntCounterVec::new(requests, &["method", "route", "status"])?,
            rejected_connections: IntCounter::new(
                "latchkey_connections_rejected_total",
                "Connections closed at once because their client already had too many.",
            )?,
            known: gauge(&registry, "latchkey_known_keys", "Cached keys.")?,
            unknown: gauge(&registry, "latchkey_unknown_keys", "Cached digests of unknown keys.")?,
            waiting: gauge(&registry, "latchkey_uses_waiting", "Keys with unwritten usage.")?,
            flush_age: gauge(&registry, "latchkey_flush_age_seconds", "Time since usage was last written, or since there was none to write.")?,
            bodies_dropped: gauge(&registry, "latchkey_call_bodies_dropped", "Calls of language models whose bodies could not be kept.")?,
            database_up: gauge(&registry, "latchkey_database_up", "1 if the database is reachable, else 0.")?,
            lease_held: gauge(&registry, "latchkey_lease_held", "1 if this instance may accept keys, else 0; always 1 on SQLite.")?,
            instances: gauge(&registry, "latchkey_instances", "Instances whose lease may be valid, by the last read of this one.")?,
            change_lag: gauge(&registry, "latchkey_change_lag_seconds", "From the oldest change of the last read to its application here.")?,
            registry,
        };
        let others: [Box<dyn Collector>; 7] = [
            Box::new(HistogramCollector(Arc::clone(&metrics.verify_histogram))),
            Box::new(metrics.requests.clone()),
            Box::new(metrics.rejected_connections.clone()),
            Box::new(store_reads),
            Box::new(revocation_durations),
            Box::new(info),
            Box::new(started),
        ];
        for collector in others {
            metrics.registry.register(collector)?;
        }
        Ok(metrics)
    }

    /// Counts a verdict and the duration of its request.
    pub fn record_verdict(&self, code: VerdictCode, took: Duration) {
        self.verify_histogram.count(code, Some(took));
    }

    /// Counts a verdict of a batch request, whose duration is not that of a single verdict.
    pub fn record_batch_verdict(&self, code: VerdictCode) {
        self.verify_histogram.count(code, None);
    }

    /// Counts a request of the general router.
    pub fn record_response(&self, method: &str, route: &str, status: StatusCode) {
        self.requests.with_label_values(&[method, route, class_of(status.as_u16())]).inc();
    }

    /// Counts a rejected request of a hot route.
    pub fn record_rejection(&self, method: &str, route: &str, status: u16) {
        self.requests.with_label_values(&[method, route, class_of(status)]).inc();
    }

    /// Counts a connection of a client that has too many.
    pub fn record_rejected_connection(&self) {
        self.rejected_connections.inc();
    }

    pub fn text(&self, core: &Core) -> prometheus::Result<String> {
        let ((known, unknown), (age_ms, waiting)) = (core.verifier.sizes(), core.verifier.flush_age());
        self.known.set(whole(known));
        self.unknown.set(whole(unknown));
        self.waiting.set(whole(waiting));
        self.flush_age.set(Duration::from_millis(age_ms.try_into().unwrap_or_default()).as_secs_f64());
        self.bodies_dropped.set(whole(core.body_log.dropped()));
        self.database_up.set(i64::from(!core.store.is_database_lost()));
        self.set_instances(core);
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    fn set_instances(&self, core: &Core) {
        self.lease_held.set(i64::from(core.store.lease().is_valid()));
        if !core.store.is_shared() {
            self.instances.set(1);
            return;
        }
        let view = Arc::clone(&core.store.instances().borrow());
        let own = core.store.instance().id;
        let lag_ms = view.instances.iter().find(|instance| instance.id == own).map_or(0, |instance| instance.lag_ms);
        self.instances.set(whole(view.instances.len()));
        self.change_lag.set(Duration::from_millis(u64::try_from(lag_ms).unwrap_or_default()).as_secs_f64());
    }
}

const fn class_of(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

fn gauge<N: prometheus::core::Atomic + 'static>(registry: &Registry, name: &str, help: &str) -> prometheus::Result<GenericGauge<N>> {
    let gauge = GenericGauge::new(name, help)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

fn whole(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
