//! One call, from the complete request to the response.

use std::{
    net::IpAddr,
    pin::pin,
    time::{Duration, Instant},
};

use axum::{
    http::{HeaderMap, StatusCode},
    response::Response,
};
use bytes::Bytes;
use tokio::time::{Interval, MissedTickBehavior, interval_at};

use super::{
    admit, answer, attempt,
    caller::{Caller, Standing},
    errors::ModelProblem,
    record::CallRecord,
    request::Api,
};
use latchkey_http::{AppState, rate_headers};
use latchkey_verify::Verdict;

/// How often it is checked that the caller may go on. A revocation ends a call within twice this time.
pub(super) const CHECK_EVERY: Duration = Duration::from_millis(500);

pub(super) struct Call {
    pub(super) state: AppState,
    pub(super) caller: Caller,
    pub(super) api: Api,
    pub(super) record: CallRecord,
    /// The caller's headers.
    pub(super) headers: HeaderMap,
    pub(super) query: Option<String>,
    pub(super) address: Option<IpAddr>,
    /// The key's limits after the call was charged to them; `None` without a key, or before.
    pub(super) verdict: Option<Verdict>,
    pub(super) ticks: Interval,
    /// Time spent waiting for providers.
    waited: Duration,
}

impl Call {
    pub(super) fn new(state: AppState, caller: Caller, api: Api, record: CallRecord) -> Self {
        let mut ticks = interval_at(tokio::time::Instant::now() + CHECK_EVERY, CHECK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let waited = Duration::ZERO;
        Self { state, caller, api, record, headers: HeaderMap::new(), query: None, address: None, verdict: None, ticks, waited }
    }

    pub(super) fn with_request(self, headers: HeaderMap, query: Option<String>, address: Option<IpAddr>) -> Self {
        Self { headers, query, address, ..self }
    }

    /// Forwards the call with this body.
    pub(super) async fn run(mut self, body: Bytes) -> Response {
        match self.forward(body).await {
            Ok(answered) => answer::pass_on(self, answered).await,
            Err(problem) => self.refuse(problem),
        }
    }

    async fn forward(&mut self, body: Bytes) -> Result<attempt::Answered, ModelProblem> {
        let admitted = admit::admit(self, body).await?;
        attempt::send(self, admitted).await
    }

    /// Ends the call with an error.
    pub(super) fn refuse(self, problem: ModelProblem) -> Response {
        let mut response = self.record.refuse(problem);
        if let Some(verdict) = &self.verdict {
            rate_headers::write(response.headers_mut(), verdict);
        }
        response
    }

    /// Waits for the provider as long as the caller may go on.
    ///
    /// # Errors
    /// Those of [`Self::check`].
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, ModelProblem> {
        let began = Instant::now();
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                result = &mut work => {
                    self.waited += began.elapsed();
                    return Ok(result);
                }
                _ = self.ticks.tick() => self.check().await?,
            }
        }
    }

    /// Checks that the caller may still call the model, that the credits of the key were not set to 0, and that no budget of the call was lowered
    /// below what is spent.
    ///
    /// # Errors
    /// 429 `budget_exceeded`, `usage_exceeded`; 401 `key_revoked`.
    pub(super) async fn check(&mut self) -> Result<(), ModelProblem> {
        let charged = self.verdict.as_ref().and_then(Verdict::key);
        // First, because this reads a key that was changed, with its current budget.
        match self.caller.standing(&self.state, &self.record.model, charged).await {
            Standing::Valid => {}
            Standing::Revoked => {
                let message = "This API key was revoked, disabled or replaced, has expired, or may no longer call this model.";
                return Err(ModelProblem::last(StatusCode::UNAUTHORIZED, "key_revoked", message));
            }
            Standing::WithoutCredits => {
                let message = "The credits of this API key were set to 0.";
                return Err(ModelProblem::last(StatusCode::TOO_MANY_REQUESTS, "usage_exceeded", message));
            }
        }
        // Adopts budgets of the member and the organization that another instance has changed.
        let _ = self.state.catalogs.get(&self.state.core, self.caller.organization()).await;
        if self.record.is_exhausted() {
            let message = "A budget of this call was lowered below what is spent.";
            return Err(ModelProblem::last(StatusCode::TOO_MANY_REQUESTS, "budget_exceeded", message));
        }
        Ok(())
    }

    /// The time since the call began that was not spent waiting for providers.
    pub(super) fn overhead(&self) -> Duration {
        self.record.elapsed().saturating_sub(self.waited)
    }
}
