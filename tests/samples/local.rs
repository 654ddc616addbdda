//! Uploads from the local disk, and downloads.

use std::{fs, process::Command};

use axum::body::Bytes;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Owner, stored, used};
use crate::support::{
    TestServer, eventually,
    projects::create_project,
    send_large,
    storage::{CHUNK, content, sha256},
    text,
};

const DOCS: &str = include_str!("../../docs/samples.md");
const LATCHKEY: &str = "http://127.0.0.1:3000";

#[tokio::test]
async fn a_file_is_uploaded_in_parts_and_continued() {
    let server = TestServer::start().await;
    let owner = Owner::of(&server).await;
    let whole = content(2 * CHUNK + 11, 1);
    let import = owner.import_local(&[("a.fastq.gz", whole.len()), ("empty.txt", 0)]).await;
    let (status, stored_part) = owner.upload(&import, 0, 0, &whole.slice(..CHUNK)).await;
    assert_eq!((status, &stored_part["stored"]), (StatusCode::OK, &json!(CHUNK)), "{stored_part}");
    let details = owner.details(&import).await;
    let file = details["files"].as_array().unwrap().iter().find(|file| file["position"] == 0).unwrap();
    assert_eq!((&file["copied"], &file["state"], &details["state"]), (&json!(CHUNK), &json!("copying"), &json!("running")));

    // A part that is sent again, or too early, or as another file.
    for offset in [0, 2 * CHUNK, CHUNK + 1] {
        let (status, error) = owner.upload(&import, 0, offset, &whole.slice(..CHUNK)).await;
        assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!("offset")), "{offset}: {error}");
        assert!(text(&error["detail"]).contains(&CHUNK.to_string()), "the message has the expected offset: {error}");
    }
    for (position, offset, size) in [(0, CHUNK, 5), (0, CHUNK, CHUNK - 1)] {
        let (status, error) = owner.upload(&import, position, offset, &whole.slice(..size)).await;
        assert!(status.is_client_error(), "a part of {size} bytes: {error}");
    }
    assert_eq!(owner.upload(&import, 2, 0, &whole.slice(..5)).await.0, StatusCode::NOT_FOUND, "there are two files");
    owner.upload_rest(&import, 0, &whole, CHUNK).await;
    let ended = owner.details(&import).await;
    if ended["state"] == "running" {
        owner.upload(&import, 1, 0, &Bytes::new()).await;
    }
    owner.finished(&import).await;
    owner.assert_sample("a.fastq.gz", &whole).await;
    owner.assert_sample("empty.txt", &Bytes::new()).await;
    assert_eq!(stored(server.data.path()), (3, whole.len() as u64));
}

#[tokio::test]
async fn the_page_uploads_and_downloads_with_its_session() {
    let server = TestServer::start().await;
    let owner = Owner::of(&server).await;
    let other = server.user("owner", "globex").await;
    let viewer = server.user("viewer", "acme").await;
    let whole = content(CHUNK + 3, 1);
    let import = owner.import_local(&[("a.bin", whole.len())]).await;
    let path = |offset: usize| format!("/samples/upload/{}/{import}/0?offset={offset}", owner.project);

    let first = whole.slice(..CHUNK);
    for (page, status) in [(&server.visitor(), StatusCode::UNAUTHORIZED), (&viewer, StatusCode::FORBIDDEN), (&other, StatusCode::NOT_FOUND)] {
        assert_eq!(send_large(page.request(Method::PUT, &path(0)).body(first.clone())).await.status(), status);
    }
    let cookie = owner.page.cookie.clone().unwrap();
    let foreign = owner.page.client.put(format!("{}{}", server.url, path(0))).header("cookie", cookie);
    for origin in [None, Some("https://evil.example")] {
        let request = origin.iter().fold(foreign.try_clone().unwrap(), |request, origin| request.header("origin", *origin));
        assert_eq!(request.body("a").send().await.unwrap().status(), StatusCode::FORBIDDEN, "{origin:?}");
    }
    for offset in ["", "?offset=", "?offset=-1", "?offset=a", "?offset=0&offset=0", "?offset=0&x=1"] {
        let path = format!("/samples/upload/{}/{import}/0{offset}", owner.project);
        let status = owner.page.request(Method::PUT, &path).body("a").send().await.unwrap().status();
        assert!(status.is_client_error(), "{offset}: {status}");
    }
    for (offset, end) in [(0, CHUNK), (CHUNK, whole.len())] {
        let response = owner.page.request(Method::PUT, &path(offset)).body(whole.slice(offset..end)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.json::<Value>().await.unwrap(), json!({ "stored": end }));
    }
    owner.finished(&import).await;

    let sample = text(&owner.samples().await[0]["id"]);
    let path = format!("/samples/content/{}/{sample}", owner.project);
    let response = owner.page.get(&path).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    for (name, value) in [
        ("content-type", "application/octet-stream"),
        ("content-disposition", "attachment; filename=\"a.bin\"; filename*=UTF-8''a.bin"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(response.headers()[name], value);
    }
    assert!(response.headers().get("content-encoding").is_none());
    assert!(response.bytes().await.unwrap() == whole);
    assert_eq!(server.visitor().get(&path).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(other.get(&path).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(viewer.get(&path).send().await.unwrap().status(), StatusCode::OK, "the project is visible to the organization");
    let from_elsewhere = owner.page.get(&path).header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert_eq!(from_elsewhere.status(), StatusCode::FORBIDDEN);
    let downloads: i64 =
        sqlx::query_scalar("select count(*) from audit_events where action = 'sample.downloaded'").fetch_one(&server.database().await).await.unwrap();
    assert_eq!(downloads, 2);
}

#[tokio::test]
async fn a_range_is_downloaded() {
    let server = TestServer::start().await;
    let owner = Owner::of(&server).await;
    let whole = content(CHUNK + 100, 1);
    let sample = owner.add("a.bin", &whole).await;
    let size = whole.len();
    let tag = format!("\"{}\"", sha256(&whole));
    for (range, first, end) in [
        ("bytes=0-9".to_owned(), 0, 10),
        (format!("bytes={}-{}", CHUNK - 5, CHUNK + 4), CHUNK - 5, CHUNK + 5),
        (format!("bytes={}-", size - 1), size - 1, size),
        (format!("bytes=5-{}", size * 2), 5, size),
        ("bytes=-5".to_owned(), size - 5, size),
    ] {
        for if_range in [None, Some(&tag)] {
            let request = owner.download(&sample).header("range", &range);
            let request = if_range.iter().fold(request, |request, tag| request.header("if-range", *tag));
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT, "{range}");
            assert_eq!(response.headers()[header::CONTENT_RANGE], format!("bytes {first}-{}/{size}", end - 1));
            assert_eq!(response.headers()[header::ETAG], tag);
            assert!(response.bytes().await.unwrap() == whole.slice(first..end), "{range}");
        }
    }
    // Several ranges, or of another content: all of it.
    for (range, if_range) in [("bytes=0-1,5-6", None), ("bytes=0-9", Some("\"other\""))] {
        let request = owner.download(&sample).header("range", range);
        let response = if_range.iter().fold(request, |request, tag| request.header("if-range", *tag)).send().await.unwrap();
        assert_eq!((response.status(), response.content_length()), (StatusCode::OK, Some(size as u64)), "{range}");
    }
    let response = owner.download(&sample).header("range", format!("bytes={size}-")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(response.headers()[header::CONTENT_RANGE], format!("bytes */{size}"));
    assert_eq!(response.json::<Value>().await.unwrap()["code"], "range_not_satisfiable");
}

#[tokio::test]
async fn a_name_is_data_and_never_a_path() {
    let server = TestServer::start().await;
    let owner = Owner::of(&server).await;
    let page = "<script>alert(1)</script>".to_owned();
    for (name, file_name) in [
        ("../../../etc/passwd", "attachment; filename=\".._.._.._etc_passwd\"; filename*=UTF-8''.._.._.._etc_passwd"),
        ("/absolute.html", "attachment; filename=\"_absolute.html\"; filename*=UTF-8''_absolute.html"),
        ("C:\\con.txt", "attachment; filename=\"C__con.txt\"; filename*=UTF-8''C%3A_con.txt"),
        ("a\"; filename=\"b.html", "attachment; filename=\"a__ filename__b.html\"; filename*=UTF-8''a%22%3B%20filename%3D%22b.html"),
        ("Blüte \u{202e}gpj.exe", "attachment; filename=\"Bl_te _gpj.exe\"; filename*=UTF-8''Bl%C3%BCte%20_gpj.exe"),
    ] {
        let sample = owner.add(name, &Bytes::from(page.clone())).await;
        assert_eq!(sample["name"], name);
        let response = owner.download(&sample).send().await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_DISPOSITION], file_name);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/octet-stream");
        assert!(response.headers().get(header::SET_COOKIE).is_none());
        assert_eq!(response.text().await.unwrap(), page);
    }
    assert_eq!(stored(server.data.path()).0, 5, "all inside the store");
    let request = json!({ "query": { "source": "local" }, "files": [{ "name": "a\r\nset-cookie: x=y", "size": 1 }] });
    assert_eq!(owner.try_begin(request).await.1["field"], "files[0].name");
}

#[tokio::test]
async fn samples_are_found_and_deleted() {
    let server = TestServer::start().await;
    let owner = Owner::of(&server).await;
    let (first, second) = (owner.add("Blood-01.fastq", &content(10, 1)).await, owner.add("saliva 100%.fastq", &content(20, 2)).await);
    assert_ne!(first["batch"], second["batch"]);
    let batch = text(&first["batch"]);
    for (search, expected) in
        [("blood", vec!["Blood-01.fastq"]), ("0%25", vec!["saliva 100%.fastq"]), ("_", vec![]), (&*batch, vec!["Blood-01.fastq"])]
    {
        let (status, page) = owner.api.get(&owner.path(&format!("?q={search}"))).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let names: Vec<_> = page["items"].as_array().unwrap().iter().map(|sample| text(&sample["name"])).collect();
        assert_eq!(names, expected, "{search}");
        assert_eq!(page["total"], expected.len(), "{search}");
    }
    let newest: Vec<_> = owner.samples().await.iter().map(|sample| sample["id"].clone()).collect();
    assert_eq!(newest, [second["id"].clone(), first["id"].clone()]);

    let other = Owner { project: create_project(&owner.page, "Other").await, ..owner.clone() };
    let (status, count) = other.function("delete", json!({ "ids": [first["id"]] })).await;
    assert!(status == StatusCode::NOT_FOUND || count == json!(0), "a sample of another project: {count}");
    assert_eq!(owner.function("delete", json!({ "ids": [first["id"]] })).await, (StatusCode::OK, json!(1)));
    assert_eq!(owner.download(&first).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!((owner.samples().await.len(), used(&owner).await), (1, 20));
    eventually("the content is removed", async || stored(server.data.path()) == (1, 20)).await;

    let (status, response) = owner.page.call("projects/delete", json!({ "id": owner.project })).await;
    assert_eq!(status, StatusCode::OK, "{response}");
    assert_eq!(owner.download(&second).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    eventually("the content of a deleted project is removed", async || stored(server.data.path()) == (0, 0)).await;
    assert_eq!(used(&other).await, 0);
}

#[tokio::test]
async fn others_see_samples_as_far_as_they_see_the_project() {
    let server = TestServer::start().await;
    let owner = Owner::of(&server).await;
    let sample = owner.add("a.txt", &content(5, 1)).await;
    server.user("viewer", "acme").await;
    server.user("member", "acme").await;
    server.user("owner", "globex").await;
    let import = owner.import_local(&[("b.txt", 5)]).await;
    let bytes = content(5, 1);

    let viewer = Owner { api: server.api("viewer@acme.test", ""), ..owner.clone() };
    assert_eq!(viewer.download(&sample).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(viewer.samples().await.len(), 1);
    assert_eq!(viewer.try_begin(json!({ "query": { "source": "local" }, "files": [{ "name": "c", "size": 1 }] })).await.0, StatusCode::FORBIDDEN);
    assert_eq!(viewer.upload(&import, 0, 0, &bytes).await.0, StatusCode::FORBIDDEN);
    assert_eq!(viewer.stop(&import).await, StatusCode::FORBIDDEN);
    // A member of the organization who does not manage this project.
    let member = Owner { api: server.api("member@acme.test", ""), ..owner.clone() };
    assert_eq!(member.upload(&import, 0, 0, &bytes).await.0, StatusCode::FORBIDDEN);
    let other = Owner { api: server.api("owner@globex.test", ""), ..owner.clone() };
    assert_eq!(other.download(&sample).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(other.upload(&import, 0, 0, &bytes).await.0, StatusCode::NOT_FOUND);
    assert_eq!(other.stop(&import).await, StatusCode::NOT_FOUND);
    assert_eq!(other.api.get(&other.path("")).await.0, StatusCode::NOT_FOUND);
    for scopes in ["projects:write", "keys:read"] {
        let unscoped = Owner { api: server.api("owner@acme.test", scopes), ..owner.clone() };
        assert_eq!(unscoped.download(&sample).send().await.unwrap().status(), StatusCode::FORBIDDEN, "{scopes}");
    }
    let reader = Owner { api: server.api("owner@acme.test", "projects:read"), ..owner.clone() };
    assert_eq!(reader.download(&sample).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(reader.upload(&import, 0, 0, &bytes).await.0, StatusCode::FORBIDDEN);
    owner.upload_rest(&import, 0, &bytes, 0).await;
    owner.finished(&import).await;
}

#[tokio::test]
async fn a_stopped_upload_takes_no_space() {
    let server = TestServer::start().await;
    let owner = Owner::of(&server).await;
    let whole = content(CHUNK + 1, 1);
    let import = owner.import_local(&[("a.bin", whole.len()), ("b.bin", 5)]).await;
    assert_eq!(used(&owner).await, i64::try_from(whole.len()).unwrap() + 5, "reserved");
    assert_eq!(owner.upload(&import, 0, 0, &whole.slice(..CHUNK)).await.0, StatusCode::OK);
    owner.upload_rest(&import, 1, &content(5, 2), 0).await;
    assert_eq!(owner.stop(&import).await, StatusCode::NO_CONTENT);
    let (status, error) = owner.upload(&import, 0, CHUNK, &whole.slice(CHUNK..)).await;
    assert!(status.is_client_error(), "{error}");
    assert_eq!((owner.samples().await.len(), used(&owner).await), (1, 5));
    eventually("the content is removed", async || stored(server.data.path()) == (1, 5)).await;
}

#[tokio::test]
async fn documented_commands_upload_a_file() {
    let server = TestServer::start().await;
    let owner = Owner::of(&server).await;
    let (folder, whole) = (TempDir::new().unwrap(), content(CHUNK + 5, 1));
    fs::write(folder.path().join("blood-01.fastq.gz"), &whole).unwrap();
    let commands = DOCS.split_once("```sh\n").unwrap().1.split_once("```").unwrap().0;
    assert!(commands.contains(LATCHKEY));
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &commands.replace(LATCHKEY, &server.url)]).current_dir(folder.path());
    let output = shell.env("PROJECT", &owner.project).env("LATCHKEY_API_KEY", &owner.api.key).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains(&sha256(&whole)));
    owner.assert_sample("blood-01.fastq.gz", &whole).await;
}

#[tokio::test]
async fn two_parts_at_once_are_stored_once() {
    let server = TestServer::start().await;
    let owner = Owner::of(&server).await;
    let whole = content(CHUNK + 9, 1);
    let import = owner.import_local(&[("a.bin", whole.len())]).await;
    let first = whole.slice(..CHUNK);
    let (one, two) = tokio::join!(owner.upload(&import, 0, 0, &first), owner.upload(&import, 0, 0, &first));
    let accepted = [one.0, two.0].iter().filter(|status| **status == StatusCode::OK).count();
    assert!(accepted >= 1, "{one:?} {two:?}");
    owner.upload_rest(&import, 0, &whole, CHUNK).await;
    owner.finished(&import).await;
    owner.assert_sample("a.bin", &whole).await;
}
