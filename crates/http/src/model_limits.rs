//! Limits of the calls of language models.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use super::body::{BodyLimits, MinimumRate};

/// Large request bodies that are received or forwarded at the same time, in bytes.
const BODIES_MAX: usize = 256 * 1024 * 1024;
const BODY_MAX: usize = 32 * 1024 * 1024;
/// 16 KiB a second.
const BODY_RATE: MinimumRate = MinimumRate { bytes: 80 * 1024, period: Duration::from_secs(5) };

/// Limits of the calls of language models.
#[derive(Debug, Clone)]
pub struct ModelLimits {
    /// Room for large request bodies, in bytes.
    pub bodies: Arc<Semaphore>,
    /// For how long a large body waits for room.
    pub body_wait: Duration,
    /// The longest pause before and within a request body.
    pub body_idle: Duration,
    /// Time limit until the headers of a response. Models that do not stream send them after the last token.
    pub headers: Duration,
    /// The longest pause of a provider within a response.
    pub idle: Duration,
}

impl Default for ModelLimits {
    fn default() -> Self {
        Self {
            bodies: Arc::new(Semaphore::new(BODIES_MAX)),
            body_wait: Duration::from_secs(5),
            body_idle: Duration::from_secs(30),
            headers: Duration::from_mins(10),
            idle: Duration::from_mins(5),
        }
    }
}

impl ModelLimits {
    /// Those of request bodies.
    pub fn body(&self) -> BodyLimits<'_> {
        BodyLimits {
            max: BODY_MAX,
            time: Duration::from_mins(1),
            idle: self.body_idle,
            rate: Some(BODY_RATE),
            wait: self.body_wait,
            room: &self.bodies,
        }
    }
}
