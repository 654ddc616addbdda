//! A call of each route that succeeds for whoever may make it.

use latchkey_program::route_permissions::Route;
use latchkey_types::key_kind::{CredentialKind, KeyKind, Kind};
use serde_json::{Value, json};

use super::world::{Object, World};
use crate::support::PASSWORD;

/// A call, but for the id of what it is about.
pub struct Example {
    /// What it is about.
    pub object: Object,
    /// The kind that it is about, for routes whose need depends on it.
    pub kind: Option<Kind>,
    /// Whether it answers a foreign or unknown id by doing nothing, as a call with many of them does.
    pub passes_over: bool,
    /// The arguments, given that id.
    pub arguments: fn(&World, &str) -> Value,
}

/// A call about nothing that has an id.
const fn plain(arguments: fn(&World, &str) -> Value) -> Example {
    about(Object::None, arguments)
}

const fn about(object: Object, arguments: fn(&World, &str) -> Value) -> Example {
    Example { object, kind: None, passes_over: false, arguments }
}

impl Example {
    const fn of(mut self, kind: KeyKind) -> Self {
        self.kind = Some(Kind::Key(kind));
        self
    }

    const fn of_general(mut self) -> Self {
        self.kind = Some(Kind::Credential(CredentialKind::Llm));
        self
    }

    const fn of_storage(mut self) -> Self {
        self.kind = Some(Kind::Credential(CredentialKind::Storage));
        self
    }

    const fn passing_over(mut self) -> Self {
        self.passes_over = true;
        self
    }
}

/// The route's example; `None` for a route that has none yet.
#[expect(clippy::too_many_lines, reason = "a table")]
pub fn of(route: &Route) -> Option<Example> {
    let example = match (route.method, route.path) {
        ("POST", "/fn/account/invitation") => about(Object::Token, |_, token| json!({ "token": token })),
        ("POST", "/fn/account/join") => about(Object::Token, |_, token| json!({ "token": token, "name": "New", "password": PASSWORD })),
        ("POST", "/fn/account/set-up") => {
            about(Object::SpentToken, |_, token| json!({ "token": token, "organization": "A", "name": "B", "email": "c@d", "password": PASSWORD }))
        }
        ("POST", "/fn/account/sign-in") => plain(|_, _| json!({ "email": "viewer@acme.test", "password": PASSWORD })),
        ("POST", "/fn/account/sign-out" | "/fn/account/sign-out-everywhere" | "/fn/account/viewer") => plain(|_, _| json!({})),
        ("POST", "/fn/audit/read") => plain(|_, _| json!({ "query": { "search": "", "period": "all" } })),
        ("POST", "/fn/billing/month") => plain(|_, _| json!({ "month": null })),
        ("POST", "/fn/corpora/all" | "/fn/corpora/details") => plain(|_, _| json!({})),
        ("POST", "/fn/corpora/create") => plain(|world, _| json!({ "name": world.unused() })),
        ("POST", "/fn/corpora/delete") => about(Object::Corpus, |_, id| json!({ "id": id.parse::<i64>().unwrap() })),
        ("POST", "/fn/credentials/create-general") => plain(|world, _| json!({ "name": world.unused(), "value": "sk-0123456789" })).of_general(),
        ("POST", "/fn/credentials/create-storage") => plain(|_, _| json!({ "wanted": storage() })).of_storage(),
        ("POST", "/fn/credentials/edit-general") => {
            about(Object::General, |world, id| json!({ "id": id, "name": world.unused(), "value": "" })).of_general()
        }
        ("POST", "/fn/credentials/test") => about(Object::General, |_, id| json!({ "id": id })).of_general(),
        ("POST", "/fn/invitations/create") => {
            about(Object::Role, |world, role| json!({ "email": format!("{}@acme.test", world.unused()), "role": role }))
        }
        ("POST", "/fn/invitations/renew" | "/fn/invitations/withdraw") => about(Object::Invitation, |_, id| json!({ "id": id })),
        ("POST", "/fn/issued/reveal") => about(Object::IssuedKey, |_, id| json!({ "id": id })),
        ("POST", "/fn/keys/act") => about(Object::Key, |_, id| json!({ "action": "delete", "ids": [id] })).of(KeyKind::Agent).passing_over(),
        ("POST", "/fn/keys/create") => plain(|world, _| json!({ "wanted": { "kind": "agent", "name": world.unused() } })).of(KeyKind::Agent),
        ("POST", "/fn/keys/edit") => about(Object::Key, |world, id| json!({ "id": id, "edited": { "name": world.unused() } })).of(KeyKind::Agent),
        ("POST", "/fn/keys/ids" | "/fn/keys/rows") => plain(|_, _| json!({ "listing": "0", "offset": 0, "limit": 1 })),
        ("POST", "/fn/keys/open") => {
            plain(|_, _| json!({ "query": { "kind": "agent", "search": "", "sort": { "column": "name", "descending": false } } })).of(KeyKind::Agent)
        }
        ("POST", "/fn/keys/rotate") => about(Object::Key, |_, id| json!({ "id": id, "grace_seconds": 0 })).of(KeyKind::Agent),
        ("POST", "/fn/members/disable") => about(Object::Member, |_, id| json!({ "id": id, "receiver": null })),
        ("POST", "/fn/members/enable") => about(Object::Member, |_, id| json!({ "id": id })),
        ("POST", "/fn/members/list") => plain(|_, _| json!({})),
        ("POST", "/fn/members/set-role") => about(Object::Member, |world, id| json!({ "id": id, "role": world.powerless() })),
        ("GET", "/events") => plain(|_, _| Value::Null),
        ("POST", "/fn/issued/list") => about(
            Object::Project,
            |_, id| json!({ "query": { "project": id, "wanted": { "period": "30d", "from": "", "to": "" }, "sort": "received", "page": 1, "rows": 10 } }),
        ),
        ("POST", "/fn/issued/revoke") => about(Object::IssuedKey, |_, id| json!({ "id": id })),
        ("POST", "/fn/issued/set-disabled") => about(Object::IssuedKey, |_, id| json!({ "id": id, "disabled": true })),
        ("POST", "/fn/notices/list") => plain(|_, _| json!({})),
        ("POST", "/fn/notices/read") => plain(|_, _| json!({ "up_to": 1 })),
        ("POST", "/fn/profile/change-password") => plain(|_, _| json!({ "current": PASSWORD, "password": PASSWORD })),
        ("POST", "/fn/profile/end-session") => about(Object::Session, |_, id| json!({ "id": id })),
        ("POST", "/fn/profile/rename") => plain(|world, _| json!({ "name": world.unused() })),
        ("POST", "/fn/profile/sessions") => plain(|_, _| json!({})),
        ("POST", "/fn/organization/edit") => plain(|_, _| json!({ "name": "acme", "currency": "USD" })),
        ("POST", "/fn/organization/get") => plain(|_, _| json!({})),
        ("POST", "/fn/providers/create") => plain(|world, _| json!({ "wanted": provider(world) })),
        ("POST", "/fn/providers/create-model") => {
            about(Object::Provider, |world, id| json!({ "provider": id, "wanted": { "name": world.unused() } }))
        }
        ("POST", "/fn/providers/delete") => about(Object::Provider, |_, id| json!({ "id": id })),
        ("POST", "/fn/providers/delete-model") => about(Object::Model, |_, id| json!({ "id": id })),
        ("POST", "/fn/providers/edit") => about(Object::Provider, |world, id| json!({ "id": id, "wanted": provider(world) })),
        ("POST", "/fn/providers/edit-model") => about(Object::Model, |world, id| json!({ "id": id, "wanted": { "name": world.unused() } })),
        ("POST", "/fn/providers/list") => plain(|_, _| json!({})),
        ("POST", "/fn/requests/approve") => about(Object::Request, |_, id| json!({ "id": id })),
        ("POST", "/fn/requests/ask") => about(Object::Template, |_, id| json!({ "template": id })),
        ("POST", "/fn/requests/reject") => about(Object::Request, |_, id| json!({ "id": id, "word": "" })),
        ("POST", "/fn/requests/tiles") => about(Object::Project, |_, id| json!({ "project": id })),
        ("POST", "/fn/requests/withdraw") => about(Object::OwnRequest, |_, id| json!({ "id": id })),
        ("POST", "/fn/roles/create") => plain(|world, _| json!({ "name": world.unused(), "permissions": [] })),
        ("POST", "/fn/roles/delete") => about(Object::Role, |_, id| json!({ "id": id })),
        ("POST", "/fn/roles/edit") => about(Object::Role, |world, id| json!({ "id": id, "name": world.unused(), "permissions": [] })),
        ("POST", "/fn/roles/list") => plain(|_, _| json!({})),
        ("POST", "/fn/templates/add-field") => about(Object::Template, |_, id| json!({ "template": id })),
        ("POST", "/fn/templates/create" | "/fn/templates/desk") => about(Object::Project, |_, id| json!({ "project": id })),
        ("POST", "/fn/templates/delete") => about(Object::Template, |_, id| json!({ "id": id })),
        ("POST", "/fn/templates/delete-field") => about(Object::Field, |_, id| json!({ "id": id })),
        ("POST", "/fn/templates/edit") => {
            about(Object::Template, |_, id| json!({ "id": id, "edit": { "which": "price", "before": "0", "after": "1" } }))
        }
        ("POST", "/fn/templates/edit-field") => {
            about(Object::Field, |_, id| json!({ "id": id, "edit": { "which": "value", "before": "", "after": "1" } }))
        }

        ("GET", "/.well-known/jwks.json" | "/healthz" | "/metrics" | "/readyz" | "/api/v1/corpora" | "/api/v1/openapi.json" | "/api/v1/whoami") => {
            plain(|_, _| Value::Null)
        }
        ("POST", "/api/v1/corpora") => plain(|world, _| json!({ "name": world.unused() })),
        ("DELETE", "/api/v1/corpora/{id}") => about(Object::Corpus, |_, _| Value::Null),
        ("GET", "/api/v1/credentials") => plain(|_, _| Value::Null),
        ("POST", "/api/v1/credentials") => plain(|world, _| json!({ "kind": "llm", "name": world.unused(), "value": "sk-0123456789" })).of_general(),
        ("GET" | "DELETE", "/api/v1/credentials/{id}") | ("POST", "/api/v1/credentials/{id}/test") => {
            about(Object::General, |_, _| Value::Null).of_general()
        }
        ("PATCH", "/api/v1/credentials/{id}") => about(Object::General, |world, _| json!({ "name": world.unused() })).of_general(),
        ("GET", "/api/v1/keys") => plain(|_, _| Value::Null).of(KeyKind::Agent),
        ("POST", "/api/v1/keys") => plain(|world, _| json!({ "kind": "agent", "name": world.unused() })).of(KeyKind::Agent),
        ("POST", "/api/v1/keys/import") => {
            plain(|world, _| json!({ "name": "a", "sha256": format!("{:0>64}", world.unused().replace('n', "")) })).of(KeyKind::Client)
        }
        ("GET" | "DELETE", "/api/v1/keys/{id}") => about(Object::Key, |_, _| Value::Null).of(KeyKind::Agent),
        ("PATCH", "/api/v1/keys/{id}") => about(Object::Key, |world, _| json!({ "name": world.unused() })).of(KeyKind::Agent),
        ("POST", "/api/v1/keys/{id}/disable" | "/api/v1/keys/{id}/enable") => about(Object::Key, |_, _| Value::Null).of(KeyKind::Agent),
        ("POST", "/api/v1/keys/{id}/rotate") => about(Object::Key, |_, _| json!({ "grace_seconds": 0 })).of(KeyKind::Agent),
        ("GET", "/api/v1/projects/{id}" | "/api/v1/projects/{id}/nodes" | "/api/v1/projects/{id}/revoked") => {
            about(Object::Project, |_, _| Value::Null)
        }
        ("POST", "/api/v1/verify") => plain(|_, _| json!({ "key": "lka_unknown" })),
        ("POST", "/api/v1/verify-batch") => plain(|_, _| json!({ "keys": [{ "key": "lka_unknown" }] })),
        _ => return of_projects(route),
    };
    Some(example)
}

/// The same, of what is about projects and what belongs to them.
fn of_projects(route: &Route) -> Option<Example> {
    let example = match (route.method, route.path) {
        ("POST", "/fn/projects/add-member") => about(Object::Addable, |world, ids| {
            let (id, user) = two(ids);
            json!({ "id": id, "user": user, "role": world.powerless() })
        }),
        ("POST", "/fn/projects/belongings") => about(Object::Project, |_, id| json!({ "id": id })),
        ("POST", "/fn/projects/create-node") => about(Object::Project, |world, id| json!({ "id": id, "name": world.unused() })),
        ("POST", "/fn/projects/create-secret") => about(Object::Project, |world, id| json!({ "id": id, "name": world.unused(), "value": "a" })),
        ("POST", "/fn/projects/delete-node") => about(Object::Node, |_, ids| json!({ "id": two(ids).0, "node": node(ids) })),
        ("POST", "/fn/projects/rename-node") => {
            about(Object::Node, |world, ids| json!({ "id": two(ids).0, "node": node(ids), "name": world.unused() }))
        }
        ("POST", "/fn/projects/delete-secret") => about(Object::ProjectSecret, |_, ids| json!({ "id": two(ids).0, "secret": two(ids).1 })),
        ("POST", "/fn/projects/replace-secret") => {
            about(Object::ProjectSecret, |_, ids| json!({ "id": two(ids).0, "secret": two(ids).1, "value": "b" }))
        }
        ("POST", "/fn/projects/import") => {
            about(Object::HeldKey, |_, ids| json!({ "project": two(ids).0, "key": two(ids).1, "token": "unknown", "prefix": "p" }))
        }
        ("POST", "/fn/projects/import-preview") => {
            about(Object::HeldKey, |_, ids| json!({ "project": two(ids).0, "key": two(ids).1, "prefix": "p" }))
        }
        ("POST", "/fn/projects/remove-member") => about(Object::ProjectMember, |_, ids| json!({ "id": two(ids).0, "user": two(ids).1 })),
        ("POST", "/fn/projects/set-member-role") => {
            about(Object::ProjectMember, |world, ids| json!({ "id": two(ids).0, "user": two(ids).1, "role": world.powerless() }))
        }
        ("POST", "/fn/projects/create") => plain(|world, _| json!({ "wanted": wanted_project(world) })),
        ("POST", "/fn/projects/edit") => about(Object::Project, |world, id| json!({ "id": id, "wanted": wanted_project(world) })),
        ("POST", "/fn/projects/get" | "/fn/projects/delete") => about(Object::Project, |_, id| json!({ "id": id })),
        ("POST", "/fn/projects/list") => plain(|_, _| json!({})),
        ("GET", "/api/v1/projects/{id}/secrets") => about(Object::Project, |_, _| Value::Null),
        ("GET", "/api/v1/projects/{id}/secrets/{name}") => about(Object::SecretName, |_, _| Value::Null),
        // The caller's key is good, so it is one to ask about, too.
        (_, "/api/v1/forward-auth") => plain(|_, _| Value::Null),
        ("POST", "/v2/keys.verifyKey") => plain(|_, _| json!({ "key": "lka_x" })),
        _ => return None,
    };
    Some(example)
}

/// The ids of an object that has two.
pub fn two(ids: &str) -> (&str, &str) {
    ids.split_once(' ').unwrap_or((ids, ""))
}

fn node(ids: &str) -> i64 {
    two(ids).1.parse().unwrap()
}

/// A storage credential that somebody wants.
fn storage() -> Value {
    json!({ "label": "files", "provider": "dnanexus", "key": "0123456789abcdef0123456789abcdef", "secret": "", "region": "", "ends": { "Days": 30 } })
}

/// A provider that somebody wants.
pub fn provider(world: &World) -> Value {
    json!({ "name": world.unused(), "style": "openai", "base_url": "https://llm.example.test/v1" })
}

/// A project that somebody wants.
pub fn wanted_project(world: &World) -> Value {
    json!({ "name": world.unused(), "description": "", "visibility": "members" })
}
