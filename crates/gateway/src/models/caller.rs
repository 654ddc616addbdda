//! Who calls a model: an API key, or a member on the page.

use std::sync::Arc;

use axum::http::{StatusCode, request::Parts};
use zeroize::Zeroizing;

use super::errors::{ModelProblem, Retry};
use crate::{headers, problems, via};
use latchkey_core::{
    actor::Actor,
    auth::session::{self, Session},
};
use latchkey_http::{
    AppState,
    presented_key::{presented_key, require_active, unknown_key},
    problem::Problem,
    request_context,
};
use latchkey_types::{
    id::{OrganizationId, UserId},
    key_kind::Status,
    time::Timestamp,
};
use latchkey_verify::CachedKey;

/// Whether a caller may go on with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Valid,
    /// The key or the session has ended, or the key may no longer call the model.
    Revoked,
    /// The credits of the key were set to 0.
    WithoutCredits,
}

pub(super) enum Caller {
    Key(PresentedKey),
    Member(Box<Session>),
}

/// The key of a request.
pub(super) struct PresentedKey {
    pub(super) key: Arc<CachedKey>,
    /// As it was sent, to look it up again.
    pub(super) text: Zeroizing<String>,
}

impl PresentedKey {
    /// The key of a request, if it is active and of a kind that may call models.
    ///
    /// # Errors
    /// 508 `loop_detected`; 403 `not_allowed`, `wrong_kind`; 400 `two_api_keys`, `malformed`; 401; 503 `unavailable`.
    pub(super) async fn of_request(state: &AppState, parts: &Parts) -> Result<Self, ModelProblem> {
        if via::is_own(&parts.headers) {
            return Err(ModelProblem { retry: Retry::Never, ..ModelProblem::from_problem(problems::loop_detected()) });
        }
        if let Some(name) = headers::indirect(&parts.headers) {
            return Err(ModelProblem::from_problem(problems::indirect_request(name)));
        }
        let text = presented_key(&parts.headers).map_err(ModelProblem::from_problem)?;
        let key = find(state, text).await?;
        request_context::set_caller(key.creator.organization, key.creator.user, Some(key.id));
        Ok(Self { key, text: Zeroizing::new(text.to_owned()) })
    }

    /// See [`Caller::standing`].
    async fn standing(&self, state: &AppState, model: &str, charged: Option<&CachedKey>) -> Standing {
        let Ok(found) = state.verifier.find(&self.text).await else { return Standing::Valid };
        let may_call = |key: &CachedKey| key.lifecycle().status(Timestamp::now()) == Status::Active && key.may_call_model(model);
        match found.filter(|key| may_call(key)) {
            None => Standing::Revoked,
            Some(key) if charged.is_some_and(|charged| key.has_lost_credits(charged)) => Standing::WithoutCredits,
            Some(_) => Standing::Valid,
        }
    }
}

impl Caller {
    /// Looks up the key again.
    ///
    /// # Errors
    /// As [`PresentedKey::of_request`].
    pub(super) async fn refetch(&mut self, state: &AppState) -> Result<(), ModelProblem> {
        if let Self::Key(presented) = self {
            presented.key = find(state, &presented.text).await?;
        }
        Ok(())
    }

    /// Whether the caller may go on with a call of this model. `charged`: the key when its credits were charged. While the database is unavailable,
    /// the caller may go on.
    pub(super) async fn standing(&self, state: &AppState, model: &str, charged: Option<&CachedKey>) -> Standing {
        match self {
            Self::Key(presented) => presented.standing(state, model, charged).await,
            Self::Member(session) => {
                if session::is_valid(&state.store, session).await.unwrap_or(true) {
                    Standing::Valid
                } else {
                    Standing::Revoked
                }
            }
        }
    }

    pub(super) fn may_call(&self, model: &str) -> bool {
        match self {
            Self::Key(presented) => presented.key.may_call_model(model),
            Self::Member(_) => true,
        }
    }

    pub(super) fn key(&self) -> Option<&Arc<CachedKey>> {
        match self {
            Self::Key(presented) => Some(&presented.key),
            Self::Member(_) => None,
        }
    }

    /// Whether the bodies of its calls are logged.
    pub(super) fn logs_bodies(&self) -> bool {
        self.key().is_some_and(|key| key.logs_bodies())
    }

    /// The caller in the audit log.
    pub(super) fn actor(&self) -> Actor {
        match self {
            Self::Key(presented) => Actor::of_key(&presented.key, None),
            Self::Member(session) => session.actor(None),
        }
    }

    pub(super) fn organization(&self) -> OrganizationId {
        match self {
            Self::Key(presented) => presented.key.creator.organization,
            Self::Member(session) => session.organization,
        }
    }

    /// The member to whom calls are counted.
    pub(super) fn user(&self) -> UserId {
        match self {
            Self::Key(presented) => presented.key.creator.user,
            Self::Member(session) => session.user,
        }
    }
}

/// The presented key, if it is active and of a kind that may call models.
async fn find(state: &AppState, presented: &str) -> Result<Arc<CachedKey>, ModelProblem> {
    let found = state.verifier.find(presented).await.map_err(|error| ModelProblem::from_problem(error.into()))?;
    let key = found.ok_or_else(|| ModelProblem::from_problem(unknown_key()))?;
    require_active(key.lifecycle().status(Timestamp::now())).map_err(ModelProblem::from_problem)?;
    if key.kind.spec().can_call_models { Ok(key) } else { Err(wrong_kind(&key)) }
}

fn wrong_kind(key: &CachedKey) -> ModelProblem {
    let detail = format!("Keys of the kind “{}” may not call models. Use an agent key or a client key.", key.kind.as_str());
    ModelProblem::from_problem(Problem::new(StatusCode::FORBIDDEN, "wrong_kind", detail))
}
