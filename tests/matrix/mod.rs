//! Calls every route with every role, in the same organization and another one, and compares the status with what it requires.

pub mod declared;
pub mod examples;
pub mod fixtures;
mod routes;

use std::{collections::BTreeSet, fmt::Write, thread};

use latchkey::routes::page_at;
use latchkey_program::router::router;
use latchkey_types::access::Access;
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::runtime::Builder;

use self::{
    declared::{OF_GATEWAY, Route},
    examples::Example,
    fixtures::{Fixtures, Object, TestUser},
    routes::endpoints,
};
use crate::support::TestServer;

/// The expected outcome of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Status(StatusCode),
    Allowed,
}

impl Expected {
    fn matches(self, status: StatusCode) -> bool {
        match self {
            Self::Status(expected) => status == expected,
            Self::Allowed => status.is_success(),
        }
    }
}

const UNAUTHORIZED: Expected = Expected::Status(StatusCode::UNAUTHORIZED);
const FORBIDDEN: Expected = Expected::Status(StatusCode::FORBIDDEN);
const NOT_FOUND: Expected = Expected::Status(StatusCode::NOT_FOUND);

#[derive(Clone, Copy)]
enum Caller<'a> {
    Anonymous,
    User(&'a TestUser),
    /// A user with an internal key without the scope of the route.
    Unscoped(&'a TestUser),
}

impl Caller<'_> {
    fn description(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::User(user) => &user.description,
            Self::Unscoped(_) => "an owner with a key without the scope",
        }
    }
}

/// The outcome that the route declares, for an object that the caller can access.
fn expected(route: &Route, example: &Example, caller: Caller) -> Expected {
    match (route.access, caller) {
        (Access::Public | Access::Token, _) => Expected::Allowed,
        (_, Caller::Anonymous) => UNAUTHORIZED,
        (_, Caller::Unscoped(_)) => FORBIDDEN,
        (access, Caller::User(user)) => {
            let scope_allows = route.scope.is_none_or(|scope| scope.needs().iter().any(|permission| user.permissions.has(*permission)));
            // Objects of a kind that the caller cannot view are reported as missing.
            let can_view = example.kind.is_none_or(|kind| user.permissions.has(kind.spec().view));
            match scope_allows && access.permits(user.permissions, example.kind) {
                true if matches!(access, Access::OneOf(_)) && !can_view => NOT_FOUND,
                true => Expected::Allowed,
                false => FORBIDDEN,
            }
        }
    }
}

/// The outcome for an object that does not exist or that the caller cannot access.
const fn missing(object: Object) -> Expected {
    // Lists expire, and clients reload them.
    if matches!(object, Object::Listing) { Expected::Status(StatusCode::GONE) } else { NOT_FOUND }
}

/// Calls a route with the id of an object.
async fn call(fixtures: &Fixtures, route: &Route, example: &Example, caller: Caller<'_>, id: &str) -> (StatusCode, Value) {
    let response = send(fixtures, route, example, caller, id).await;
    // The body of an event stream never ends.
    let is_stream = response.headers().get("content-type").is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
    (response.status(), if is_stream { Value::Null } else { response.json().await.unwrap_or_default() })
}

async fn send(fixtures: &Fixtures, route: &Route, example: &Example, caller: Caller<'_>, id: &str) -> Response {
    let arguments = (example.arguments)(fixtures, id);
    let path = examples::path_of(route, id);
    let response = if route.uses_session() {
        let client = match caller {
            Caller::Anonymous => fixtures.server.visitor(),
            Caller::User(user) | Caller::Unscoped(user) => fixtures.session(user).await,
        };
        match route.path.strip_prefix("/fn/") {
            Some(function) => client.function(function, &arguments).send().await,
            None if arguments.is_null() => client.request(route.method.clone(), &path).send().await,
            None => client.request(route.method.clone(), &path).json(&arguments).send().await,
        }
    } else {
        let key = match caller {
            Caller::Anonymous => None,
            Caller::User(user) => Some(fixtures.internal_key(user, None).await),
            Caller::Unscoped(user) => Some(fixtures.internal_key(user, route.scope).await),
        };
        let request = fixtures.server.visitor().client.request(route.method.clone(), fixtures.server.url.clone() + &path);
        let is_forward_auth = route.path == "/api/v1/forward-auth";
        let request = key.iter().filter(|_| is_forward_auth).fold(request, |request, key| request.header("x-latchkey-caller", key));
        let request = key.iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        if arguments.is_null() { request.send().await } else { request.json(&arguments).send().await }
    };
    response.unwrap()
}

/// Calls a route as every caller and writes deviations from its declaration to `failures`.
async fn check(fixtures: &Fixtures, route: &Route, failures: &mut String) {
    let Some(example) = examples::of(route) else {
        writeln!(failures, "{} {}: add an example to tests/matrix/examples.rs", route.method, route.path).unwrap();
        return;
    };
    let mut compare = |caller: Caller, object: &str, expected: Expected, (status, response): (StatusCode, Value)| {
        if !expected.matches(status) {
            writeln!(
                failures,
                "{} {} as {}, {object}: expected {expected:?} because of {:?}, got {status}: {response}",
                route.method,
                route.path,
                caller.description(),
                route.access
            )
            .unwrap();
        }
    };
    let owner = &fixtures.users[0];
    let unscoped = route.scope.map(|_| Caller::Unscoped(owner));
    let users = fixtures.users.iter().map(Caller::User);
    for caller in users.chain([Caller::Anonymous]).chain(unscoped) {
        let user = if let Caller::User(user) = caller { user } else { owner };
        let declared = expected(route, &example, caller);
        if example.object != Object::InvalidToken {
            let id = fixtures.create_object(example.object, user).await;
            let is_rejected = declared == Expected::Allowed && example.is_invalid;
            let expected = if is_rejected { Expected::Status(StatusCode::UNPROCESSABLE_ENTITY) } else { declared };
            compare(caller, "an existing object", expected, call(fixtures, route, &example, caller, &id).await);
        }
        // Repeated wrong tokens are rate limited, so only the anonymous caller sends one.
        let tests_unknown = example.object != Object::Token || matches!(caller, Caller::Anonymous);
        if let Some(id) = example.object.unknown_id().filter(|_| tests_unknown) {
            let expected = if declared == Expected::Allowed && !example.skips_missing { missing(example.object) } else { declared };
            compare(caller, "an unknown id", expected, call(fixtures, route, &example, caller, id).await);
        }
    }
    if !matches!(example.object, Object::None | Object::Token | Object::InvalidToken) {
        let id = fixtures.create_object(example.object, owner).await;
        let other_owner = Caller::User(&fixtures.other_owner);
        let (status, response) = call(fixtures, route, &example, other_owner, &id).await;
        let expected = if example.skips_missing { Expected::Allowed } else { missing(example.object) };
        let was_changed = example.skips_missing && response["done"] != 0;
        compare(other_owner, "an object of the first organization", if was_changed { NOT_FOUND } else { expected }, (status, response));
    }
}

#[tokio::test]
async fn declared_routes_match_the_router() {
    let server = TestServer::start().await;
    let routed = endpoints(&router(server.state.clone()));
    let of_gateway = OF_GATEWAY.iter().map(|(method, path, _)| (method.to_string(), (*path).to_owned()));
    let declared: Vec<_> = declared::all().into_iter().map(|route| (route.method.to_string(), route.path)).chain(of_gateway).collect();
    let mut failures = String::new();
    for (method, path) in &routed {
        if path.starts_with("/v1/") {
            if !declared.contains(&(method.clone(), path.clone())) {
                writeln!(failures, "{method} {path}: add it to `OF_GATEWAY` in tests/matrix/declared.rs, with the reason").unwrap();
            }
            continue;
        }
        let is_page = method == "GET" && !path.starts_with("/api/") && !declared.contains(&(method.clone(), path.clone()));
        if is_page && page_at(path).is_none() {
            writeln!(failures, "GET {path}: add it to the table of pages").unwrap();
        }
        if !is_page && !declared.contains(&(method.clone(), path.clone())) {
            writeln!(failures, "{method} {path}: add `({path:?}, Access::…),` to `FUNCTIONS` in tests/matrix/declared.rs").unwrap();
        }
    }
    for missing in declared.iter().filter(|endpoint| !routed.contains(endpoint)) {
        writeln!(failures, "{} {}: the router has no such route; remove it", missing.0, missing.1).unwrap();
    }
    for (_, duplicate) in declared.iter().enumerate().filter(|(index, endpoint)| declared[..*index].contains(endpoint)) {
        writeln!(failures, "{} {}: declared twice", duplicate.0, duplicate.1).unwrap();
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[tokio::test]
async fn routes_of_the_gateway_need_a_key() {
    let server = TestServer::start().await;
    for (method, path, reason) in OF_GATEWAY {
        for key in [None, Some("lka_0000000000000000000000000000000000000000000000000")] {
            let request = server.visitor().client.request(method.clone(), format!("{}{}", server.url, path.replace("{*name}", "gpt")));
            let request = key.iter().fold(request, reqwest::RequestBuilder::bearer_auth);
            let status = request.body("{}").send().await.unwrap().status();
            assert!(status.is_client_error(), "{method} {path}: {status}; {reason}");
        }
    }
}

/// Number of threads that share the routes.
const PARTS: usize = 4;

async fn check_part(part: usize) {
    let fixtures = Fixtures::create().await;
    let mut failures = String::new();
    for route in declared::all().iter().skip(part).step_by(PARTS) {
        check(&fixtures, route, &mut failures).await;
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn every_route_allows_exactly_the_declared_callers() {
    thread::scope(|scope| {
        for part in 0..PARTS {
            scope.spawn(move || Builder::new_current_thread().enable_all().build().unwrap().block_on(check_part(part)));
        }
    });
}

#[tokio::test]
async fn every_page_allows_exactly_the_declared_callers() {
    let fixtures = Fixtures::create().await;
    let pages = endpoints(&router(fixtures.server.state.clone())).into_iter().filter_map(|(method, path)| {
        let page = page_at(&path).filter(|_| method == "GET")?;
        Some((path, page.access))
    });
    let mut failures = String::new();
    for (path, access) in pages {
        for user in &fixtures.users {
            // The page of an object is requested for one that this user can access.
            let object = match path.split_once("/{id}") {
                Some(("/settings/corpora", _)) => Object::Corpus,
                Some(_) => Object::Project,
                None => Object::None,
            };
            let id = fixtures.create_object(object, user).await;
            let status = fixtures.session(user).await.get(&path.replace("{id}", &id)).send().await.unwrap().status();
            let is_expected =
                if access.permits(user.permissions, None) { status.is_success() || status.is_redirection() } else { status == StatusCode::FORBIDDEN };
            if !is_expected {
                writeln!(failures, "GET {path} as {}: {status}, declared {access:?}", user.description).unwrap();
            }
        }
        let response = fixtures.server.visitor().get(&path).send().await.unwrap();
        let redirected = response.headers().get("location").is_some_and(|location| location.to_str().unwrap().starts_with("/sign-in"));
        if redirected == (access == Access::Public) && path != "/setup" {
            writeln!(failures, "GET {path} as anonymous: {}, declared {access:?}", response.status()).unwrap();
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

/// The server functions and routes whose call with their example takes access away, or may do so: edits are not compared with what was before.
const REVOKING: [(&str, &str); 42] = [
    ("DELETE", "/api/v1/aliases/{id}"),
    ("DELETE", "/api/v1/corpora/{id}"),
    ("DELETE", "/api/v1/corpora/{id}/upstream"),
    ("DELETE", "/api/v1/credentials/{id}"),
    ("DELETE", "/api/v1/keys/{id}"),
    ("DELETE", "/api/v1/models/{id}"),
    ("DELETE", "/api/v1/providers/{id}"),
    ("DELETE", "/api/v1/services/{id}"),
    ("PATCH", "/api/v1/aliases/{id}"),
    ("PATCH", "/api/v1/keys/{id}"),
    ("PATCH", "/api/v1/models/{id}"),
    ("PATCH", "/api/v1/providers/{id}"),
    ("PATCH", "/api/v1/services/{id}"),
    ("POST", "/api/v1/keys/{id}/disable"),
    ("POST", "/api/v1/keys/{id}/rotate"),
    ("PUT", "/api/v1/corpora/{id}/upstream"),
    ("POST", "/fn/corpora/delete"),
    ("POST", "/fn/corpora/remove-upstream"),
    ("POST", "/fn/corpora/set-upstream"),
    ("POST", "/fn/credentials/replace-external"),
    ("POST", "/fn/issued/revoke"),
    ("POST", "/fn/issued/set-disabled"),
    ("POST", "/fn/keys/bulk"),
    ("POST", "/fn/keys/edit"),
    ("POST", "/fn/keys/rotate"),
    ("POST", "/fn/members/disable"),
    ("POST", "/fn/members/set-budget"),
    ("POST", "/fn/members/set-role"),
    ("POST", "/fn/organization/set-agent-budget"),
    ("POST", "/fn/organization/set-budget"),
    ("POST", "/fn/organization/set-call-log-days"),
    ("POST", "/fn/projects/delete"),
    ("POST", "/fn/providers/delete"),
    ("POST", "/fn/providers/delete-alias"),
    ("POST", "/fn/providers/delete-model"),
    ("POST", "/fn/providers/edit"),
    ("POST", "/fn/providers/edit-alias"),
    ("POST", "/fn/providers/edit-model"),
    ("POST", "/fn/roles/delete"),
    ("POST", "/fn/roles/edit"),
    ("POST", "/fn/services/delete"),
    ("POST", "/fn/services/edit"),
];

/// Functions whose settings take nothing away, although they are stored with some that do: the page shows no receipt.
const WITHOUT_SENTENCE: [&str; 2] = ["/fn/organization/set-agent-budget", "/fn/organization/set-call-log-days"];

#[tokio::test]
async fn every_rule_that_takes_access_away_has_a_receipt() {
    let fixtures = Fixtures::create().await;
    let owner = &fixtures.users[0];
    let mut failures = String::new();
    for route in declared::all() {
        let example = examples::of(&route).unwrap();
        let id = fixtures.create_object(example.object, owner).await;
        let response = send(&fixtures, &route, &example, Caller::User(owner), &id).await;
        let header = response.headers().get("x-latchkey-receipt").map(|value| value.to_str().unwrap().to_owned());
        let is_revoking = REVOKING.contains(&(route.method.as_str(), route.path.as_str()));
        if header.is_some() != is_revoking {
            writeln!(failures, "{} {}: {header:?}, {}", route.method, route.path, response.status()).unwrap();
        }
        let Some(header) = header.filter(|_| route.path.starts_with("/fn/")) else { continue };
        let expected = if WITHOUT_SENTENCE.contains(&route.path.as_str()) { Value::Null } else { Value::from(header) };
        let shown = response.json::<Value>().await.unwrap()["receipt"]["id"].clone();
        if shown != expected {
            writeln!(failures, "{}: {shown} in the body", route.path).unwrap();
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[tokio::test]
async fn every_call_with_a_receipt_is_described_with_it() {
    let server = TestServer::start().await;
    let document: Value = server.visitor().get("/openapi.json").send().await.unwrap().json().await.unwrap();
    let has_receipt = |operation: &Value| {
        operation["responses"].as_object().unwrap().values().any(|response| response["headers"].get("X-Latchkey-Receipt").is_some())
    };
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if has_receipt(operation) {
                described.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    let of_api = REVOKING.iter().filter(|(_, path)| path.starts_with("/api/"));
    // Its example changes the name, which is no reason to wait; a new value is one.
    let expected = of_api.chain(&[("PATCH", "/api/v1/credentials/{id}")]).map(|(method, path)| ((*method).to_owned(), (*path).to_owned()));
    assert_eq!(described, expected.collect::<BTreeSet<_>>());
}

/// Calls every route once as an owner. Returns the server.
pub async fn call_every_route() -> TestServer {
    let fixtures = Fixtures::create().await;
    let owner = &fixtures.users[0];
    for route in declared::all() {
        let example = examples::of(&route).unwrap_or_else(|| panic!("{} {} has no example", route.method, route.path));
        let id = fixtures.create_object(example.object, owner).await;
        call(&fixtures, &route, &example, Caller::User(owner), &id).await;
    }
    fixtures.server
}
