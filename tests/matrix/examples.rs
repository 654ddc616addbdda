//! For each route a request that succeeds for every caller with the permission.

use super::declared::Route;
use latchkey_types::key_kind::{CredentialKind, KeyKind, Kind};
use serde_json::{Value, json};

use super::fixtures::{Fixtures, Object};
use crate::support::PASSWORD;

/// A request without the id of its object.
pub struct Example {
    pub object: Object,
    /// The key kind, for routes whose required permission depends on it.
    pub kind: Option<Kind>,
    /// Whether an inaccessible or unknown id is skipped instead of 404, as in bulk actions.
    pub skips_missing: bool,
    /// Whether the request is invalid for a caller with the permission: 422. For routes that call a service or a model.
    pub is_invalid: bool,
    /// The arguments for an object id.
    pub arguments: fn(&Fixtures, &str) -> Value,
}

/// A request without an object.
const fn plain(arguments: fn(&Fixtures, &str) -> Value) -> Example {
    with_object(Object::None, arguments)
}

const fn with_object(object: Object, arguments: fn(&Fixtures, &str) -> Value) -> Example {
    Example { object, kind: None, skips_missing: false, is_invalid: false, arguments }
}

impl Example {
    const fn of(mut self, kind: KeyKind) -> Self {
        self.kind = Some(Kind::Key(kind));
        self
    }

    const fn of_general(mut self) -> Self {
        self.kind = Some(Kind::Credential(CredentialKind::General));
        self
    }

    const fn of_external(mut self) -> Self {
        self.kind = Some(Kind::Credential(CredentialKind::External));
        self
    }

    const fn invalid(mut self) -> Self {
        self.is_invalid = true;
        self
    }

    const fn skipping_missing(mut self) -> Self {
        self.skips_missing = true;
        self
    }
}

/// The example of a route; `None` if it is missing in this file.
#[expect(clippy::too_many_lines, reason = "a table")]
pub fn of(route: &Route) -> Option<Example> {
    let example = match (route.method.as_str(), route.path.as_str()) {
        ("POST", "/fn/account/invitation") => with_object(Object::Token, |_, token| json!({ "token": token })),
        ("POST", "/fn/account/join") => with_object(Object::Token, |_, token| json!({ "token": token, "name": "New", "password": PASSWORD })),
        ("POST", "/fn/account/set-up") => with_object(
            Object::InvalidToken,
            |_, token| json!({ "token": token, "organization": "A", "name": "B", "email": "c@d", "password": PASSWORD }),
        ),
        ("POST", "/fn/account/sign-in") => plain(|_, _| json!({ "email": "viewer@acme.test", "password": PASSWORD })),
        ("POST", "/fn/account/sign-out" | "/fn/account/sign-out-everywhere" | "/fn/account/viewer") => plain(|_, _| json!({})),
        ("POST", "/fn/audit/actors") => plain(|_, _| json!({})),
        ("POST", "/fn/audit/read") => plain(|_, _| json!({ "query": { "search": "", "period": "all" } })),
        ("POST", "/fn/billing/keys") => plain(|_, _| json!({ "month": "2026-11", "search": "" })),
        ("POST", "/fn/billing/month") => plain(|_, _| json!({ "month": null })),
        ("POST", "/fn/calls/bodies") => with_object(Object::CallBodies, |_, id| json!({ "id": id })),
        ("POST", "/fn/calls/choices") => plain(|_, _| json!({})),
        ("POST", "/fn/calls/list") => plain(|_, _| json!({ "filter": {}, "period": "all", "cursor": null })),
        ("POST", "/fn/corpora/all" | "/fn/corpora/details") => plain(|_, _| json!({})),
        ("POST", "/fn/corpora/create") => plain(|fixtures, _| json!({ "name": fixtures.unique_name() })),
        ("POST", "/fn/corpora/delete" | "/fn/corpora/page" | "/fn/corpora/remove-upstream") => {
            with_object(Object::Corpus, |_, id| json!({ "id": id.parse::<i64>().unwrap() }))
        }
        ("POST", "/fn/corpora/delete-document") => {
            with_object(Object::Corpus, |_, id| json!({ "id": id.parse::<i64>().unwrap(), "document": DOCUMENT }))
        }
        ("POST", "/fn/corpora/documents") => with_object(Object::Corpus, |_, id| json!({ "id": id.parse::<i64>().unwrap(), "after": null })),
        ("POST", "/fn/corpora/search") => with_object(Object::Corpus, |_, id| json!({ "id": id.parse::<i64>().unwrap(), "query": "cats" })),
        ("POST", "/fn/corpora/set-upstream") => {
            with_object(Object::Corpus, |_, id| json!({ "id": id.parse::<i64>().unwrap(), "request": new_upstream() }))
        }
        ("POST", "/fn/corpora/upload") => {
            with_object(Object::Corpus, |_, id| json!({ "id": id.parse::<i64>().unwrap(), "name": "b.txt", "content": "About dogs." }))
        }
        ("POST", "/fn/credentials/create-general") => {
            plain(|fixtures, _| json!({ "name": fixtures.unique_name(), "value": "sk-0123456789" })).of_general()
        }
        ("POST", "/fn/credentials/create-external") => plain(|_, _| json!({ "request": new_external() })).of_external(),
        ("POST", "/fn/credentials/edit-general") => {
            with_object(Object::General, |fixtures, id| json!({ "id": id, "name": fixtures.unique_name(), "value": "" })).of_general()
        }
        ("POST", "/fn/credentials/own-external") => plain(|_, _| json!({})),
        ("POST", "/fn/credentials/replace-external") => {
            with_object(Object::External, |_, id| json!({ "id": id, "request": aws_secrets() })).of_external()
        }
        ("POST", "/fn/credentials/test") => with_object(Object::General, |_, id| json!({ "id": id })).of_general(),
        ("POST", "/fn/instances/list") => plain(|_, _| json!({})),
        ("POST", "/fn/invitations/create") => {
            with_object(Object::Role, |fixtures, role| json!({ "email": format!("{}@acme.test", fixtures.unique_name()), "role": role }))
        }
        ("POST", "/fn/invitations/renew" | "/fn/invitations/withdraw") => with_object(Object::Invitation, |_, id| json!({ "id": id })),
        ("POST", "/fn/issued/reveal") => with_object(Object::IssuedKey, |_, id| json!({ "id": id })),
        ("POST", "/fn/keys/bulk") => {
            with_object(Object::Key, |_, id| json!({ "action": "delete", "ids": [id] })).of(KeyKind::Agent).skipping_missing()
        }
        ("POST", "/fn/keys/create") => {
            plain(|fixtures, _| json!({ "request": { "kind": "agent", "name": fixtures.unique_name() } })).of(KeyKind::Agent)
        }
        ("POST", "/fn/keys/edit") => {
            with_object(Object::Key, |fixtures, id| json!({ "id": id, "patch": { "name": fixtures.unique_name() } })).of(KeyKind::Agent)
        }
        ("POST", "/fn/keys/get") => with_object(Object::Key, |_, id| json!({ "id": id })).of(KeyKind::Agent),
        ("POST", "/fn/keys/ids") => {
            with_object(Object::Listing, |_, listing| json!({ "anchor": { "index": 0, "cursor": listing }, "first": 0, "limit": 1 }))
        }
        ("POST", "/fn/keys/rows") => {
            with_object(Object::Listing, |_, listing| json!({ "request": { "anchor": { "index": 0, "cursor": listing }, "first": 0, "limit": 1 } }))
        }
        ("POST", "/fn/keys/count" | "/fn/keys/recent-use") => with_object(Object::Listing, |_, listing| json!({ "listing": listing })),
        ("POST", "/fn/keys/open") => {
            plain(|_, _| json!({ "query": { "kind": "agent", "search": "", "sort": { "column": "name", "descending": false } } })).of(KeyKind::Agent)
        }
        ("POST", "/fn/keys/models" | "/fn/organization/budgets") => plain(|_, _| json!({})),
        ("POST", "/fn/keys/rotate") => with_object(Object::Key, |_, id| json!({ "id": id, "grace_seconds": 0 })).of(KeyKind::Agent),
        ("POST", "/fn/members/disable") => with_object(Object::Member, |_, id| json!({ "id": id, "receiver": null })),
        ("POST", "/fn/members/enable") => with_object(Object::Member, |_, id| json!({ "id": id })),
        ("POST", "/fn/members/grantors") => plain(|_, _| json!({ "permission": "manage_organization" })),
        ("POST", "/fn/members/list") => plain(|_, _| json!({})),
        ("POST", "/fn/members/set-budget") => with_object(Object::Member, |_, id| json!({ "user": id, "budget": budget() })),
        ("POST", "/fn/members/set-role") => with_object(Object::Member, |fixtures, id| json!({ "id": id, "role": fixtures.unprivileged_role() })),
        ("GET", "/events") => plain(|_, _| Value::Null),
        ("POST", "/fn/issued/list") => with_object(
            Object::Project,
            |_, id| json!({ "query": { "project": id, "period": { "period": "30d", "from": "", "to": "" }, "sort": "received", "page": 1, "rows": 10 } }),
        ),
        ("POST", "/fn/issued/revoke") => with_object(Object::IssuedKey, |_, id| json!({ "id": id })),
        ("POST", "/fn/issued/set-disabled") => with_object(Object::IssuedKey, |_, id| json!({ "id": id, "disabled": true })),
        ("POST", "/fn/notifications/list") => plain(|_, _| json!({})),
        ("POST", "/fn/notifications/mark-read") => plain(|_, _| json!({ "from": 0, "up_to": 1 })),
        ("POST", "/fn/profile/change-password") => plain(|_, _| json!({ "current": PASSWORD, "password": PASSWORD })),
        ("POST", "/fn/profile/end-session") => with_object(Object::Session, |_, id| json!({ "id": id })),
        ("POST", "/fn/profile/rename") => plain(|fixtures, _| json!({ "name": fixtures.unique_name() })),
        ("POST", "/fn/profile/end-other-sessions" | "/fn/profile/sessions") => plain(|_, _| json!({})),
        ("POST", "/fn/organization/edit") => plain(|_, _| json!({ "name": "acme", "currency": "USD" })),
        ("POST", "/fn/organization/set-agent-budget" | "/fn/organization/set-budget") => plain(|_, _| json!({ "budget": budget() })),
        ("POST", "/fn/organization/set-call-log-days") => plain(|_, _| json!({ "days": 7 })),
        ("POST", "/fn/organization/get" | "/fn/overview/get" | "/fn/keys/totals") => plain(|_, _| json!({})),
        ("POST", "/fn/providers/create") => plain(|fixtures, _| json!({ "request": new_provider(fixtures) })),
        ("POST", "/fn/providers/create-alias") => {
            plain(|fixtures, _| json!({ "request": { "name": fixtures.unique_name(), "targets": fixtures.targets() } }))
        }
        ("POST", "/fn/providers/create-model") => {
            with_object(Object::Provider, |fixtures, id| json!({ "provider": id, "request": { "name": fixtures.unique_name() } }))
        }
        ("POST", "/fn/providers/delete") => with_object(Object::Provider, |_, id| json!({ "id": id })),
        ("POST", "/fn/providers/delete-alias") => with_object(Object::Alias, |_, id| json!({ "id": id })),
        ("POST", "/fn/providers/delete-model") => with_object(Object::Model, |_, id| json!({ "id": id })),
        ("POST", "/fn/providers/edit") => with_object(Object::Provider, |fixtures, id| json!({ "id": id, "request": new_provider(fixtures) })),
        ("POST", "/fn/providers/edit-alias") => with_object(
            Object::Alias,
            |fixtures, id| json!({ "id": id, "request": { "name": fixtures.unique_name(), "targets": fixtures.targets() } }),
        ),
        ("POST", "/fn/providers/edit-model") => {
            with_object(Object::Model, |fixtures, id| json!({ "id": id, "request": { "name": fixtures.unique_name() } }))
        }
        // The provider is at an address that is not called.
        ("POST", "/fn/providers/offered-models") => with_object(Object::Provider, |_, id| json!({ "provider": id })).invalid(),
        // Without a prompt.
        ("POST", "/console/models/try") => plain(|_, _| json!({ "model": "gpt" })).invalid(),
        ("POST", "/fn/providers/list") => plain(|_, _| json!({})),
        ("POST", "/fn/access-requests/approve") => with_object(Object::Request, |_, id| json!({ "id": id })),
        ("POST", "/fn/access-requests/create") => with_object(Object::Template, |_, id| json!({ "template": id })),
        ("POST", "/fn/access-requests/reject") => with_object(Object::Request, |_, id| json!({ "id": id, "comment": "" })),
        ("POST", "/fn/access-requests/cards") => with_object(Object::Project, |_, id| json!({ "project": id })),
        ("POST", "/fn/access-requests/withdraw") => with_object(Object::OwnRequest, |_, id| json!({ "id": id })),
        ("POST", "/fn/roles/create") => plain(|fixtures, _| json!({ "name": fixtures.unique_name(), "permissions": [] })),
        ("POST", "/fn/roles/delete") => with_object(Object::Role, |_, id| json!({ "id": id })),
        ("POST", "/fn/roles/edit") => {
            with_object(Object::Role, |fixtures, id| json!({ "id": id, "name": fixtures.unique_name(), "permissions": [] }))
        }
        ("POST", "/fn/roles/list") => plain(|_, _| json!({})),
        ("POST", "/fn/services/create") => plain(|fixtures, _| json!({ "request": new_service_request(fixtures) })),
        ("POST", "/fn/services/delete") => with_object(Object::Service, |_, id| json!({ "id": id })),
        ("POST", "/fn/services/edit") => with_object(Object::Service, |fixtures, id| json!({ "id": id, "request": new_service_request(fixtures) })),
        ("POST", "/fn/services/list") => plain(|_, _| json!({})),
        ("POST", "/fn/templates/add-field") => with_object(Object::Template, |_, id| json!({ "template": id })),
        ("POST", "/fn/templates/create" | "/fn/templates/page") => with_object(Object::Project, |_, id| json!({ "project": id })),
        ("POST", "/fn/templates/delete") => with_object(Object::Template, |_, id| json!({ "id": id })),
        ("POST", "/fn/templates/delete-field") => with_object(Object::Field, |_, id| json!({ "id": id })),
        ("POST", "/fn/templates/edit") => {
            with_object(Object::Template, |_, id| json!({ "id": id, "edit": { "which": "price", "before": "0", "after": "1" } }))
        }
        ("POST", "/fn/templates/edit-field") => {
            with_object(Object::Field, |_, id| json!({ "id": id, "edit": { "which": "value", "before": "", "after": "1" } }))
        }

        (
            "GET",
            "/.well-known/jwks.json"
            | "/.well-known/latchkey-receipts.json"
            | "/healthz"
            | "/metrics"
            | "/openapi.json"
            | "/readyz"
            | "/api/v1/corpora"
            | "/api/v1/openapi.json"
            | "/api/v1/whoami",
        ) => plain(|_, _| Value::Null),
        ("POST", "/api/v1/corpora") => plain(|fixtures, _| json!({ "name": fixtures.unique_name() })),
        ("GET" | "DELETE", "/api/v1/corpora/{id}")
        | ("DELETE", "/api/v1/corpora/{id}/upstream" | "/api/v1/corpora/{id}/documents/{document_id}")
        | ("GET", "/api/v1/corpora/{id}/documents") => with_object(Object::Corpus, |_, _| Value::Null),
        ("PUT", "/api/v1/corpora/{id}/upstream") => with_object(Object::Corpus, |_, _| new_upstream()),
        ("POST", "/api/v1/corpora/{id}/documents") => {
            with_object(Object::Corpus, |_, _| json!({ "documents": [{ "id": "b", "sections": ["text"] }] }))
        }
        ("POST", "/api/v1/corpora/{id}/search") => with_object(Object::Corpus, |_, _| json!({ "query": "text" })),
        ("GET", "/api/v1/credentials") => plain(|_, _| Value::Null),
        ("POST", "/api/v1/credentials") => {
            plain(|fixtures, _| json!({ "kind": "general", "name": fixtures.unique_name(), "value": "sk-0123456789" })).of_general()
        }
        ("GET" | "DELETE", "/api/v1/credentials/{id}") | ("POST", "/api/v1/credentials/{id}/test") => {
            with_object(Object::General, |_, _| Value::Null).of_general()
        }
        ("PATCH", "/api/v1/credentials/{id}") => with_object(Object::General, |fixtures, _| json!({ "name": fixtures.unique_name() })).of_general(),
        ("GET", "/api/v1/keys") => plain(|_, _| Value::Null).of(KeyKind::Agent),
        ("POST", "/api/v1/keys") => plain(|fixtures, _| json!({ "kind": "agent", "name": fixtures.unique_name() })).of(KeyKind::Agent),
        ("POST", "/api/v1/keys/import") => {
            plain(|fixtures, _| json!({ "name": "a", "sha256": format!("{:0>64}", fixtures.unique_name().replace('n', "")) })).of(KeyKind::Client)
        }
        ("GET" | "DELETE", "/api/v1/keys/{id}") => with_object(Object::Key, |_, _| Value::Null).of(KeyKind::Agent),
        ("PATCH", "/api/v1/keys/{id}") => with_object(Object::Key, |fixtures, _| json!({ "name": fixtures.unique_name() })).of(KeyKind::Agent),
        ("POST", "/api/v1/keys/{id}/disable" | "/api/v1/keys/{id}/enable") => with_object(Object::Key, |_, _| Value::Null).of(KeyKind::Agent),
        ("POST", "/api/v1/keys/{id}/rotate") => with_object(Object::Key, |_, _| json!({ "grace_seconds": 0 })).of(KeyKind::Agent),
        ("GET", "/api/v1/projects/{id}" | "/api/v1/projects/{id}/nodes" | "/api/v1/projects/{id}/revoked") => {
            with_object(Object::Project, |_, _| Value::Null)
        }
        ("GET", "/api/v1/aliases" | "/api/v1/calls" | "/api/v1/models" | "/api/v1/providers" | "/api/v1/usage") => plain(|_, _| Value::Null),
        ("GET", "/api/v1/calls/{id}/bodies") => with_object(Object::CallBodies, |_, _| Value::Null),
        ("POST", "/api/v1/aliases") => plain(|fixtures, _| json!({ "name": fixtures.unique_name(), "targets": fixtures.targets() })),
        ("GET" | "DELETE", "/api/v1/aliases/{id}") => with_object(Object::Alias, |_, _| Value::Null),
        ("PATCH", "/api/v1/aliases/{id}") => with_object(Object::Alias, |fixtures, _| json!({ "name": fixtures.unique_name() })),
        ("GET" | "DELETE", "/api/v1/models/{id}") => with_object(Object::Model, |_, _| Value::Null),
        ("PATCH", "/api/v1/models/{id}") => with_object(Object::Model, |fixtures, _| json!({ "name": fixtures.unique_name() })),
        ("POST", "/api/v1/providers") => plain(|fixtures, _| new_provider(fixtures)),
        ("GET" | "DELETE", "/api/v1/providers/{id}") => with_object(Object::Provider, |_, _| Value::Null),
        ("PATCH", "/api/v1/providers/{id}") => with_object(Object::Provider, |fixtures, _| json!({ "name": fixtures.unique_name() })),
        ("POST", "/api/v1/providers/{id}/models") => with_object(Object::Provider, |fixtures, _| json!({ "name": fixtures.unique_name() })),
        ("GET", "/api/v1/receipts/{id}") => with_object(Object::Receipt, |_, _| Value::Null),
        ("GET", "/api/v1/services") => plain(|_, _| Value::Null),
        ("POST", "/api/v1/services") => {
            plain(|fixtures, _| json!({ "name": fixtures.unique_name(), "base_url": "https://api.example.test", "injection": { "type": "bearer" } }))
        }
        ("GET" | "DELETE", "/api/v1/services/{id}") => with_object(Object::Service, |_, _| Value::Null),
        ("PATCH", "/api/v1/services/{id}") => with_object(Object::Service, |fixtures, _| json!({ "name": fixtures.unique_name() })),
        ("POST", "/api/v1/verify") => plain(|_, _| json!({ "key": "lka_unknown" })),
        ("POST", "/api/v1/verify-batch") => plain(|_, _| json!({ "keys": [{ "key": "lka_unknown" }] })),
        _ => return of_projects(route),
    };
    Some(example)
}

/// Examples of routes of projects and their resources.
fn of_projects(route: &Route) -> Option<Example> {
    let example = match (route.method.as_str(), route.path.as_str()) {
        ("POST", "/fn/projects/add-member") => with_object(Object::NonMember, |fixtures, ids| {
            let (id, user) = id_pair(ids);
            json!({ "id": id, "user": user, "role": fixtures.unprivileged_role() })
        }),
        ("POST", "/fn/projects/resources") => with_object(Object::Project, |_, id| json!({ "id": id })),
        ("POST", "/fn/projects/create-node") => with_object(Object::Project, |fixtures, id| json!({ "id": id, "name": fixtures.unique_name() })),
        ("POST", "/fn/projects/create-secret") => {
            with_object(Object::Project, |fixtures, id| json!({ "id": id, "name": fixtures.unique_name(), "value": "a" }))
        }
        ("POST", "/fn/projects/delete-node") => with_object(Object::Node, |_, ids| json!({ "id": id_pair(ids).0, "node": node(ids) })),
        ("POST", "/fn/projects/rename-node") => {
            with_object(Object::Node, |fixtures, ids| json!({ "id": id_pair(ids).0, "node": node(ids), "name": fixtures.unique_name() }))
        }
        ("POST", "/fn/projects/delete-secret") => {
            with_object(Object::ProjectSecret, |_, ids| json!({ "id": id_pair(ids).0, "secret": id_pair(ids).1 }))
        }
        ("POST", "/fn/projects/replace-secret") => {
            with_object(Object::ProjectSecret, |_, ids| json!({ "id": id_pair(ids).0, "secret": id_pair(ids).1, "value": "b" }))
        }
        ("POST", "/fn/projects/import") => with_object(Object::RevealedKey, |_, ids| {
            let (project, (key, token)) = (id_pair(ids).0, id_pair(id_pair(ids).1));
            json!({ "project": project, "key": key, "token": token, "prefix": "p" })
        }),
        ("POST", "/fn/projects/import-preview") => {
            with_object(Object::UserKey, |_, ids| json!({ "project": id_pair(ids).0, "key": id_pair(ids).1, "prefix": "p" }))
        }
        ("POST", "/fn/projects/remove-member") => {
            with_object(Object::ProjectMember, |_, ids| json!({ "id": id_pair(ids).0, "user": id_pair(ids).1 }))
        }
        ("POST", "/fn/projects/set-member-role") => with_object(
            Object::ProjectMember,
            |fixtures, ids| json!({ "id": id_pair(ids).0, "user": id_pair(ids).1, "role": fixtures.unprivileged_role() }),
        ),
        ("POST", "/fn/projects/create") => plain(|fixtures, _| json!({ "request": new_project(fixtures) })),
        ("POST", "/fn/projects/edit") => with_object(Object::Project, |fixtures, id| json!({ "id": id, "request": new_project(fixtures) })),
        ("POST", "/fn/projects/get" | "/fn/projects/delete") => with_object(Object::Project, |_, id| json!({ "id": id })),
        ("POST", "/fn/projects/list") => plain(|_, _| json!({})),
        ("GET", "/api/v1/projects/{id}/samples") => with_object(Object::Project, |_, _| Value::Null),
        ("GET", "/api/v1/projects/{id}/samples/{sample}/content" | "/samples/content/{project}/{sample}") => {
            with_object(Object::Sample, |_, _| Value::Null)
        }
        ("POST", "/api/v1/projects/{id}/samples/imports") => {
            with_object(Object::Project, |_, _| json!({ "query": { "source": "local" }, "files": [{ "name": "a", "size": 1 }] }))
        }
        ("GET" | "DELETE", "/api/v1/projects/{id}/samples/imports/{import}") => with_object(Object::Import, |_, _| Value::Null),
        // The text of this JSON is the one byte of the file.
        ("PUT", "/api/v1/projects/{id}/samples/imports/{import}/files/{position}" | "/samples/upload/{project}/{import}/{position}") => {
            with_object(Object::Import, |_, _| json!(7))
        }
        ("GET", "/api/v1/projects/{id}/secrets") => with_object(Object::Project, |_, _| Value::Null),
        ("GET", "/api/v1/projects/{id}/secrets/{name}") => with_object(Object::SecretName, |_, _| Value::Null),
        ("POST", "/fn/samples/list") => with_object(Object::Project, |_, id| json!({ "project": id, "search": "", "after": null })),
        // There is no key of this provider.
        ("POST", "/fn/samples/source") => {
            with_object(Object::Project, |_, id| json!({ "project": id, "query": { "source": "aws", "container": "genomes" } })).invalid()
        }
        ("POST", "/fn/samples/import") => with_object(Object::Project, |_, id| json!({ "project": id, "request": new_import() })),
        ("POST", "/fn/samples/import-details" | "/fn/samples/stop" | "/fn/samples/retry") => {
            with_object(Object::Import, |_, ids| json!({ "project": id_pair(ids).0, "id": id_pair(ids).1 }))
        }
        ("POST", "/fn/samples/delete") => with_object(Object::Sample, |_, ids| json!({ "project": id_pair(ids).0, "ids": [id_pair(ids).1] })),
        // The caller's valid key is also the key to verify.
        (_, "/api/v1/forward-auth") => plain(|_, _| Value::Null),
        ("POST", "/v2/keys.verifyKey") => plain(|_, _| json!({ "key": "lka_x" })),
        _ => return None,
    };
    Some(example)
}

/// The path of a route with the ids of an object.
pub fn path_of(route: &Route, ids: &str) -> String {
    let (first, second) = id_pair(ids);
    let path = route.path.replace("{id}", first).replace("{project}", first);
    let path = ["{name}", "{import}", "{sample}"].iter().fold(path, |path, parameter| path.replace(parameter, second));
    path.replace("{position}", "0?offset=0").replace("{document_id}", DOCUMENT)
}

/// Splits the two ids of an object that has two.
pub fn id_pair(ids: &str) -> (&str, &str) {
    ids.split_once(' ').unwrap_or((ids, ""))
}

fn node(ids: &str) -> i64 {
    id_pair(ids).1.parse().unwrap()
}

fn new_external() -> Value {
    json!({ "label": "files", "provider": "dnanexus", "key": "0123456789abcdef0123456789abcdef", "secret": "", "region": "", "expiry": { "Days": 30 } })
}

fn aws_secrets() -> Value {
    json!({ "key": "AKIAIOSFODNN7EXAMPLE", "secret": "wJalrXUtnFEMI", "region": "eu-central-1", "expiry": { "Days": 30 } })
}

pub fn new_aws_key() -> Value {
    let mut request = aws_secrets();
    request["label"] = json!("bucket");
    request["provider"] = json!("aws");
    request
}

fn budget() -> Value {
    json!({ "limit": 1_000_000_000, "unit": "usd", "period": "month" })
}

pub fn new_provider(fixtures: &Fixtures) -> Value {
    // This machine, which is not called without `--allow-outgoing`.
    json!({ "name": fixtures.unique_name(), "style": "openai", "base_url": "https://127.0.0.1/v1" })
}

/// The request of the page, without a credential, so that *Manage Services* is enough.
pub fn new_service_request(fixtures: &Fixtures) -> Value {
    json!({
        "name": fixtures.unique_name(),
        "base_url": "https://api.example.test",
        "injection": "Bearer",
        "credential": null,
        "allow": [{ "method": "GET", "path": "/**" }],
        "callers": [{ "kind": "client", "scope": null }],
        "timeout_seconds": 60,
        "body_max": 1024,
    })
}

/// The id of the document in the corpora of the fixtures: the name of its file.
pub const DOCUMENT: &str = "a.txt";

pub fn new_upstream() -> Value {
    json!({ "base_url": "https://corpora.example.test", "customer_id": "1", "corpus_id": "2" })
}

pub fn new_project(fixtures: &Fixtures) -> Value {
    json!({ "name": fixtures.unique_name(), "description": "", "visibility": "members" })
}

fn new_import() -> Value {
    let file = json!({ "name": "a.fastq", "location": "", "size": 1, "etag": "", "modified_at": null });
    json!({ "mode": "single", "query": { "source": "local", "container": "" }, "files": [file] })
}
