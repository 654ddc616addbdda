//! What each route requires of its caller: stated once, where the route is registered. The check, the OpenAPI description and the tests are
//! derived from it.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
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

use super::caller::{self, Authorized, AuthorizedForProject, AuthorizedKey, Check};
use latchkey_http::{
    AppState,
    body::{self, BODY_MAX, LARGE_BODY_MAX},
    problem::Problem,
};
use latchkey_types::{
    access::Access,
    error::Error,
    key_kind::KeyKind,
    permission::{Permission, Scope},
};
use latchkey_verify::CachedKey;

/// Time limit for sending a part of a file; shorter than that of the whole request.
const PART_LIMIT: Duration = Duration::from_secs(20);

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
        Ok(self.access.require(key.creator.permissions)?)
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
    /// The largest request body, in bytes.
    pub body_max: usize,
    /// Whether the body is a part of a file.
    pub is_upload: bool,
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
    pub(crate) fn add(self, needs: Needs, handler: UtoipaMethodRouter<AppState>) -> Self {
        self.add_with(needs, BODY_MAX, false, handler)
    }

    /// Registers a handler of batch requests: like [`Self::add`], with bodies of up to [`LARGE_BODY_MAX`].
    #[must_use]
    pub(crate) fn add_large(self, needs: Needs, handler: UtoipaMethodRouter<AppState>) -> Self {
        self.add_with(needs, LARGE_BODY_MAX, false, handler)
    }

    /// Registers a handler of uploads: like [`Self::add_large`], with more time for the body.
    #[must_use]
    pub(crate) fn add_upload(self, needs: Needs, handler: UtoipaMethodRouter<AppState>) -> Self {
        self.add_with(needs, LARGE_BODY_MAX, true, handler)
    }

    fn add_with(mut self, needs: Needs, body_max: usize, is_upload: bool, (schemas, mut paths, handler): UtoipaMethodRouter<AppState>) -> Self {
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations(item) {
                describe(operation, needs);
                self.routes.push(Route { method, path: path.clone(), needs, body_max, is_upload });
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
    if let Some(scope) = needs.scope {
        operation.extensions.get_or_insert_default().insert("x-scope".to_owned(), scope.as_str().into());
    }
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
    /// The request's route; `None` if no route matches.
    fn route_of(&self, request: &Request) -> Option<&Route> {
        let path = request.extensions().get::<MatchedPath>()?;
        // HEAD is served by the handler of GET.
        let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
        self.routes.iter().find(|route| route.method == *method && route.path == path.as_str())
    }
}

/// Middleware that authenticates the caller and checks what the route requires, before the body is read and again after a body that arrived
/// late. Handlers get the caller of the last check from the extractors [`Authorized`], [`AuthorizedKey`] and [`AuthorizedForProject`].
pub(crate) async fn authorize(State(authorizer): State<Authorizer>, request: Request, next: Next) -> Response {
    let Some(route) = authorizer.route_of(&request).filter(|route| route.needs.access != Access::Public) else { return next.run(request).await };
    match admit(&authorizer.state, route, request).await {
        Ok((request, body)) => {
            let response = next.run(request).await;
            // A large body is counted for as long as it is processed.
            drop(body);
            response
        }
        Err(problem) => problem.into_response(),
    }
}

/// The request with its caller and, except for reads, with its complete body.
async fn admit(state: &AppState, route: &Route, request: Request) -> Result<(Request, Bytes), Problem> {
    let (mut parts, body) = request.into_parts();
    check_caller(state, route.needs, &mut parts, Check::First).await?;
    if matches!(parts.method, Method::GET | Method::HEAD) {
        return Ok((Request::from_parts(parts, body), Bytes::new()));
    }
    let received = if route.is_upload {
        body::read_part(&parts.headers, body, route.body_max, PART_LIMIT).await?
    } else {
        body::read(&parts.headers, body, route.body_max).await?
    };
    if received.is_late {
        check_caller_again(state, route.needs, &mut parts).await?;
    }
    Ok((Request::from_parts(parts, Body::from(received.bytes.clone())), received.bytes))
}

/// Checks the caller after a body that arrived late. A refusal is audited: the caller was admitted when the request began.
async fn check_caller_again(state: &AppState, needs: Needs, parts: &mut Parts) -> Result<(), Problem> {
    let Err(problem) = check_caller(state, needs, parts, Check::AfterBody).await else { return Ok(()) };
    let is_refusal = matches!(problem.status(), 401 | 403);
    if let Some(Authorized(actor)) = parts.extensions.get::<Authorized>().filter(|_| is_refusal) {
        state.record_refusal(actor, problem.code()).await;
    }
    Err(problem)
}

/// Authenticates the caller, checks what the route requires, and adds the caller to the request.
async fn check_caller(state: &AppState, needs: Needs, parts: &mut Parts, check: Check) -> Result<(), Problem> {
    let key = caller::authenticate(&parts.headers, state).await?;
    match needs.project_permission {
        Some(permission) if key.kind == KeyKind::Project => {
            caller::require_project(&key, &project_in_path(parts).await?, permission)?;
            parts.extensions.insert(AuthorizedForProject::ProjectKey(key));
        }
        alternative => {
            caller::admit_internal(&key, state, check)?;
            needs.check(&key)?;
            let actor = caller::actor_of(&key, parts, state);
            if alternative.is_some() {
                parts.extensions.insert(AuthorizedForProject::Internal(actor.clone()));
            }
            parts.extensions.insert(Authorized(actor));
            parts.extensions.insert(AuthorizedKey(key));
        }
    }
    Ok(())
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
    use latchkey_types::sample::UPLOAD_PART_MAX;

    #[test]
    fn requirements_are_described_in_one_sentence() {
        let both: &[Permission] = &[Permission::ViewKeys, Permission::ManageCorpora];
        for (needs, sentence) in [
            (PUBLIC, "Needs no authentication."),
            (ANY_KEY, "Needs an internal key with any scopes."),
            (needs(Scope::KeysWrite, Access::Permission(Permission::ManageCorpora)), "Needs the scope `keys:write` and *Manage Corpora*."),
            (needs(Scope::KeysRead, Access::OneOf(both)), "Needs the scope `keys:read`, and *View Keys* or *Manage Corpora*."),
            (needs(Scope::KeysRead, Access::All(both)), "Needs the scope `keys:read`, and *View Keys* and *Manage Corpora*."),
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

    #[test]
    fn an_operation_is_described_with_what_it_requires() {
        for (description, needs, expected) in [
            (None, PUBLIC, "Needs no authentication."),
            (Some(""), ANY_KEY, "Needs an internal key with any scopes."),
            (Some("Reads."), ANY_KEY, "Reads. Needs an internal key with any scopes."),
        ] {
            let mut operation = Operation::new();
            operation.description = description.map(ToOwned::to_owned);
            describe(&mut operation, needs);
            assert_eq!(operation.description.as_deref(), Some(expected));
            assert_eq!(operation.security.is_some(), needs == PUBLIC);
        }
    }

    #[test]
    fn each_method_of_a_path_is_an_operation() {
        let mut item = PathItem::default();
        (item.get, item.post, item.delete) = (Some(Operation::new()), Some(Operation::new()), Some(Operation::new()));
        let methods: Vec<Method> = operations(&mut item).map(|(method, _)| method).collect();
        assert_eq!(methods, [Method::GET, Method::POST, Method::DELETE]);
        (item.put, item.patch) = (Some(Operation::new()), Some(Operation::new()));
        assert_eq!(operations(&mut item).count(), 5);
    }

    #[test]
    fn the_table_has_every_route_with_its_largest_body() {
        let table = crate::route_table();
        let find = |method, path: &str| table.iter().find(|route| route.method == method && route.path == path).unwrap();
        assert_eq!(find(Method::GET, "/api/v1/whoami").needs, ANY_KEY);
        let create = find(Method::POST, "/api/v1/corpora");
        assert_eq!(
            (create.needs.scope, create.needs.access, create.body_max),
            (Some(Scope::KeysWrite), Access::Permission(Permission::ManageCorpora), BODY_MAX)
        );
        assert!(table.iter().any(|route| route.body_max == LARGE_BODY_MAX && !route.is_upload));
        let upload = find(Method::PUT, "/api/v1/projects/{id}/samples/imports/{import}/files/{position}");
        assert_eq!((upload.needs.scope, upload.body_max, upload.is_upload), (Some(Scope::ProjectsWrite), UPLOAD_PART_MAX, true));
    }
}
