//! Access of project keys, and routes that exclude them.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::Fixture;
use crate::support::projects::create_project;

#[tokio::test]
async fn project_is_readable_by_its_keys_and_its_viewers() {
    let fixture = Fixture::start().await;
    let sql = "insert into project_nodes (project_id, id, name, name_folded, unique_name, created_by, created_at, deleted_at) \
         select p.id, n.id, n.name, n.name, n.name, p.created_by, 0, n.deleted_at from projects p, \
         (select 1 as id, 'input' as name, null as deleted_at union all select 2, 'deleted', 1 union all select 3, 'output', null) n where p.id = $1";
    fixture.change(sql, &fixture.project).await;
    let (path, nodes) = (format!("/projects/{}", fixture.project), format!("/projects/{}/nodes", fixture.project));
    for api in [fixture.api.with_key(&fixture.token), fixture.api.clone()] {
        let (status, body) = api.get(&path).await;
        assert_eq!((status, &body["id"], &body["name"]), (StatusCode::OK, &json!(fixture.project), &json!("Genomes")), "{body}");
        let fields: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["created_at", "description", "id", "name", "visibility"]);
        assert_eq!(api.get(&nodes).await, (StatusCode::OK, json!({ "items": [{ "id": 1, "name": "input" }, { "id": 3, "name": "output" }] })));
    }
    let bearer = fixture.api.with_key("").request(Method::GET, &path).header("x-api-key", "").bearer_auth(&fixture.token).send().await.unwrap();
    assert_eq!(bearer.status(), StatusCode::BAD_REQUEST, "two keys, one of them empty");

    // Other projects, keys of other kinds, and other routes are rejected.
    let other = create_project(&fixture.owner, "Another").await;
    let with_token = fixture.api.with_key(&fixture.token);
    for id in [other.as_str(), "prj_00000000000070008000000000000000", "x"] {
        let (status, problem) = with_token.get(&format!("/projects/{id}")).await;
        assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("wrong_project")), "{id}");
    }
    let (_, agent) = fixture.owner.agent_key("a").await;
    for path in [&path, &nodes] {
        assert_eq!(fixture.api.with_key(&agent).get(path).await.1["code"], "wrong_kind");
    }
    for path in ["/keys", "/corpora", "/credentials", &format!("{path}/revoked")] {
        let (status, problem) = with_token.get(path).await;
        assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("wrong_kind")), "{path}");
    }
    // An internal key has access to the projects of its creator.
    fixture.server.user("member", "acme").await;
    let member = fixture.server.api("member@acme.test", "keys:read,verify");
    assert_eq!(member.get(&path).await.0, StatusCode::OK);
    fixture.change("update projects set visibility = 'members' where id = $1", &fixture.project).await;
    for path in [&path, &nodes, &format!("{path}/revoked")] {
        assert_eq!(member.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    let verifier = fixture.server.api("owner@acme.test", "verify");
    assert_eq!(verifier.get(&path).await.1["code"], "insufficient_scope");
    assert_eq!(fixture.server.api("owner@acme.test", "keys:read").get(&format!("{path}/revoked")).await.1["code"], "insufficient_scope");
}

#[tokio::test]
async fn general_routes_do_not_include_project_keys() {
    let fixture = Fixture::start().await;
    let (_, all) = fixture.api.get("/keys").await;
    assert!(all["items"].as_array().unwrap().iter().all(|key| key["kind"] == "internal"), "{all}");
    let (status, problem) = fixture.api.get("/keys?kind=project").await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("kind")));
    let path = format!("/keys/{}", fixture.key);
    for (method, path, body) in [
        (Method::GET, path.clone(), None),
        (Method::PATCH, path.clone(), Some(json!({ "name": "mine" }))),
        (Method::POST, format!("{path}/disable"), None),
        (Method::POST, format!("{path}/enable"), None),
        (Method::POST, format!("{path}/rotate"), Some(json!({ "grace_seconds": 0 }))),
        (Method::DELETE, path, None),
    ] {
        assert_eq!(fixture.api.call(method.clone(), &path, body).await.0, StatusCode::NOT_FOUND, "{method} {path}");
    }
    for (function, arguments) in
        [("keys/edit", json!({ "id": fixture.key, "patch": { "name": "mine" } })), ("keys/rotate", json!({ "id": fixture.key, "grace_seconds": 0 }))]
    {
        assert_eq!(fixture.owner.call(function, arguments).await.0, StatusCode::NOT_FOUND, "{function}");
    }
    let query = |kind: &str| json!({ "query": { "kind": kind, "search": "", "sort": { "column": "name", "descending": false } } });
    let (status, problem) = fixture.owner.call("keys/open", query("project")).await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("kind")));
    for action in ["disable", "delete"] {
        let (_, outcome) = fixture.owner.call("keys/bulk", json!({ "action": action, "ids": [fixture.key] })).await;
        assert_eq!(outcome, json!({ "done": 0, "left": 1 }), "{action}");
    }
    assert_eq!(fixture.api.verify(&fixture.token).await, "VALID");
}
