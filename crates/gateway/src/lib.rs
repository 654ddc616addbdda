//! The gateway: calls to services and language models with credentials that the caller never sees, and the calls of corpora in Vectara's form. They
//! are not in the OpenAPI document.

mod corpora;
mod headers;
mod mask;
mod models;
mod problems;
mod services;
mod uri;
mod via;

use axum::{
    BoxError, Router,
    body::{Body, Bytes, HttpBody},
    http::{Method, Request},
    response::Response,
};
use futures_util::future::BoxFuture;

use latchkey_http::{AppState, request_log};
pub use models::{PROMPT_MAX, try_model};

/// The gateway's routes. They stream, so they need a router without compression and without a time limit for the whole response.
pub fn routes() -> Router<AppState> {
    services::routes().merge(corpora::routes()).merge(models::routes())
}

/// A route whose requests bypass the router: its layers cost more than the checks of a call. [`routes`] contains it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HotRoute {
    kind: HotRouteKind,
    /// The pattern, as it is logged.
    pattern: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HotRouteKind {
    Service,
    Model,
}

impl HotRoute {
    /// `None` for a request that needs the router.
    pub fn of(method: &Method, path: &str) -> Option<Self> {
        if let Some(pattern) = services::pattern(path) {
            return Some(Self { kind: HotRouteKind::Service, pattern });
        }
        models::pattern(method, path).map(|pattern| Self { kind: HotRouteKind::Model, pattern })
    }

    /// Handles a request of this route.
    pub fn handle<B>(self, state: &AppState, request: Request<B>) -> BoxFuture<'_, Response>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let method = request.method().clone();
        // An empty body needs no allocation.
        let request = request.map(|body| if body.is_end_stream() { Body::empty() } else { Body::new(body) });
        // In a box of its own, because a future is copied each time that it is wrapped.
        let handling: BoxFuture<'_, Response> = match self.kind {
            HotRouteKind::Service => Box::pin(services::handle(state, request)),
            HotRouteKind::Model => Box::pin(models::handle(state.clone(), request)),
        };
        Box::pin(request_log::log_handling(state, method, self.pattern, handling))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_services_and_models_are_hot() {
        for (method, path, expected) in [
            (Method::GET, "/gateway/api", Some("/gateway/{service}")),
            (Method::PUT, "/gateway/api/", Some("/gateway/{service}/")),
            (Method::DELETE, "/gateway/a%2Fb/c/d", Some("/gateway/{service}/{*path}")),
            (Method::GET, "/gateway/api//a", Some("/gateway/{service}/{*path}")),
            (Method::GET, "/gateway", None),
            (Method::GET, "/gateway/", None),
            (Method::GET, "/gateway//a", None),
            (Method::GET, "/gatewayed/a", None),
            (Method::POST, "/v1/chat/completions", Some("/v1/chat/completions")),
            (Method::POST, "/v1/messages/count_tokens", Some("/v1/messages/count_tokens")),
            (Method::GET, "/v1/chat/completions", None),
            (Method::POST, "/v1/chat/completions/", None),
            (Method::POST, "/v1/query", None),
            (Method::GET, "/v1/models", None),
        ] {
            assert_eq!(HotRoute::of(&method, path).map(|route| route.pattern), expected, "{method} {path}");
        }
    }
}
