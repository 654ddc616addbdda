//! Imports from S3 that fail, are stopped or are large, from a local server.

use axum::body::Bytes;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{AWS_KEY, IMPORT_LIMIT, Owner, REGION, names, reaches, stored, used};
use crate::support::{
    TestServer, eventually,
    projects::create_project,
    s3::{BUCKET, FakeS3},
    storage::{CHUNK, content},
    text, within,
};

fn sequences() -> Value {
    json!({ "source": "aws", "container": BUCKET, "prefix": "", "pattern": "" })
}

async fn start_with(s3: &FakeS3) -> (TestServer, Owner) {
    let server = TestServer::start_with(|options| s3.configure(options)).await;
    let owner = Owner::of(&server).await;
    (server, owner)
}

#[tokio::test]
async fn every_name_of_an_object_is_kept() {
    const NAMES: [&str; 8] =
        ["ü +%2F&<a>.txt", "/leading.txt", "a//b.txt", "../up.txt", "a?b#c.txt", "tail/", "\"quoted\"\\.txt", "line\nbreak\u{202e}txt.exe"];
    let s3 = FakeS3::start().await;
    for (seed, name) in (1..).zip(NAMES) {
        s3.put(name, content(5, seed));
    }
    let (server, owner) = start_with(&s3).await;
    owner.add_key("aws", AWS_KEY.0, AWS_KEY.1, REGION).await;
    let listing = owner.listing(&sequences()).await;
    assert_eq!(names(&listing).len(), NAMES.len(), "{listing}");
    let import = owner.import(&sequences()).await;
    let ended = owner.ended(&import).await;
    for (seed, name) in (1..).zip(NAMES) {
        let file = ended["files"].as_array().unwrap().iter().find(|file| file["name"] == name).unwrap_or_else(|| panic!("{name}: {ended}"));
        if name.starts_with("..") {
            // No URL names this object.
            assert_eq!(file["state"], "failed", "{file}");
        } else {
            assert_eq!(file["state"], "complete", "{file}");
            owner.assert_sample(name, &content(5, seed)).await;
        }
    }
    assert_eq!(stored(server.data.path()), (NAMES.len() - 1, 5 * (NAMES.len() as u64 - 1)), "nothing is stored elsewhere");
}

#[tokio::test]
async fn a_bucket_elsewhere_or_closed_is_reported() {
    let s3 = FakeS3::start().await;
    s3.put("a.txt", content(5, 1));
    let (_server, owner) = start_with(&s3).await;
    owner.add_key("aws", AWS_KEY.0, AWS_KEY.1, REGION).await;
    s3.move_to("eu-west-1");
    let (status, field, message) = owner.refusal(&sequences()).await;
    assert_eq!((status, field.as_str()), (422, "query.container"));
    assert!(message.contains("eu-west-1"), "{message}");
    s3.refuse(403, "AccessDenied");
    let (status, field, message) = owner.refusal(&sequences()).await;
    assert_eq!((status, field.as_str()), (422, "query.container"), "{message}");
    s3.accept();
    assert_eq!(names(&owner.listing(&sequences()).await), ["a.txt"]);
}

#[tokio::test]
async fn private_addresses_are_not_reached() {
    let s3 = FakeS3::start().await;
    s3.put("a.txt", content(5, 1));
    let server = TestServer::start_with(|options| options.outgoing.aws_s3_url = Some(s3.url.parse().unwrap())).await;
    let owner = Owner::of(&server).await;
    owner.add_key("aws", AWS_KEY.0, AWS_KEY.1, REGION).await;
    let (_, field, message) = owner.refusal(&sequences()).await;
    assert!(field.starts_with("query."), "{field}: {message}");
    assert!(s3.take_reads().is_empty());
}

#[tokio::test]
async fn an_object_that_changes_while_it_is_read_fails() {
    let s3 = FakeS3::start().await;
    s3.put("a.bin", content(2 * CHUNK + 7, 1));
    s3.put("b.bin", content(5, 2));
    let (server, owner) = start_with(&s3).await;
    owner.add_key("aws", AWS_KEY.0, AWS_KEY.1, REGION).await;
    s3.gate.close_from(CHUNK);
    let import = owner.import(&sequences()).await;
    reaches(&s3.gate).await;
    s3.put("a.bin", content(2 * CHUNK + 7, 3));
    s3.gate.open();
    assert_eq!(owner.failed(&import, 1).await, ["The file changed during the import. Start a new import."]);
    assert_eq!(owner.samples().await.len(), 1);
    eventually("the content of the failed file is removed", async || stored(server.data.path()) == (1, 5)).await;
}

#[tokio::test]
async fn failed_files_are_tried_again() {
    let s3 = FakeS3::start().await;
    let (large, small) = (content(CHUNK + 7, 1), content(5, 2));
    s3.put("a.bin", large.clone());
    s3.put("b.bin", small.clone());
    let (_server, owner) = start_with(&s3).await;
    owner.add_key("aws", AWS_KEY.0, AWS_KEY.1, REGION).await;
    s3.gate.close_from(CHUNK);
    let import = owner.import(&sequences()).await;
    reaches(&s3.gate).await;
    eventually("the small file is complete", async || owner.details(&import).await["complete"] == 1).await;
    s3.refuse(403, "AccessDenied");
    s3.gate.open();
    let [error] = &owner.failed(&import, 1).await[..] else { panic!("one error") };
    assert!(error.ends_with('.') && !error.contains("a.bin"), "a sentence: {error}");
    // As long as it is refused, the outcome is the same.
    let (status, details) = owner.function("retry", json!({ "id": import })).await;
    assert_eq!(status, StatusCode::OK, "{details}");
    owner.failed(&import, 1).await;
    s3.accept();
    s3.take_reads();
    assert_eq!(owner.function("retry", json!({ "id": import })).await.0, StatusCode::OK);
    owner.finished(&import).await;
    assert_eq!(s3.take_reads(), [("a.bin".to_owned(), 0), ("a.bin".to_owned(), CHUNK)], "the complete file is not read again");
    owner.assert_sample("a.bin", &large).await;
    owner.assert_sample("b.bin", &small).await;
    assert_eq!(owner.samples().await.len(), 2);
}

#[tokio::test]
async fn an_import_waits_for_a_source_that_does_not_respond() {
    let s3 = FakeS3::start().await;
    let large = content(CHUNK + 7, 1);
    s3.put("a.bin", large.clone());
    let (_server, owner) = start_with(&s3).await;
    owner.add_key("aws", AWS_KEY.0, AWS_KEY.1, REGION).await;
    s3.gate.close_from(CHUNK);
    let import = owner.import(&sequences()).await;
    reaches(&s3.gate).await;
    s3.refuse(503, "SlowDown");
    s3.gate.open();
    // Six attempts for the second chunk, and another one after a pause.
    within(IMPORT_LIMIT, "the import is continued", async || s3.refusals() > 6).await;
    assert_eq!(owner.details(&import).await["state"], "running");
    s3.accept();
    owner.finished(&import).await;
    let (first, rest): (Vec<_>, Vec<_>) = s3.take_reads().into_iter().partition(|(_, first)| *first == 0);
    assert!(first.len() == 1 && rest.iter().all(|(_, first)| *first == CHUNK), "what is stored is not read again");
    owner.assert_sample("a.bin", &large).await;
}

#[tokio::test]
async fn an_import_is_stopped() {
    let s3 = FakeS3::start().await;
    s3.put("a.bin", content(2 * CHUNK, 1));
    s3.put("b.bin", content(5, 2));
    let (server, owner) = start_with(&s3).await;
    owner.add_key("aws", AWS_KEY.0, AWS_KEY.1, REGION).await;
    s3.gate.close_from(CHUNK);
    let import = owner.import(&sequences()).await;
    reaches(&s3.gate).await;
    eventually("the small file is complete", async || owner.details(&import).await["complete"] == 1).await;
    assert_eq!(owner.stop(&import).await, StatusCode::NO_CONTENT);
    assert_eq!(owner.details(&import).await["state"], "stopped");
    s3.gate.open();
    eventually("only the complete file stays", async || stored(server.data.path()) == (1, 5)).await;
    assert_eq!((owner.samples().await.len(), used(&owner).await), (1, 5));
    assert_eq!(owner.details(&import).await["state"], "stopped");
    assert_eq!(owner.stop(&import).await, StatusCode::NO_CONTENT, "it has ended");
}

/// How the right to read files ends in the middle of an import.
#[derive(Debug, Clone, Copy)]
enum End {
    KeyDeleted,
    KeyExpired,
    UserDisabled,
    RoleNarrowed,
}

#[tokio::test]
async fn an_import_ends_with_the_right_to_read() {
    let s3 = FakeS3::start().await;
    // More than one batch of chunks, and files that wait.
    for name in ["a", "b", "c", "d", "e", "f"] {
        s3.put(&format!("{name}.bin"), content(3 * CHUNK, 1));
    }
    let (server, admin) = start_with(&s3).await;
    let database = server.database().await;
    for end in [End::KeyDeleted, End::KeyExpired, End::UserDisabled, End::RoleNarrowed] {
        let (_, role) = admin.page.call("roles/create", json!({ "name": format!("{end:?}"), "permissions": IMPORTER })).await;
        let user = server.user("member", "acme").await;
        let email = format!("{end:?}@acme.test").to_lowercase();
        let sql = "update users set email = $1, email_folded = $1, role_id = $2 where email = 'member@acme.test'";
        sqlx::query(sql).bind(&email).bind(text(&role["id"])).execute(&database).await.unwrap();
        let project = create_project(&user, &format!("{end:?}")).await;
        let owner = Owner { page: user, api: server.api(&email, ""), project };
        let id = owner.add_key("aws", AWS_KEY.0, AWS_KEY.1, REGION).await;

        s3.gate.close_from(CHUNK);
        let import = owner.import(&sequences()).await;
        reaches(&s3.gate).await;
        match end {
            End::KeyDeleted => owner.delete_key(&id).await,
            End::KeyExpired => {
                sqlx::query("update credentials set expires_at = 1 where id = $1").bind(&id).execute(&database).await.unwrap();
            }
            End::UserDisabled => {
                let sql = "select id from users where email = $1";
                let user: String = sqlx::query_scalar(sql).bind(&email).fetch_one(&database).await.unwrap();
                let (status, response) = admin.page.call("members/disable", json!({ "id": user, "receiver": null })).await;
                assert_eq!(status, StatusCode::OK, "{response}");
            }
            End::RoleNarrowed => {
                let edit = json!({ "id": role["id"], "name": "narrowed", "permissions": [] });
                let (status, response) = admin.page.call("roles/edit", edit).await;
                assert_eq!(status, StatusCode::OK, "{response}");
            }
        }
        s3.gate.open();
        // The owner of the organization sees every project.
        let observer = Owner { project: owner.project, ..admin.clone() };
        let errors = observer.failed(&import, 6).await;
        assert!(errors.iter().all(|error| error.ends_with('.') && *error == errors[0]), "{end:?}: {errors:?}");
        assert_eq!((observer.samples().await.len(), used(&observer).await), (0, 0), "{end:?}");
        eventually("nothing of it stays", async || stored(server.data.path()) == (0, 0)).await;
    }
}

/// The permissions of a user who imports with their own external key and an internal key.
const IMPORTER: [&str; 4] = ["manage_api_keys", "manage_projects", "view_keys", "view_project"];

#[tokio::test]
async fn ten_thousand_objects_are_listed_and_imported() {
    let s3 = FakeS3::start().await;
    for number in 0..10_001 {
        s3.put(&format!("{number:05}.txt"), Bytes::from_static(b"a"));
    }
    let (_server, owner) = start_with(&s3).await;
    owner.add_key("aws", AWS_KEY.0, AWS_KEY.1, REGION).await;
    let listing = owner.listing(&sequences()).await;
    assert_eq!((names(&listing).len(), &listing["is_truncated"]), (10_000, &json!(true)));
    let query = json!({ "source": "aws", "container": BUCKET, "prefix": "0", "pattern": "" });
    let listing = owner.listing(&query).await;
    assert_eq!((names(&listing).len(), &listing["is_truncated"]), (10_000, &json!(false)));
    s3.delete("10000.txt");

    let import = owner.import(&sequences()).await;
    eventually("a hundred files are complete", async || owner.details(&import).await["complete"].as_i64() >= Some(100)).await;
    let details = owner.details(&import).await;
    assert_eq!((&details["total"], &details["bytes"], details["files"].as_array().unwrap().len()), (&json!(10_000), &json!(10_000), 100));
    assert_eq!(owner.stop(&import).await, StatusCode::NO_CONTENT);
    let complete = owner.details(&import).await["complete"].as_i64();
    assert_eq!(Some(used(&owner).await), complete);
    let (_, page) = owner.api.get(&owner.path("")).await;
    assert_eq!((page["total"].as_i64(), page["items"].as_array().unwrap().len()), (complete, 100));
    let next = text(&page["next_cursor"]);
    let (_, second) = owner.api.get(&owner.path(&format!("?cursor={next}"))).await;
    assert_ne!(second["items"][0]["id"], page["items"][0]["id"]);
}
