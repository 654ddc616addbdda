//! Every route as every role, in the own organization and another: what is answered must be what `server/access.rs` declares.

mod examples;
mod routes;
mod world;

use std::fmt::Write;

use latchkey_program::{
    route_permissions::{self, Access, ROUTES, Route},
    router::router,
};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use self::{
    examples::Example,
    routes::places,
    world::{Object, Person, World},
};
use crate::support::TestServer;

/// What must come of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// This status.
    Exactly(StatusCode),
    /// Anything but a refusal of the caller, of the object, or a fault of ours.
    Admitted,
}

impl Expected {
    fn is_met(self, status: StatusCode) -> bool {
        match self {
            Self::Exactly(expected) => status == expected,
            Self::Admitted => !matches!(status.as_u16(), 401 | 403 | 404 | 405 | 500..),
        }
    }
}

const UNAUTHORIZED: Expected = Expected::Exactly(StatusCode::UNAUTHORIZED);
const FORBIDDEN: Expected = Expected::Exactly(StatusCode::FORBIDDEN);
const NOT_FOUND: Expected = Expected::Exactly(StatusCode::NOT_FOUND);

/// Who makes a call of a route.
#[derive(Clone, Copy)]
enum Caller<'a> {
    Nobody,
    Somebody(&'a Person),
    /// Whose platform key lacks the scope of the route.
    Unscoped(&'a Person),
}

impl Caller<'_> {
    fn who(&self) -> &str {
        match self {
            Self::Nobody => "nobody",
            Self::Somebody(person) => &person.who,
            Self::Unscoped(_) => "an owner whose key lacks the scope",
        }
    }
}

/// What must come of a call by what the route declares, if the object is the caller's to reach.
fn expected(route: &Route, example: &Example, caller: Caller) -> Expected {
    match (route.access, caller) {
        (Access::Public | Access::Token, _) => Expected::Admitted,
        (_, Caller::Nobody) => UNAUTHORIZED,
        (_, Caller::Unscoped(_)) => FORBIDDEN,
        (access, Caller::Somebody(person)) => {
            let scope_counts = route.scope.is_none_or(|scope| scope.needs().iter().any(|permission| person.permissions.has(*permission)));
            // What is of a kind that they may not see is not there for them.
            let sees = example.kind.is_none_or(|kind| person.permissions.has(kind.policy().view));
            match scope_counts && access.admits(person.permissions, example.kind) {
                true if matches!(access, Access::OneOf(_)) && !sees => NOT_FOUND,
                true => Expected::Admitted,
                false => FORBIDDEN,
            }
        }
    }
}

/// Calls a route about an object.
async fn call(world: &World, route: &Route, example: &Example, caller: Caller<'_>, id: &str) -> (StatusCode, Value) {
    let arguments = (example.arguments)(world, id);
    let of_page = route.path.starts_with("/fn/") || (route.scope.is_none() && !matches!(route.access, Access::Public | Access::Key));
    let response = if of_page {
        let page = match caller {
            Caller::Nobody => world.server.visitor(),
            Caller::Somebody(person) | Caller::Unscoped(person) => world.session(person).await,
        };
        match route.path.strip_prefix("/fn/") {
            Some(function) => page.function(function, &arguments).send().await,
            None => page.get(route.path).send().await,
        }
    } else {
        let key = match caller {
            Caller::Nobody => None,
            Caller::Somebody(person) => Some(world.platform_key(person, None).await),
            Caller::Unscoped(person) => Some(world.platform_key(person, route.scope).await),
        };
        let method = Method::from_bytes(route.method.as_bytes()).unwrap();
        let (first, second) = examples::two(id);
        let path = route.path.replace("{id}", first).replace("{name}", second);
        let request = world.server.visitor().client.request(method, world.server.url.clone() + &path);
        let asks_for_others = route.path == "/api/v1/forward-auth";
        let request = key.iter().filter(|_| asks_for_others).fold(request, |request, key| request.header("x-latchkey-caller", key));
        let request = key.iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        if arguments.is_null() { request.send().await } else { request.json(&arguments).send().await }
    };
    let response = response.unwrap();
    // A stream has no end to wait for.
    let is_stream = response.headers().get("content-type").is_some_and(|is| is.as_bytes().starts_with(b"text/event-stream"));
    (response.status(), if is_stream { Value::Null } else { response.json().await.unwrap_or_default() })
}

/// Calls a route and tells what is not as declared.
async fn check(world: &World, route: &Route, troubles: &mut String) {
    let Some(example) = examples::of(route) else {
        writeln!(troubles, "{} {}: give it an example in tests/matrix/examples.rs", route.method, route.path).unwrap();
        return;
    };
    let mut note = |caller: Caller, what: &str, expected: Expected, (status, answer): (StatusCode, Value)| {
        if !expected.is_met(status) {
            writeln!(
                troubles,
                "{} {} as {}, {what}: {expected:?} by {:?}, but {status}: {answer}",
                route.method,
                route.path,
                caller.who(),
                route.access
            )
            .unwrap();
        }
    };
    let owner = &world.people[0];
    let unscoped = route.scope.map(|_| Caller::Unscoped(owner));
    let people = world.people.iter().map(Caller::Somebody);
    for caller in people.chain([Caller::Nobody]).chain(unscoped) {
        let person = if let Caller::Somebody(person) = caller { person } else { owner };
        let as_declared = expected(route, &example, caller);
        if example.object != Object::SpentToken {
            let id = world.object(example.object, person).await;
            note(caller, "an object that is there", as_declared, call(world, route, &example, caller, &id).await);
        }
        // Whoever guesses a token again and again is put off, so nobody alone does.
        let guesses = example.object != Object::Token || matches!(caller, Caller::Nobody);
        if let Some(id) = example.object.made_up().filter(|_| guesses) {
            let unless_admitted = if as_declared == Expected::Admitted && !example.passes_over { NOT_FOUND } else { as_declared };
            note(caller, "an object that is not there", unless_admitted, call(world, route, &example, caller, id).await);
        }
    }
    if !matches!(example.object, Object::None | Object::Token | Object::SpentToken) {
        let id = world.object(example.object, owner).await;
        let foreigner = Caller::Somebody(&world.foreigner);
        let (status, answer) = call(world, route, &example, foreigner, &id).await;
        let expected = if example.passes_over { Expected::Admitted } else { NOT_FOUND };
        let touched = example.passes_over && answer["done"] != 0;
        note(foreigner, "an object of the first organization", if touched { NOT_FOUND } else { expected }, (status, answer));
    }
}

#[tokio::test]
async fn every_route_is_declared_and_every_declared_one_is_there() {
    let server = TestServer::start().await;
    let real = places(&router(server.state.clone()));
    let declared: Vec<_> = ROUTES.iter().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
    let mut troubles = String::new();
    for (method, path) in &real {
        let is_page = method == "GET" && !path.starts_with("/api/") && !declared.contains(&(method.clone(), path.clone()));
        if is_page && route_permissions::of_page(path).is_none() {
            writeln!(troubles, "GET {path}: say in `of_page`, or in `ROUTES`, of src/server/access.rs what it needs").unwrap();
        }
        if !is_page && !declared.contains(&(method.clone(), path.clone())) {
            let line = if path.starts_with("/fn/") {
                format!("function({path:?}, Access::…)")
            } else {
                format!("rest({method:?}, {path:?}, Scope::…, Access::…)")
            };
            writeln!(troubles, "{method} {path}: add `{line},` to `ROUTES` in src/server/access.rs").unwrap();
        }
    }
    for gone in declared.iter().filter(|place| !real.contains(place)) {
        writeln!(troubles, "{} {}: the router has no such route; take it out of `ROUTES` in src/server/access.rs", gone.0, gone.1).unwrap();
    }
    for twice in declared.iter().enumerate().filter(|(at, place)| declared[..*at].contains(place)) {
        writeln!(troubles, "{} {}: it is declared twice", twice.1.0, twice.1.1).unwrap();
    }
    assert!(troubles.is_empty(), "\n{troubles}");
}

#[tokio::test]
async fn every_route_admits_whom_it_declares_and_nobody_else() {
    let world = World::make().await;
    let mut troubles = String::new();
    for route in ROUTES {
        check(&world, route, &mut troubles).await;
    }
    assert!(troubles.is_empty(), "\n{troubles}");
}

#[tokio::test]
async fn every_page_admits_whom_it_declares_and_nobody_else() {
    let world = World::make().await;
    let pages = places(&router(world.server.state.clone())).into_iter().filter_map(|(method, path)| {
        let access = route_permissions::of_page(&path).filter(|_| method == "GET");
        access.map(|access| (path, access))
    });
    let mut troubles = String::new();
    for (path, access) in pages {
        for person in &world.people {
            // A page about something is asked for about something that is theirs.
            let id = if path.contains("{id}") { world.project(person).await } else { String::new() };
            let status = world.session(person).await.get(&path.replace("{id}", &id)).send().await.unwrap().status();
            let is_met = if access.admits(person.permissions, None) {
                status.is_success() || status.is_redirection()
            } else {
                status == StatusCode::FORBIDDEN
            };
            if !is_met {
                writeln!(troubles, "GET {path} as {}: {status}, against {access:?}", person.who).unwrap();
            }
        }
        let answer = world.server.visitor().get(&path).send().await.unwrap();
        let sent_away = answer.headers().get("location").is_some_and(|to| to.to_str().unwrap().starts_with("/sign-in"));
        if sent_away == (access == Access::Public) && path != "/setup" {
            writeln!(troubles, "GET {path} as nobody: {}, against {access:?}", answer.status()).unwrap();
        }
    }
    assert!(troubles.is_empty(), "\n{troubles}");
}
