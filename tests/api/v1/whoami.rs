//! `GET /api/v1/whoami`.

use reqwest::StatusCode;
use serde_json::json;

use crate::support::{TestServer, text};

#[tokio::test]
async fn a_key_learns_whose_it_is_and_what_it_may_do_now() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    server.user("viewer", "acme").await;
    let api = server.api("viewer@acme.test", "keys:read,verify");
    let (status, who) = api.get("/whoami").await;
    assert_eq!(status, StatusCode::OK, "{who}");
    assert_eq!(
        (&who["key"]["name"], &who["key"]["kind"], &who["key"]["scopes"]),
        (&json!("test"), &json!("platform"), &json!(["keys:read", "verify"]))
    );
    assert!(who["key"]["id"].as_str().unwrap().starts_with("key_") && who["key"]["expires_at"].is_string());
    assert_eq!(who["organization"]["name"], "acme");
    assert!(who["organization"]["customer_id"].is_i64());
    assert_eq!(who["user"]["name"], "viewer of acme");
    assert_eq!(who["user"]["permissions"], json!(["view_keys", "view_project"]));
    assert!(!who.to_string().contains(&api.key));

    // It is told what counts now.
    let (_, roles) = owner.call("roles/list", json!({})).await;
    let admin = roles["roles"].as_array().or(roles.as_array()).unwrap().iter().find(|role| role["name"] == "admin").unwrap()["id"].clone();
    let (status, told) = owner.call("members/set-role", json!({ "id": who["user"]["id"], "role": admin })).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let (_, who) = api.get("/whoami").await;
    assert!(who["user"]["permissions"].as_array().unwrap().contains(&json!("manage_members")), "{who}");

    let (status, problem) = api.with_key("lkp_unknown").get("/whoami").await;
    assert_eq!((status, text(&problem["code"])), (StatusCode::UNAUTHORIZED, "invalid_api_key".to_owned()));
    let (_, agent) = owner.agent_key("an agent").await;
    assert_eq!(api.with_key(&agent).get("/whoami").await.1["code"], "wrong_kind");
}
