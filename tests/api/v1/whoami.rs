//! `GET /api/v1/whoami`.

use reqwest::StatusCode;
use serde_json::json;

use crate::support::{TestServer, text};

#[tokio::test]
async fn response_describes_key_owner_and_current_permissions() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    server.user("viewer", "acme").await;
    let api = server.api("viewer@acme.test", "keys:read,verify");
    let (status, whoami) = api.get("/whoami").await;
    assert_eq!(status, StatusCode::OK, "{whoami}");
    assert_eq!(
        (&whoami["key"]["name"], &whoami["key"]["kind"], &whoami["key"]["scopes"]),
        (&json!("test"), &json!("internal"), &json!(["keys:read", "verify"]))
    );
    assert!(whoami["key"]["id"].as_str().unwrap().starts_with("key_") && whoami["key"]["expires_at"].is_string());
    assert_eq!(whoami["organization"]["name"], "acme");
    assert!(whoami["organization"]["customer_id"].is_i64());
    assert_eq!(whoami["user"]["name"], "viewer of acme");
    assert_eq!(whoami["user"]["permissions"], json!(["view_keys", "view_project"]));
    assert!(!whoami.to_string().contains(&api.key));

    // A changed role takes effect immediately.
    let (_, roles) = owner.call("roles/list", json!({})).await;
    let admin = roles["roles"].as_array().or(roles.as_array()).unwrap().iter().find(|role| role["name"] == "admin").unwrap()["id"].clone();
    let (status, body) = owner.call("members/set-role", json!({ "id": whoami["user"]["id"], "role": admin })).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (_, whoami) = api.get("/whoami").await;
    assert!(whoami["user"]["permissions"].as_array().unwrap().contains(&json!("manage_members")), "{whoami}");

    let (status, problem) = api.with_key("lki_unknown").get("/whoami").await;
    assert_eq!((status, text(&problem["code"])), (StatusCode::UNAUTHORIZED, "invalid_api_key".to_owned()));
    let (_, agent) = owner.agent_key("an agent").await;
    assert_eq!(api.with_key(&agent).get("/whoami").await.1["code"], "wrong_kind");
}
