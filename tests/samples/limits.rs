//! The limits of imports: the organization's quota, memory, and invalid names, patterns and files.

use std::fs;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{AWS_KEY, Owner, REGION, restarts::Installation, stored, used};
use crate::support::{
    TestServer,
    projects::create_project,
    s3::{BUCKET, FakeS3},
    storage::{CHUNK, content},
    text,
};

const GIB: u64 = 1 << 30;

fn local(files: &Value) -> Value {
    json!({ "query": { "source": "local" }, "files": files })
}

#[tokio::test]
async fn samples_take_no_more_than_the_quota() {
    let server = TestServer::start_with(|options| options.samples.sample_quota = 1).await;
    let owner = Owner::of(&server).await;
    let file = |size: u64| local(&json!([{ "name": "a.bin", "size": size }]));
    let (status, error) = owner.try_begin(file(GIB + 1)).await;
    assert_eq!((status, &error["code"]), (StatusCode::CONFLICT, &json!("conflict")), "{error}");
    let import = text(&owner.begin(file(GIB)).await["id"]);
    assert_eq!(used(&owner).await, 1 << 30);
    assert_eq!(owner.try_begin(file(1)).await.0, StatusCode::CONFLICT);
    // Other organizations have their own.
    server.user("owner", "globex").await;
    let other = server.user("owner", "initech").await;
    let project = create_project(&other, "Theirs").await;
    let other = Owner { api: server.api("owner@initech.test", ""), page: other, project };
    other.begin(file(GIB)).await;
    // Files without content take nothing.
    owner.begin(file(0)).await;
    assert_eq!(owner.stop(&import).await, StatusCode::NO_CONTENT);
    assert_eq!(used(&owner).await, 0);
    owner.begin(file(GIB)).await;
}

#[tokio::test]
async fn nothing_is_stored_on_a_disk_that_is_nearly_full() {
    let s3 = FakeS3::start().await;
    s3.put("a.bin", content(5, 1));
    s3.put("b.bin", content(5, 2));
    let server = TestServer::start_with(|options| {
        s3.configure(options);
        options.samples.free_min_percent = 101;
    })
    .await;
    let owner = Owner::of(&server).await;
    owner.add_key("aws", AWS_KEY.0, AWS_KEY.1, REGION).await;
    let import = owner.import(&json!({ "source": "aws", "container": BUCKET })).await;
    let errors = owner.failed(&import, 2).await;
    assert!(errors.iter().all(|error| error.contains("disk")), "{errors:?}");
    let import = owner.import_local(&[("a.bin", 5)]).await;
    let (status, error) = owner.upload(&import, 0, 0, &content(5, 1)).await;
    assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!("content")), "{error}");
    assert_eq!(stored(server.data.path()), (0, 0));
}

#[tokio::test]
async fn patterns_are_limited() {
    let server = TestServer::start().await;
    let owner = Owner::of(&server).await;
    for pattern in ["(", "[a", "a{2", r"\p{Nonsense}", "(?=a)", &"a".repeat(501), r"\w{1000}{1000}", "((((a{100}){100}){100}){100})"] {
        for (source, container) in [("aws", "genomes"), ("dnanexus", "project-B406G0x2fz2B3GVk65200003")] {
            let query = json!({ "source": source, "container": container, "prefix": "", "pattern": pattern });
            let (status, field, message) = owner.refusal(&query).await;
            assert_eq!((status, field.as_str()), (422, "query.pattern"), "{pattern}: {message}");
            assert!(message.len() < 300 && message.ends_with('.') && !message.contains('\n'), "{message}");
        }
    }
}

#[tokio::test]
async fn invalid_imports_are_refused() {
    let server = TestServer::start().await;
    let owner = Owner::of(&server).await;
    let one = json!([{ "name": "a", "size": 1 }]);
    let many: Value = (0..10_001).map(|number| json!({ "name": number.to_string(), "size": 1 })).collect();
    for (what, request) in [
        ("no files", local(&json!([]))),
        ("too many files", local(&many)),
        ("no name", local(&json!([{ "name": "", "size": 1 }]))),
        ("a long name", local(&json!([{ "name": "a".repeat(1025), "size": 1 }]))),
        ("a NUL", local(&json!([{ "name": "a\0b", "size": 1 }]))),
        ("a negative size", local(&json!([{ "name": "a", "size": -1 }]))),
        ("a huge size", local(&json!([{ "name": "a", "size": i64::MAX }]))),
        ("sizes that overflow", local(&json!([{ "name": "a", "size": i64::MAX }, { "name": "b", "size": i64::MAX }]))),
        ("a long batch", json!({ "query": { "source": "local" }, "files": one, "batch": "a".repeat(101) })),
        ("two files in one", json!({ "query": { "source": "local" }, "mode": "combined", "files": [one[0], one[0]] })),
        ("an unknown mode", json!({ "query": { "source": "local" }, "mode": "split", "files": one })),
        ("an unknown source", json!({ "query": { "source": "ftp" }, "files": one })),
        ("an unknown field", json!({ "query": { "source": "local" }, "files": one, "path": "/" })),
        ("no query", json!({ "files": one })),
    ] {
        let (status, error) = owner.try_begin(request).await;
        assert_eq!((status, error["field"].is_string()), (StatusCode::UNPROCESSABLE_ENTITY, true), "{what}: {error}");
    }
    assert_eq!(used(&owner).await, 0);
    let many: Value = (0..10_000).map(|number| json!({ "name": number.to_string(), "size": 1 })).collect();
    let import = owner.begin(local(&many)).await;
    assert_eq!((&import["total"], import["files"].as_array().unwrap().len()), (&json!(10_000), 100));
}

/// The largest resident size that a process ever had, in MiB.
fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1024
}

#[tokio::test]
async fn the_memory_of_imports_is_limited_whatever_their_size() {
    let s3 = FakeS3::start().await;
    let large = content(4 * CHUNK, 1);
    for number in 0..8 {
        s3.put(&format!("{number}.bin"), large.clone());
    }
    let installation = Installation::new(&s3.url);
    let process = installation.serve();
    let owner = installation.owner(&process).await;
    owner.add_key("aws", AWS_KEY.0, AWS_KEY.1, REGION).await;
    let sequences = json!({ "source": "aws", "container": BUCKET, "prefix": "", "pattern": "" });
    owner.listing(&sequences).await;
    let before = peak(process.id());
    let imports = [owner.import(&sequences).await, owner.import(&sequences).await];
    for import in &imports {
        owner.finished(import).await;
    }
    let growth = peak(process.id()) - before;
    // 64 MiB of content, and what the allocator keeps.
    assert!(growth < 128, "{growth} MiB more for 512 MiB of files");
}
