//! What Prometheus reads at `/metrics`. Counters begin at 0 with the process; nothing of them is kept.

mod judged;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use prometheus::{
    Gauge, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TEXT_FORMAT, TextEncoder,
    core::{Collector, GenericGauge},
};

use super::{rest::problem::Problem, state::AppState, verify::Code};
use crate::model::fault::Fault;
use judged::{Judged, Shared};

/// Everything that is counted and measured. The hot path only ever adds to numbers that stand ready: no lock, no look-up.
pub struct Metrics {
    registry: Registry,
    judged: Arc<Judged>,
    requests: IntCounterVec,
    known: IntGauge,
    unknown: IntGauge,
    waiting: IntGauge,
    flush_age: Gauge,
    database_up: IntGauge,
}

impl Metrics {
    /// Nothing is counted yet.
    ///
    /// # Errors
    /// When two of them have one name, which a test would show.
    pub fn new(store_reads: IntCounter) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let requests = Opts::new("latchkey_http_requests_total", "Calls, by method, route and class of status; of verify the refusals alone.");
        let info = IntGauge::with_opts(Opts::new("latchkey_info", "The program; always 1.").const_label("version", env!("CARGO_PKG_VERSION")))?;
        let started = Gauge::new("process_start_time_seconds", "When the process started, in seconds since 1970.")?;
        info.set(1);
        started.set(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64().floor());
        let metrics = Self {
            judged: Arc::new(Judged::new()?),
            requests: IntCounterVec::new(requests, &["method", "route", "status"])?,
            known: gauge(&registry, "latchkey_known_keys", "Keys in memory.")?,
            unknown: gauge(&registry, "latchkey_unknown_keys", "Unknown keys that are remembered as such.")?,
            waiting: gauge(&registry, "latchkey_uses_waiting", "Keys whose uses wait to be written.")?,
            flush_age: gauge(&registry, "latchkey_flush_age_seconds", "How long ago uses were last written, or found to be none.")?,
            database_up: gauge(&registry, "latchkey_database_up", "1 while the database answers, 0 while it is lost.")?,
            registry,
        };
        let others: [Box<dyn Collector>; 5] = [
            Box::new(Shared(Arc::clone(&metrics.judged))),
            Box::new(metrics.requests.clone()),
            Box::new(store_reads),
            Box::new(info),
            Box::new(started),
        ];
        for collector in others {
            metrics.registry.register(collector)?;
        }
        Ok(metrics)
    }

    /// Counts a judgement and the time that its call took.
    pub fn judged(&self, code: Code, took: Duration) {
        self.judged.count(code, Some(took));
    }

    /// Counts a key that was judged as one of many in a call, whose time says nothing of one.
    pub fn judged_in_batch(&self, code: Code) {
        self.judged.count(code, None);
    }

    /// Counts a call of the general router.
    pub fn answered(&self, method: &str, route: &str, status: StatusCode) {
        self.requests.with_label_values(&[method, route, class_of(status.as_u16())]).inc();
    }

    /// Counts a refusal of a hot route, which judged nothing.
    pub fn refused(&self, route: &str, status: u16) {
        self.requests.with_label_values(&["POST", route, class_of(status)]).inc();
    }

    fn text(&self, state: &AppState) -> prometheus::Result<String> {
        let ((known, unknown), (age_ms, waiting)) = (state.verifier.sizes(), state.verifier.flush_age());
        self.known.set(whole(known));
        self.unknown.set(whole(unknown));
        self.waiting.set(whole(waiting));
        self.flush_age.set(Duration::from_millis(age_ms.try_into().unwrap_or_default()).as_secs_f64());
        self.database_up.set(i64::from(!state.store.is_lost()));
        TextEncoder::new().encode_to_string(&self.registry.gather())
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

/// `GET /metrics`.
///
/// # Errors
/// 500 `internal` when a metric can't be written.
pub async fn metrics(State(state): State<AppState>) -> Result<impl IntoResponse, Problem> {
    let text = state.metrics.text(&state).map_err(|error| {
        tracing::error!(%error, "the metrics can't be written");
        Fault::Internal
    })?;
    Ok(([(header::CONTENT_TYPE, TEXT_FORMAT)], text))
}
