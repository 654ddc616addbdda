//! Imports from DNAnexus, from a local server with its API.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Owner, names, reaches, stored};
use crate::support::{
    TestServer,
    dnanexus::{FakeDnanexus, PROJECT, TOKEN},
    eventually,
    storage::{CHUNK, content},
    text,
};

async fn start(dnanexus: &FakeDnanexus) -> (TestServer, Owner) {
    let server = TestServer::start_with(|options| dnanexus.configure(options)).await;
    let owner = Owner::of(&server).await;
    (server, owner)
}

fn query(pattern: &str) -> Value {
    json!({ "source": "dnanexus", "container": PROJECT, "prefix": "", "pattern": pattern })
}

#[tokio::test]
async fn closed_files_of_all_pages_are_imported() {
    let dnanexus = FakeDnanexus::start().await;
    let contents: Vec<_> = (0..5).map(|number| content(number * 7, 1)).collect();
    for (number, content) in contents.iter().enumerate() {
        dnanexus.put(&format!("{number}.fastq"), content.clone());
    }
    dnanexus.put("readme.txt", content(5, 1));
    dnanexus.put_in_state("open.fastq", content(5, 1), "open");
    dnanexus.put_in_state("closing.fastq", content(5, 1), "closing");
    let (_server, owner) = start(&dnanexus).await;
    owner.add_key("dnanexus", TOKEN, "", "").await;

    let listing = owner.listing(&query(r"\.fastq$")).await;
    assert_eq!(names(&listing), ["0.fastq", "1.fastq", "2.fastq", "3.fastq", "4.fastq"]);
    assert_eq!((&listing["not_ready"], &listing["is_truncated"]), (&json!(["closing.fastq", "open.fastq"]), &json!(false)));
    let import = owner.finished(&owner.import(&query(r"\.fastq$")).await).await;
    assert_eq!((&import["total"], &import["complete"], &import["source"]), (&json!(5), &json!(5), &json!("dnanexus")));
    for (number, content) in contents.iter().enumerate() {
        owner.assert_sample(&format!("{number}.fastq"), content).await;
    }
}

#[tokio::test]
async fn refusals_say_what_is_wrong() {
    let dnanexus = FakeDnanexus::start().await;
    dnanexus.put("a.txt", content(5, 1));
    let (_server, owner) = start(&dnanexus).await;
    let (status, field, _) = owner.refusal(&query("")).await;
    assert_eq!((status, field.as_str()), (422, "query.source"), "there is no key");
    let wrong = owner.add_key("dnanexus", "wrong-token", "", "").await;
    let (status, field, message) = owner.refusal(&query("")).await;
    assert_eq!((status, field.starts_with("query.")), (422, true), "{field}: {message}");
    owner.delete_key(&wrong).await;
    owner.add_key("dnanexus", TOKEN, "", "").await;
    for project in ["project-B406G0x2fz2B3GVk65299999", "", "genomes"] {
        let query = json!({ "source": "dnanexus", "container": project, "prefix": "", "pattern": "" });
        let (status, field, message) = owner.refusal(&query).await;
        assert_eq!((status, field.as_str()), (422, "query.container"), "{project}: {message}");
    }
}

#[tokio::test]
async fn an_expired_link_is_replaced_once() {
    let dnanexus = FakeDnanexus::start().await;
    let whole = content(3 * CHUNK + 5, 1);
    dnanexus.put("a.bin", whole.clone());
    let (server, owner) = start(&dnanexus).await;
    owner.add_key("dnanexus", TOKEN, "", "").await;

    dnanexus.gate.close_from(CHUNK);
    let import = owner.import(&query("")).await;
    reaches(&dnanexus.gate).await;
    dnanexus.expire_links();
    dnanexus.gate.open();
    owner.finished(&import).await;
    owner.assert_sample("a.bin", &whole).await;
    assert!(dnanexus.issued_links() > 1);

    // Links that are good for one request.
    dnanexus.limit_uses(1);
    owner.finished(&owner.import(&query("")).await).await;
    dnanexus.limit_uses(0);

    // All links are refused.
    let issued = dnanexus.issued_links();
    dnanexus.refuse_links();
    let import = owner.import(&query("")).await;
    let [error] = &owner.failed(&import, 1).await[..] else { panic!("one error") };
    assert!(error.ends_with('.'), "a sentence: {error}");
    assert!(dnanexus.issued_links() - issued <= 4, "links are not requested endlessly");
    eventually("the content of the failed file is removed", async || stored(server.data.path()).0 == 8).await;
}

#[tokio::test]
async fn a_file_that_changes_fails() {
    let dnanexus = FakeDnanexus::start().await;
    dnanexus.put("a.txt", content(5, 1));
    dnanexus.put("b.txt", content(5, 1));
    let (_server, owner) = start(&dnanexus).await;
    owner.add_key("dnanexus", TOKEN, "", "").await;
    let listing = owner.listing(&query("")).await;
    let files: Vec<_> = (0..2)
        .map(|index| &listing["files"][index])
        .map(|file| json!({ "name": file["name"], "size": file["size"], "location": file["location"], "etag": file["etag"] }))
        .collect();
    dnanexus.put("a.txt", content(5, 2));
    let import = text(&owner.begin(json!({ "query": query(""), "files": files })).await["id"]);
    assert_eq!(owner.failed(&import, 1).await, ["The file changed during the import. Start a new import."]);
    owner.assert_sample("b.txt", &content(5, 1)).await;
}

#[tokio::test]
async fn the_token_goes_to_dnanexus_only() {
    let dnanexus = FakeDnanexus::start().await;
    dnanexus.put("a.txt", content(5, 1));
    let (_server, owner) = start(&dnanexus).await;
    owner.add_key("dnanexus", TOKEN, "", "").await;
    // The local server refuses a request for content with the token.
    owner.finished(&owner.import(&query("")).await).await;
    assert_eq!(dnanexus.take_reads().len(), 1);
    let (status, details) = owner.function("list", json!({ "search": "", "after": null })).await;
    assert_eq!((status, details.to_string().contains(TOKEN)), (StatusCode::OK, false));
}
