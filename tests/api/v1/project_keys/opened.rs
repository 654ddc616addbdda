//! What project keys open, and where nobody knows them.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::Desk;
use crate::support::projects::project;

#[tokio::test]
async fn a_project_opens_to_its_own_keys_and_to_those_who_see_it() {
    let desk = Desk::open().await;
    let sql = "insert into nodes (project_id, id, name, name_folded, unique_name, created_by, created_at, deleted_at) \
         select p.id, n.id, n.name, n.name, n.name, p.created_by, 0, n.gone from projects p, \
         (select 1 as id, 'input' as name, null as gone union all select 2, 'gone', 1 union all select 3, 'output', null) n where p.id = $1";
    desk.change(sql, &desk.project).await;
    let (path, nodes) = (format!("/projects/{}", desk.project), format!("/projects/{}/nodes", desk.project));
    for api in [desk.api.with_key(&desk.token), desk.api.clone()] {
        let (status, told) = api.get(&path).await;
        assert_eq!((status, &told["id"], &told["name"]), (StatusCode::OK, &json!(desk.project), &json!("Genomes")), "{told}");
        let fields: Vec<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["created_at", "description", "id", "name", "visibility"]);
        assert_eq!(api.get(&nodes).await, (StatusCode::OK, json!({ "items": [{ "id": 1, "name": "input" }, { "id": 3, "name": "output" }] })));
    }
    let bearer = desk.api.with_key("").request(Method::GET, &path).header("x-api-key", "").bearer_auth(&desk.token).send().await.unwrap();
    assert_eq!(bearer.status(), StatusCode::BAD_REQUEST, "two keys, one of them blank");

    // Keys of other projects and of other kinds, and nothing else of the API.
    let other = project(&desk.owner, "Another").await;
    let with_token = desk.api.with_key(&desk.token);
    for id in [other.as_str(), "prj_00000000000070008000000000000000", "x"] {
        let (status, problem) = with_token.get(&format!("/projects/{id}")).await;
        assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("wrong_project")), "{id}");
    }
    let (_, agent) = desk.owner.agent_key("a").await;
    for path in [&path, &nodes] {
        assert_eq!(desk.api.with_key(&agent).get(path).await.1["code"], "wrong_kind");
    }
    for path in ["/keys", "/corpora", "/credentials", &format!("{path}/revoked")] {
        let (status, problem) = with_token.get(path).await;
        assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("wrong_kind")), "{path}");
    }
    // A platform key sees what its maker sees.
    desk.server.user("member", "acme").await;
    let member = desk.server.api("member@acme.test", "keys:read,verify");
    assert_eq!(member.get(&path).await.0, StatusCode::OK);
    desk.change("update projects set visibility = 'members' where id = $1", &desk.project).await;
    for path in [&path, &nodes, &format!("{path}/revoked")] {
        assert_eq!(member.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    let verifier = desk.server.api("owner@acme.test", "verify");
    assert_eq!(verifier.get(&path).await.1["code"], "insufficient_scope");
    assert_eq!(desk.server.api("owner@acme.test", "keys:read").get(&format!("{path}/revoked")).await.1["code"], "insufficient_scope");
}

#[tokio::test]
async fn the_general_routes_do_not_know_project_keys() {
    let desk = Desk::open().await;
    let (_, all) = desk.api.get("/keys").await;
    assert!(all["items"].as_array().unwrap().iter().all(|key| key["kind"] == "platform"), "{all}");
    let (status, refused) = desk.api.get("/keys?kind=project").await;
    assert_eq!((status, &refused["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("kind")));
    let path = format!("/keys/{}", desk.key);
    for (method, path, body) in [
        (Method::GET, path.clone(), None),
        (Method::PATCH, path.clone(), Some(json!({ "name": "mine" }))),
        (Method::POST, format!("{path}/disable"), None),
        (Method::POST, format!("{path}/enable"), None),
        (Method::POST, format!("{path}/rotate"), Some(json!({ "grace_seconds": 0 }))),
        (Method::DELETE, path, None),
    ] {
        assert_eq!(desk.api.call(method.clone(), &path, body).await.0, StatusCode::NOT_FOUND, "{method} {path}");
    }
    for (function, arguments) in
        [("keys/edit", json!({ "id": desk.key, "edited": { "name": "mine" } })), ("keys/rotate", json!({ "id": desk.key, "grace_seconds": 0 }))]
    {
        assert_eq!(desk.owner.call(function, arguments).await.0, StatusCode::NOT_FOUND, "{function}");
    }
    let query = |kind: &str| json!({ "query": { "kind": kind, "search": "", "sort": { "column": "name", "descending": false } } });
    let (status, refused) = desk.owner.call("keys/open", query("project")).await;
    assert_eq!((status, &refused["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("kind")));
    for action in ["disable", "delete"] {
        let (_, outcome) = desk.owner.call("keys/act", json!({ "action": action, "ids": [desk.key] })).await;
        assert_eq!(outcome, json!({ "done": 0, "left": 1 }), "{action}");
    }
    assert_eq!(desk.api.verify(&desk.token).await, "VALID");
}
