//! What each route requires of its caller: stated once, where the route is registered. The check, the OpenAPI description and the tests are
//! derived from it.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State},
    http::{Method, StatusCode, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use utoipa::openapi::{
    path::{Operation, PathItem},
    security::SecurityRequirement,
};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::caller::{self, Authorized, AuthorizedForProject, AuthorizedKey};
use latchkey_http::{AppState, problem::Problem};
use latchkey_types::{
    access::Access,
    error::Error,
    key_kind::KeyKind,
    permission::{Permission, Scope},
};
use latchkey_verify::CachedKey;

/// What a route requires of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// The scope that an internal key must have; `None` for routes without a scope.
    pub scope: Option<Scope>,
    /// Required of the creator of the key.
    pub access: Access,
    /// Keys of the project in the path are accepted too, if their role has this permission.
    pub project_permission: Option<Permission>,
}

pub(crate) const PUBLIC: Needs = Needs { scope: None, access: Access::Public, project_permission: None };
pub(crate) const ANY_KEY: Needs = Needs { scope: None, access: Access::AnyKey, project_permission: None };

/// An internal key with this scope, whose creator has this access.
pub(crate) const fn needs(scope: Scope, access: Access) -> Needs {
    Needs { scope: Some(scope), access, project_permission: None }
}

impl Needs {
    pub(crate) const fn or_project_key(mut self, permission: Permission) -> Self {
        self.project_permission = Some(permission);
        self
    }

    /// Requires the scope, and the permissions of the key's creator.
    ///
    /// # Errors
    /// 403 `insufficient_scope`, `forbidden`.
    pub(crate) fn check(self, key: &CachedKey) -> Result<(), Problem> {
        if let Some(scope) = self.scope {
            caller::require_scope(key, scope)?;
        }
        Ok(self.access.require(key.permissions)?)
    }

    /// The last sentence of the operation's description.
    fn describe(self) -> String {
        let Some(scope) = self.scope else {
            let sentence = if self.access == Access::Public { "Needs no authentication." } else { "Needs an internal key with any scopes." };
            return sentence.to_owned();
        };
        let (permissions, conjunction, note) = match self.access {
            Access::Permission(permission) => (vec![permission], "", ""),
            Access::OneOf(any) => (any.to_vec(), " or ", ""),
            Access::All(all) => (all.to_vec(), " and ", ""),
            // The rules check the kind's permission, which is one of these.
            _ => (scope.needs().to_vec(), " or ", ", depending on the kind"),
        };
        let is_one = permissions.len() == 1;
        let labels: Vec<String> = permissions.iter().map(|permission| format!("*{}*", permission.label())).collect();
        let (comma, note) = if is_one { ("", "") } else { (",", note) };
        let internal = format!("the scope `{}`{comma} and {}{note}", scope.as_str(), labels.join(conjunction));
        match self.project_permission {
            None => format!("Needs {internal}."),
            Some(own) => format!("Needs a key of this project whose role has *{}*, or an internal key with {internal}.", own.label()),
        }
    }
}

/// A route of the API.
#[derive(Debug, Clone)]
pub struct Route {
    pub method: Method,
    /// The path as registered with the router.
    pub path: String,
    pub needs: Needs,
}

/// Routes with their OpenAPI descriptions. A route cannot be registered without a description and without stating what it requires.
pub(crate) struct RouteTable {
    router: OpenApiRouter<AppState>,
    routes: Vec<Route>,
}

impl RouteTable {
    pub(crate) const fn new(router: OpenApiRouter<AppState>) -> Self {
        Self { router, routes: Vec::new() }
    }

    /// Registers a handler. Its method and path are those of its `utoipa::path` attribute.
    #[must_use]
    pub(crate) fn add(mut self, needs: Needs, (schemas, mut paths, handler): UtoipaMethodRouter<AppState>) -> Self {
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations(item) {
                describe(operation, needs);
                self.routes.push(Route { method, path: path.clone(), needs });
            }
        }
        self.router = self.router.routes((schemas, paths, handler));
        self
    }

    pub(crate) fn into_parts(self) -> (OpenApiRouter<AppState>, Vec<Route>) {
        (self.router, self.routes)
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let operations = [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ];
    operations.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn describe(operation: &mut Operation, needs: Needs) {
    let sentence = needs.describe();
    operation.description = Some(match operation.description.take() {
        Some(description) if !description.is_empty() => format!("{description} {sentence}"),
        _ => sentence,
    });
    if needs.access == Access::Public {
        operation.security = Some(vec![SecurityRequirement::default()]);
    }
}

/// The state of [`authorize`].
#[derive(Clone)]
pub(crate) struct Authorizer {
    pub(crate) state: AppState,
    pub(crate) routes: Arc<[Route]>,
}

impl Authorizer {
    /// What the request's route requires; `None` if no route matches.
    fn needs_of(&self, request: &Request) -> Option<Needs> {
        let path = request.extensions().get::<MatchedPath>()?;
        // HEAD is served by the handler of GET.
        let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
        self.routes.iter().find(|route| route.method == *method && route.path == path.as_str()).map(|route| route.needs)
    }
}

/// Middleware that authenticates the caller and checks what the route requires, before the body is read. Handlers get the caller from the
/// extractors [`Authorized`], [`AuthorizedKey`] and [`AuthorizedForProject`].
pub(crate) async fn authorize(State(authorizer): State<Authorizer>, request: Request, next: Next) -> Response {
    match authorizer.needs_of(&request) {
        Some(needs) if needs.access != Access::Public => match admit(&authorizer.state, needs, request).await {
            Ok(request) => next.run(request).await,
            Err(problem) => problem.into_response(),
        },
        _ => next.run(request).await,
    }
}

async fn admit(state: &AppState, needs: Needs, request: Request) -> Result<Request, Problem> {
    let (mut parts, body) = request.into_parts();
    let key = caller::authenticate(&parts.headers, state).await?;
    match needs.project_permission {
        Some(permission) if key.kind == KeyKind::Project => {
            caller::require_project(&key, &project_in_path(&mut parts).await?, permission)?;
            parts.extensions.insert(AuthorizedForProject::ProjectKey(key));
        }
        alternative => {
            caller::admit_internal(&key, state)?;
            needs.check(&key)?;
            let actor = caller::actor_of(&key, &parts, state);
            if alternative.is_some() {
                parts.extensions.insert(AuthorizedForProject::Internal(actor.clone()));
            }
            parts.extensions.insert(Authorized(actor));
            parts.extensions.insert(AuthorizedKey(key));
        }
    }
    Ok(Request::from_parts(parts, body))
}

async fn project_in_path(parts: &mut Parts) -> Result<String, Problem> {
    let parameters = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| Error::NotFound)?;
    let id = parameters.iter().find(|(name, _)| *name == "id").map(|(_, id)| id.to_owned());
    Ok(id.ok_or(Error::NotFound)?)
}

/// The rejection of an extractor in the handler of a route that does not require a caller: a mistake in the route table.
pub(crate) fn not_authorized() -> Problem {
    tracing::error!("a handler reads its caller, but its route does not require one");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on the server.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_described_in_one_sentence() {
        let both: &[Permission] = &[Permission::ViewKeys, Permission::ManageCorpora];
        for (needs, sentence) in [
            (PUBLIC, "Needs no authentication."),
            (ANY_KEY, "Needs an internal key with any scopes."),
            (needs(Scope::KeysWrite, Access::Permission(Permission::ManageCorpora)), "Needs the scope `keys:write` and *Manage Corpora*."),
            (needs(Scope::KeysRead, Access::OneOf(both)), "Needs the scope `keys:read`, and *View Keys* or *Manage Corpora*."),
            (needs(Scope::KeysWrite, Access::Manage), "Needs the scope `keys:write` and *Manage API Keys*."),
            (
                needs(Scope::CredentialsWrite, Access::Manage),
                "Needs the scope `credentials:write`, and *Manage Credentials* or *Manage API Keys*, depending on the kind.",
            ),
            (
                needs(Scope::KeysRead, Access::Permission(Permission::ViewProject)).or_project_key(Permission::ViewProject),
                "Needs a key of this project whose role has *View Project*, or an internal key with the scope `keys:read` and *View Project*.",
            ),
        ] {
            assert_eq!(needs.describe(), sentence);
        }
    }
}
