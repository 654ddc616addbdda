//! What every HTTP side shares: problems, bodies, client addresses, the request log and metrics.

pub mod body;
pub mod client_address;
pub mod download;
pub mod metrics;
mod model_limits;
pub mod page_session;
pub mod presented_key;
pub mod problem;
pub mod rate_headers;
pub mod receipt_header;
pub mod request_context;
pub mod request_log;
pub mod upload;

use std::{ops::Deref, sync::Arc};

use ipnet::IpNet;
use latchkey_core::Core;

use metrics::Metrics;
pub use model_limits::ModelLimits;

/// What every handler can reach; cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

/// What is shared by all handlers.
pub struct Shared {
    pub core: Core,
    pub metrics: Metrics,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    pub model_limits: ModelLimits,
}

impl AppState {
    /// # Errors
    /// When two metrics have the same name.
    pub fn new(core: Core, trusted_proxies: Vec<IpNet>, model_limits: ModelLimits) -> anyhow::Result<Self> {
        let metrics = Metrics::new(core.verifier.store_reads().clone(), core.revocation_durations().clone())?;
        Ok(Self(Arc::new(Shared { core, metrics, trusted_proxies, model_limits })))
    }
}

impl Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Deref for Shared {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.core
    }
}
