//! `POST /console/models/try`: a prompt from the page to a language model, with the session cookie. Server functions can't stream.

use axum::{
    Router,
    extract::{Request, State},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;

use super::security_headers;
use latchkey_core::auth::session::{self, Session};
use latchkey_gateway::{PROMPT_MAX, try_model};
use latchkey_http::{AppState, body, client_address, problem::Problem, request_context};
use latchkey_types::{error::Error, permission::Permission};

/// Largest body, in bytes: a prompt whose characters are escaped, and the name of the model.
const TRY_BODY_MAX: usize = 2 * PROMPT_MAX;

/// A prompt for a model or alias.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TryRequest {
    model: String,
    prompt: String,
}

/// Must not be inside the layers for compression and the request timeout.
pub(crate) fn routes(state: &AppState) -> Router<AppState> {
    Router::new()
        .route("/console/models/try", post(receive))
        // Before the session is looked up and the body is read.
        .route_layer(from_fn_with_state(state.clone(), security_headers::require_own_origin))
}

async fn receive(State(state): State<AppState>, request: Request) -> Response {
    forward(&state, request).await.unwrap_or_else(IntoResponse::into_response)
}

/// Sends the prompt through the gateway, counted to the member. Needs *Manage Credentials*.
async fn forward(state: &AppState, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let address = client_address::of_request(&parts, &state.trusted_proxies);
    let session = session::find(state, &parts.headers).await?;
    let mut session = permitted(session)?;
    request_context::set_caller(session.organization, session.user, None);
    let received = body::read(&parts.headers, body, TRY_BODY_MAX).await?;
    if received.is_late {
        // What was true when the request began may have changed while its body arrived.
        let earlier = session.actor(address);
        session = match permitted(session::find_without_touch(state, &parts.headers).await?) {
            Ok(session) => session,
            Err(error) => {
                state.record_refusal(&earlier, error.code()).await;
                return Err(error.into());
            }
        };
    }
    let TryRequest { model, prompt } = body::parse(&received.bytes)?;
    if prompt.len() > PROMPT_MAX {
        return Err(Error::invalid("prompt", format!("Enter at most {PROMPT_MAX} bytes.")).into());
    }
    Ok(try_model(state, session, address, &model, &prompt).await)
}

fn permitted(session: Option<Session>) -> Result<Session, Error> {
    let session = session.ok_or(Error::SignedOut)?;
    session.actor(None).require(Permission::ManageCredentials)?;
    Ok(session)
}
