//! The request that is being handled: its id and its caller.

use std::sync::{Arc, OnceLock};

use axum::http::HeaderName;
use latchkey_types::id::{KeyId, OrganizationId, RequestId, UserId};

/// Response header with the request id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    pub(crate) static CURRENT: Arc<CurrentRequest>;
}

pub(crate) struct CurrentRequest {
    pub(crate) id: RequestId,
    pub(crate) caller: OnceLock<Caller>,
}

pub(crate) struct Caller {
    pub(crate) organization: OrganizationId,
    pub(crate) user: UserId,
    pub(crate) key: Option<KeyId>,
}

/// Id of the current request; `None` outside of the general router.
pub fn current_id() -> Option<RequestId> {
    CURRENT.try_with(|request| request.id).ok()
}

/// Id of the current request; a new id outside of the general router.
pub fn request_id() -> RequestId {
    current_id().unwrap_or_default()
}

/// Runs `work` in the scope of the current request, so that a spawned task logs under its id.
pub fn in_current_scope<Work: Future>(work: Work) -> impl Future<Output = Work::Output> {
    let current = CURRENT.try_with(Arc::clone).unwrap_or_else(|_| Arc::new(CurrentRequest { id: RequestId::new(), caller: OnceLock::new() }));
    CURRENT.scope(current, work)
}

/// Sets the caller of the current request for the log: a user, or a key that the user created.
pub fn set_caller(organization: OrganizationId, user: UserId, key: Option<KeyId>) {
    // Fails outside of the general router, where no line is logged.
    let _ = CURRENT.try_with(|request| request.caller.set(Caller { organization, user, key }));
}
