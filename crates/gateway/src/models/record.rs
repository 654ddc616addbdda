//! The record of a call: when it is dropped, the call is charged to its budgets and written to the usage and the log.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{http::StatusCode, response::Response};

use super::{
    caller::Caller,
    errors::ModelProblem,
    request::Api,
    usage::{self, Usage},
};
use latchkey_core::{
    call_bodies::{CapturedBodies, LoggedCall},
    model_usage::CallUsage,
    models::Target,
};
use latchkey_http::{AppState, request_context};
use latchkey_types::{
    budget::{ModelPrice, TokenCounts, UsageState},
    dollars::Dollars,
    id::{OrganizationId, RequestId, UserId},
    model_call::{CLIENT_CLOSED, CallEvent, CallOutcome, USAGE_ABOVE_BOUND},
    time::Timestamp,
};
use latchkey_verify::{CachedKey, ModelCharge, WorstCase};

/// The status in the log of a call whose client left before the response began.
const CLIENT_CLOSED_STATUS: u16 = 499;

/// What a call has used of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Used {
    /// Nothing was sent, or the provider refused it.
    Nothing,
    /// The provider has reported nothing; this much of its output was received, in bytes.
    Unreported {
        output_bytes: i64,
    },
    /// The provider has reported the input, but not all of the output, of which this much was received, in bytes.
    Begun {
        usage: Usage,
        output_bytes: i64,
    },
    Reported(Usage),
}

pub(super) struct CallRecord {
    state: AppState,
    id: RequestId,
    at: Timestamp,
    began: Instant,
    organization: OrganizationId,
    user: UserId,
    key: Option<Arc<CachedKey>>,
    api: Api,
    /// Whether the organization keeps a log.
    pub(super) is_logged: bool,
    /// The name that the caller used.
    pub(super) model: String,
    pub(super) is_stream: bool,
    /// Of the request.
    pub(super) input_bytes: i64,
    charge: Option<(ModelCharge, WorstCase)>,
    /// The target that was called last.
    target: Option<Arc<Target>>,
    /// Its price for this request; `None` if it is unknown.
    price: Option<ModelPrice>,
    /// Targets that were called before it and whose responses were not received, with their prices.
    interrupted: Vec<(Arc<Target>, Option<ModelPrice>)>,
    attempts: u8,
    pub(super) used: Used,
    first_byte: Option<Duration>,
    /// Of the response to the caller.
    pub(super) status: u16,
    /// Latchkey's own; empty if the response is the provider's.
    pub(super) code: &'static str,
    /// `None` if they are not logged.
    bodies: Option<CapturedBodies>,
}

impl CallRecord {
    pub(super) fn begin(state: &AppState, caller: &Caller, api: Api, began: Instant) -> Self {
        Self {
            state: state.clone(),
            id: request_context::request_id(),
            at: Timestamp::now(),
            began,
            organization: caller.organization(),
            user: caller.user(),
            key: caller.key().cloned(),
            api,
            is_logged: false,
            model: String::new(),
            is_stream: false,
            input_bytes: 0,
            charge: None,
            target: None,
            price: None,
            interrupted: Vec::new(),
            attempts: 0,
            used: Used::Nothing,
            first_byte: None,
            status: CLIENT_CLOSED_STATUS,
            code: CLIENT_CLOSED,
            bodies: None,
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Logs the bodies of the call, of which this is that of the request.
    pub(super) fn log_bodies(&mut self, request: &[u8]) {
        self.bodies = Some(self.state.body_log.capture(request));
    }

    /// A part of the response is sent to the caller.
    pub(super) fn push_response(&mut self, chunk: &[u8]) {
        if let Some(bodies) = &mut self.bodies {
            bodies.push_response(chunk);
        }
    }

    pub(super) fn set_charge(&mut self, charge: ModelCharge, worst_case: WorstCase) {
        self.charge = Some((charge, worst_case));
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.charge.as_ref().is_some_and(|(charge, _)| charge.is_exhausted())
    }

    /// A request with this price is sent to this target.
    pub(super) fn attempt(&mut self, target: &Arc<Target>, price: Option<ModelPrice>) {
        (self.target, self.price) = (Some(Arc::clone(target)), price);
        self.attempts = self.attempts.saturating_add(1);
        self.used = Used::Unreported { output_bytes: 0 };
    }

    /// Charges everything that was reserved, because the target that was called may bill it.
    pub(super) fn charge_reserved(&mut self) {
        // Dropped without being settled.
        self.charge = None;
    }

    /// The response of the target was not received, and another one is called.
    pub(super) fn set_interrupted(&mut self) {
        if let Some(target) = self.target.take() {
            self.interrupted.push((target, self.price.take()));
        }
        self.used = Used::Nothing;
    }

    /// The first byte of the response to the caller has arrived.
    pub(super) fn set_first_byte(&mut self) {
        self.first_byte = Some(self.began.elapsed());
    }

    /// The response of the provider is passed on, with this status.
    pub(super) fn answer(&mut self, status: StatusCode) {
        (self.status, self.code) = (status.as_u16(), "");
    }

    /// Ends the call with an error.
    pub(super) fn refuse(mut self, problem: ModelProblem) -> Response {
        (self.status, self.code) = (problem.status.as_u16(), problem.code);
        if self.bodies.is_some() {
            let body = problem.body(Some(self.api), &self.id.text());
            self.push_response(body.as_bytes());
        }
        problem.response(Some(self.api))
    }

    fn used(&self) -> Used {
        self.counted(self.used)
    }

    /// Counting tokens is free.
    fn counted(&self, used: Used) -> Used {
        if self.api == Api::CountTokens { Used::Nothing } else { used }
    }

    /// The cost of what was used; `None` if it is not known.
    pub(super) fn cost(&self) -> Option<Dollars> {
        match self.used() {
            _ if !self.interrupted.is_empty() => None,
            Used::Nothing => Some(Dollars(0)),
            Used::Reported(usage) => self.price.map(|price| usage.cost(&price)),
            Used::Unreported { .. } | Used::Begun { .. } => None,
        }
    }

    /// The tokens that were used at this price, their cost, and how they are known; the last is `None` if nothing was used.
    fn usage(&self, used: Used, price: Option<ModelPrice>) -> (TokenCounts, Option<Dollars>, Option<UsageState>) {
        let (used, state) = match self.counted(used) {
            Used::Nothing => return (TokenCounts::default(), Some(Dollars(0)), None),
            Used::Reported(usage) => (usage, UsageState::Reported),
            Used::Unreported { output_bytes } => (usage::estimate(self.input_bytes, output_bytes), UsageState::Estimated),
            Used::Begun { usage, output_bytes } => (usage::estimate_output(usage, output_bytes), UsageState::Estimated),
        };
        match price {
            Some(price) => (used.tokens, Some(used.cost(&price)), Some(state)),
            None => (used.tokens, None, Some(UsageState::Unpriced)),
        }
    }

    /// Charges the budgets, up to what was reserved.
    fn settle(&mut self, tokens: TokenCounts, cost: Option<Dollars>) {
        let Some((charge, reserved)) = self.charge.take() else { return };
        if matches!(self.used(), Used::Unreported { .. } | Used::Begun { .. }) {
            // The provider may bill more than an estimate, for example reasoning that was never sent: everything that was reserved stays charged.
            return;
        }
        let total = tokens.total();
        let is_above = reserved.tokens.is_some_and(|max| total > max) || reserved.cost.is_some_and(|max| cost.is_some_and(|cost| cost > max));
        if is_above {
            tracing::warn!(request_id = %self.id, tokens = total, reserved = reserved.tokens, "a provider reported more usage than the call allowed");
            if self.code.is_empty() {
                self.code = USAGE_ABOVE_BOUND;
            }
        }
        let cost = cost.map(|cost| reserved.cost.map_or(cost, |max| cost.min(max)));
        charge.settle(cost, reserved.tokens.map_or(total, |max| total.min(max)));
    }

    fn key_name(&self) -> String {
        self.key.as_ref().map(|key| key.name.to_string()).unwrap_or_default()
    }

    /// Queues the bodies for writing. Returns whether there are any.
    fn record_bodies(&mut self) -> bool {
        let Some(bodies) = self.bodies.take() else { return false };
        let (key_name, model) = (self.key_name(), self.model.clone());
        bodies.record(LoggedCall { organization: self.organization, id: self.id, at: self.at, key_name, model })
    }

    fn event(&self, tokens: TokenCounts, cost: Option<Dollars>, usage: Option<UsageState>, has_bodies: bool) -> CallEvent {
        CallEvent {
            id: self.id,
            at: self.at,
            organization: self.organization,
            user: self.user,
            key: self.key.as_ref().map(|key| key.id),
            key_name: self.key_name(),
            model: self.model.clone(),
            target: self.target.as_ref().map(|target| target.name.clone()).unwrap_or_default(),
            provider: self.target.as_ref().map(|target| target.provider_name.clone()).unwrap_or_default(),
            path: self.api.path().to_owned(),
            is_stream: self.is_stream,
            status: self.status,
            code: self.code.to_owned(),
            tokens,
            cost,
            usage,
            attempts: self.attempts,
            first_byte_ms: self.first_byte.map(milliseconds),
            duration_ms: milliseconds(self.began.elapsed()),
            has_bodies,
        }
    }

    fn call_usage(&self, target: &Target, is_failure: bool, tokens: TokenCounts, cost: Option<Dollars>, state: Option<UsageState>) -> CallUsage {
        CallUsage {
            organization: self.organization,
            user: self.user,
            key: self.key.as_ref().map(|key| key.id),
            model: target.model,
            model_name: target.name.clone(),
            provider: target.provider,
            at: self.at,
            is_failure,
            tokens,
            cost,
            state,
        }
    }
}

impl Drop for CallRecord {
    fn drop(&mut self) {
        let (mut tokens, mut cost, mut usage) = self.usage(self.used, self.price);
        self.settle(tokens, cost);
        let is_failure = self.code != CLIENT_CLOSED && CallOutcome::of(self.status, self.code) == CallOutcome::Failed;
        if let Some(target) = &self.target {
            self.state.model_usage.record(self.call_usage(target, is_failure, tokens, cost, usage));
        }
        for (target, price) in &self.interrupted {
            let (lost_tokens, lost_cost, lost_usage) = self.usage(Used::Unreported { output_bytes: 0 }, *price);
            self.state.model_usage.record(self.call_usage(target, true, lost_tokens, lost_cost, lost_usage));
            // The log has one entry for the whole call.
            tokens.add(lost_tokens);
            cost = cost.zip(lost_cost).map(|(one, other)| one + other);
            usage = if usage == Some(UsageState::Unpriced) { usage } else { lost_usage.or(usage) };
        }
        if self.is_logged {
            let has_bodies = self.record_bodies();
            self.state.call_log.record(self.event(tokens, cost, usage, has_bodies));
        }
    }
}

fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
