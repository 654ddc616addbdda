//! Checks a call whose request is complete, and reserves its worst case in the budgets.

use std::{net::IpAddr, sync::Arc};

use axum::http::StatusCode;
use bytes::Bytes;

use super::{
    call::Call,
    caller::{Caller, PresentedKey},
    errors::{ModelProblem, Retry},
    request::{Api, InputBound, ModelRequest},
    targets::{self, Candidate, Prepared},
};
use crate::problems::key_refused;
use latchkey_core::models::{Catalog, Route, Target};
use latchkey_http::{AppState, rate_headers};
use latchkey_types::{
    budget::{BudgetState, BudgetUnit, amount_text},
    dollars::Dollars,
    error::Error,
    provider::ApiStyle,
    validate::NAME_MAX,
};
use latchkey_verify::{BudgetLimit, BudgetOwner, ModelCall, ModelRefusal, Verdict, VerdictCode, VerifyRequest, WorstCase};

/// What a call takes from the credits of its key.
const CALL_CREDITS: u32 = 1;

/// A call that may be forwarded.
pub(super) struct Admitted {
    pub(super) request: ModelRequest,
    /// In the order in which they are called; not empty.
    pub(super) candidates: Vec<Candidate>,
}

/// # Errors
/// See `docs/models.md`.
pub(super) async fn admit(call: &mut Call, body: Bytes) -> Result<Admitted, ModelProblem> {
    let organization = call.caller.organization();
    let catalog = call.state.catalogs.get(&call.state.core, organization).await.map_err(|error| ModelProblem::from_problem(error.into()))?;
    call.record.is_logged = catalog.call_log_days > 0;
    if call.record.is_logged && call.caller.logs_bodies() {
        call.record.log_bodies(&body);
    }
    call.record.input_bytes = i64::try_from(body.len()).unwrap_or(i64::MAX);
    let request = ModelRequest::parse(call.api, body)?;
    call.record.model = shown(&request.model);
    call.record.is_stream = request.is_stream;
    let Some(route) = catalog.route(&request.model) else {
        // The search for similar names takes time, so it is limited by the key's rate limits. It takes no credits.
        charge_key(call, 0).await?;
        return Err(unknown_model(&request.model, &catalog.similar(&request.model, |similar| call.caller.may_call(similar))));
    };
    if !call.caller.may_call(&route.name) {
        return Err(forbidden_model(route));
    }
    let candidates = candidates(route, &request)?;
    charge_key(call, CALL_CREDITS).await?;
    if let Err(problem) = reserve(call, &catalog, &request, &candidates).await {
        if let Some(verdict) = &mut call.verdict {
            call.state.verifier.give_back_credits(verdict, CALL_CREDITS);
        }
        return Err(problem);
    }
    Ok(Admitted { request, candidates })
}

/// Charges everything that was reserved for the target that was called, and reserves the worst case of the rest. Returns whether the limits cover
/// that, so that another target can be called.
pub(super) async fn reserve_again(call: &mut Call, request: &ModelRequest, rest: &[Candidate]) -> bool {
    // First, because the call must not count twice among the parallel ones of the key.
    call.record.charge_reserved();
    let Ok(catalog) = call.state.catalogs.get(&call.state.core, call.caller.organization()).await else { return false };
    let is_covered = reserve(call, &catalog, request, rest).await.is_ok();
    if is_covered {
        call.record.set_interrupted();
    }
    is_covered
}

fn forbidden_model(route: &Route) -> ModelProblem {
    let message = format!("This API key may not call the model “{}”. List the models that it may call with GET /v1/models.", route.name);
    of_model(StatusCode::FORBIDDEN, "model_not_allowed", message)
}

pub(super) fn unknown_model(name: &str, similar: &[String]) -> ModelProblem {
    let similar: Vec<String> = similar.iter().map(|name| format!("“{name}”")).collect();
    let hint = if similar.is_empty() {
        "List the models that this key may call with GET /v1/models.".to_owned()
    } else {
        format!("Similar names: {}.", similar.join(", "))
    };
    of_model(StatusCode::NOT_FOUND, "model_not_found", format!("There is no model “{}”. {hint}", shown(name)))
}

/// The name of a model as it is shown and logged. What the caller sent in its place can be of any length.
fn shown(name: &str) -> String {
    name.chars().take(NAME_MAX).collect()
}

/// A final error about the model that was requested.
fn of_model(status: StatusCode, code: &'static str, message: String) -> ModelProblem {
    ModelProblem { param: Some("model"), ..ModelProblem::last(status, code, message) }
}

/// The targets that can be called, in order.
///
/// # Errors
/// 400 `wrong_api`, 403 `unpriced_model`, 502 `credential_missing`: what is wrong with the target that came furthest.
fn candidates(route: &Route, request: &ModelRequest) -> Result<Vec<Candidate>, ModelProblem> {
    let (mut unpriced, mut missing) = (None, None);
    let candidates = targets::in_order(route, |target| {
        if target.style != request.api.style() {
            return None;
        }
        // Counting tokens is free.
        if request.api != Api::CountTokens && !target.allow_unpriced && request.price(target).is_none() {
            unpriced = Some(Arc::clone(target));
            return None;
        }
        match Prepared::of(target) {
            Ok(prepared) => Some(Candidate { target: Arc::clone(target), prepared }),
            Err(reason) => {
                missing = Some((Arc::clone(target), reason));
                None
            }
        }
    });
    if !candidates.is_empty() {
        return Ok(candidates);
    }
    Err(match (missing, unpriced) {
        (Some((target, reason)), _) => missing_credential(&target, reason),
        (None, Some(target)) => unpriced_model(&target),
        (None, None) => wrong_api(route, request.api),
    })
}

fn missing_credential(target: &Target, reason: targets::NoCredential) -> ModelProblem {
    let message = format!(
        "The model “{}” of the provider “{}” can't be called. {} Link a general key to the model or its provider under Settings → Providers.",
        target.name,
        target.provider_name,
        reason.text()
    );
    ModelProblem::last(StatusCode::BAD_GATEWAY, "credential_missing", message)
}

fn unpriced_model(target: &Target) -> ModelProblem {
    let message = format!(
        "The model “{}” has no price for this request, so its cost would not be known. Enter a price, or allow calls without one, under Settings → \
         Providers.",
        target.name
    );
    of_model(StatusCode::FORBIDDEN, "unpriced_model", message)
}

fn wrong_api(route: &Route, api: Api) -> ModelProblem {
    let (own, path) = match api.style() {
        ApiStyle::Anthropic => ("OpenAI's", "/v1/chat/completions"),
        ApiStyle::Openai => ("Anthropic's", "/v1/messages"),
    };
    of_model(StatusCode::BAD_REQUEST, "wrong_api", format!("The model “{}” is called with {own} API. Use POST {path}.", route.name))
}

/// Charges the call to the key's rate limits and credits. The key is evaluated again: it may have changed since it was found. `cost` is in credits.
async fn charge_key(call: &mut Call, cost: u32) -> Result<(), ModelProblem> {
    let Caller::Key(presented) = &call.caller else { return Ok(()) };
    let verdict = evaluate(&call.state, presented, call.address, cost).await?;
    let refused = key_refusal(&verdict);
    call.verdict = Some(verdict);
    refused.map_or(Ok(()), Err)
}

/// Evaluates the key. `cost` is in credits.
pub(super) async fn evaluate(state: &AppState, presented: &PresentedKey, address: Option<IpAddr>, cost: u32) -> Result<Verdict, ModelProblem> {
    let key = &presented.key;
    let request = VerifyRequest { kind: Some(key.kind), ip: address, cost: Some(cost), ..VerifyRequest::new(&presented.text) };
    state.verifier.evaluate(key.creator.organization, &request).await.map_err(|error| ModelProblem::from_problem(error.into()))
}

/// Why the key may not be used; `None` for a valid key.
pub(super) fn key_refusal(verdict: &Verdict) -> Option<ModelProblem> {
    let problem = ModelProblem::from_problem(key_refused(verdict)?);
    let retry = match (rate_headers::retry_after(verdict), verdict.code) {
        (Some(seconds), _) => Retry::After(seconds),
        (None, VerdictCode::RateLimited) => Retry::Unstated,
        (None, _) => Retry::Never,
    };
    Some(ModelProblem { retry, ..problem })
}

/// Reserves the worst case of the call in all budgets that apply.
///
/// # Errors
/// 429 `budget_exceeded`, `token_rate_exceeded`, `too_many_parallel_calls`; 400 `unbounded_cost`; 403 `unpriced_model`; 503 `unavailable`.
async fn reserve(call: &mut Call, catalog: &Catalog, request: &ModelRequest, candidates: &[Candidate]) -> Result<(), ModelProblem> {
    let organization = call.caller.organization();
    let user = call.caller.user();
    let of_member = catalog.member_budgets.get(&user).map(|budget| BudgetLimit { owner: BudgetOwner::Member(user), budget: *budget });
    let of_organization = catalog.organization_budget.map(|budget| BudgetLimit { owner: BudgetOwner::Organization(organization), budget });
    let budgets: Vec<BudgetLimit> = of_member.into_iter().chain(of_organization).collect();
    let worst_case = worst_case(request, candidates);
    let model_call = ModelCall { key: call.caller.key(), organization, budgets: &budgets, worst_case };
    let charge = call.state.verifier.begin_model_call(model_call).await.map_err(|refusal| refused(refusal, request, worst_case))?;
    call.record.set_charge(charge, worst_case);
    Ok(())
}

/// The worst case of all targets, of which any can be called. `None` if it is not known of one of them.
fn worst_case(request: &ModelRequest, candidates: &[Candidate]) -> WorstCase {
    let zero = WorstCase { cost: Some(Dollars(0)), tokens: Some(0) };
    candidates.iter().map(|candidate| request.worst_case(&candidate.target)).fold(zero, |worst, other| WorstCase {
        cost: worst.cost.zip(other.cost).map(|(one, other)| one.max(other)),
        tokens: worst.tokens.zip(other.tokens).map(|(one, other)| one.max(other)),
    })
}

fn refused(refusal: ModelRefusal, request: &ModelRequest, worst_case: WorstCase) -> ModelProblem {
    let too_many =
        |code: &'static str, message: String, retry: Retry| ModelProblem { retry, ..ModelProblem::new(StatusCode::TOO_MANY_REQUESTS, code, message) };
    match refusal {
        ModelRefusal::Budget { owner, state } => {
            let (message, retry) = exceeded(owner, &state, worst_case);
            too_many("budget_exceeded", message, retry)
        }
        ModelRefusal::TokenRate { limit, left, retry_after_ms } => {
            let message = format!("This API key may use {limit} tokens a minute, of which {left} are left. The call may use more than that.");
            too_many("token_rate_exceeded", message, Retry::After(((retry_after_ms + 999) / 1000).max(1)))
        }
        ModelRefusal::Parallel { limit } => {
            too_many("too_many_parallel_calls", format!("This API key may make {limit} calls at the same time."), Retry::After(1))
        }
        ModelRefusal::Unbounded => unbounded(request),
        ModelRefusal::Unpriced => {
            let message =
                "A budget in dollars applies to this call, and a model that it may reach has no price. Enter one under Settings → Providers.";
            of_model(StatusCode::FORBIDDEN, "unpriced_model", message.to_owned())
        }
        ModelRefusal::Unavailable => ModelProblem::from_problem(Error::Unavailable.into()),
    }
}

/// What is left of a budget, and when the call can be repeated.
fn exceeded(owner: BudgetOwner, state: &BudgetState, worst_case: WorstCase) -> (String, Retry) {
    let of = match owner {
        BudgetOwner::Key(_) => "this API key",
        BudgetOwner::Member(_) => "the member to whom the call is counted",
        BudgetOwner::Organization(_) => "the organization",
    };
    let unit = state.budget.unit;
    let text = |amount: i64| match unit {
        BudgetUnit::Usd => format!("${}", amount_text(unit, amount)),
        BudgetUnit::Tokens => format!("{} tokens", amount_text(unit, amount)),
    };
    let cost = match unit {
        BudgetUnit::Usd => worst_case.cost.map(|cost| cost.0),
        BudgetUnit::Tokens => worst_case.tokens,
    };
    let needed = cost.map(|cost| format!(" The call may cost up to {}.", text(cost))).unwrap_or_default();
    let reset = state.resets_at.map_or_else(|| "It does not start again.".to_owned(), |at| format!("It starts again at {}.", at.rfc3339()));
    let message = format!(
        "The budget of {of} does not cover this call: {} of {} are left, {} are reserved for calls in progress.{needed} {reset}",
        text(state.left()),
        text(state.budget.limit),
        text(state.reserved)
    );
    // What is reserved for other calls may become free.
    let may_fit = cost.is_some_and(|cost| cost <= state.left().saturating_add(state.reserved));
    (message, if may_fit && state.reserved > 0 { Retry::After(1) } else { Retry::Never })
}

fn unbounded(request: &ModelRequest) -> ModelProblem {
    let message = match request.input_bound {
        InputBound::Unbounded(reason) => format!(
            "A budget applies to this call, whose cost has no bound, because it contains {reason}. Enter the context limit of the model under Settings → Providers."
        ),
        InputBound::Bytes(_) => {
            "A budget applies to this call, whose cost has no bound. Send a limit of output tokens, such as “max_tokens”, or enter \
                                 the limits of the model under Settings → Providers."
                .to_owned()
        }
    };
    ModelProblem::last(StatusCode::BAD_REQUEST, "unbounded_cost", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::{
        budget::{Budget, BudgetPeriod},
        id::KeyId,
        time::Timestamp,
    };

    #[test]
    fn a_refusal_says_what_is_left_and_whether_to_try_again() {
        let budget = Budget { limit: 2_000_000_000, unit: BudgetUnit::Usd, period: BudgetPeriod::Day };
        let state = |spent, reserved| BudgetState { budget, spent, reserved, resets_at: Some(Timestamp(0)) };
        let worst_case = WorstCase { cost: Some(Dollars(1_000_000_000)), tokens: Some(5) };
        let (message, retry) = exceeded(BudgetOwner::Key(KeyId::new()), &state(1_500_000_000, 0), worst_case);
        assert_eq!(retry, Retry::Never);
        for part in ["$0.5 of $2 are left", "may cost up to $1.", "again at 1970-01-01T00:00:00.000Z"] {
            assert!(message.contains(part), "{message}");
        }
        let (_, retry) = exceeded(BudgetOwner::Key(KeyId::new()), &state(900_000_000, 900_000_000), worst_case);
        assert_eq!(retry, Retry::After(1), "what is reserved may become free");
        let in_all = BudgetState { resets_at: None, ..state(2_000_000_000, 0) };
        assert!(exceeded(BudgetOwner::Key(KeyId::new()), &in_all, worst_case).0.ends_with("It does not start again."));
    }
}
