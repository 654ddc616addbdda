//! Imports with two instances on one database and one sample store.

use latchkey_core::samples::store::SampleStoreSpec;
use reqwest::StatusCode;
use serde_json::json;
use tempfile::TempDir;

use super::{AWS_KEY, Owner, REGION, reaches};
use crate::{
    instances::Pair,
    support::{
        s3::{BUCKET, FakeS3},
        storage::{CHUNK, content},
    },
};

/// Two instances that read from a bucket, and the sample store that they share. `None` on SQLite.
async fn start(s3: &FakeS3) -> Option<(Pair, Owner, TempDir)> {
    let samples = TempDir::new().unwrap();
    let pair = Pair::start_with(|options| {
        s3.configure(options);
        options.samples.samples = Some(SampleStoreSpec::Folder(samples.path().to_owned()));
    })
    .await?;
    let owner = Owner::of(&pair.first).await;
    owner.add_key("aws", AWS_KEY.0, AWS_KEY.1, REGION).await;
    Some((pair, owner, samples))
}

/// Begins an import of all objects. Returns its id.
async fn import_all(owner: &Owner) -> String {
    owner.import(&json!({ "source": "aws", "container": BUCKET, "prefix": "", "pattern": "" })).await
}

#[tokio::test]
async fn an_import_is_copied_by_one_instance() {
    let s3 = FakeS3::start().await;
    let Some((_pair, owner, _samples)) = start(&s3).await else { return };
    let names: Vec<String> = (0..4).map(|number| format!("{number}.bin")).collect();
    for (name, seed) in names.iter().zip(1..) {
        s3.put(name, content(CHUNK + 5, seed));
    }
    // Several import jobs, so that both instances have work.
    let imports = [import_all(&owner).await, import_all(&owner).await];
    for import in &imports {
        owner.finished(import).await;
    }
    let of_both = names.iter().flat_map(|name| [0, 0, CHUNK, CHUNK].map(|position| (name.clone(), position)));
    assert_eq!(s3.take_reads(), of_both.collect::<Vec<_>>(), "each import reads each chunk once");
    for (name, seed) in names.iter().zip(1..) {
        owner.assert_sample(name, &content(CHUNK + 5, seed)).await;
    }
}

#[tokio::test]
async fn an_import_is_taken_over_from_an_instance_that_is_gone() {
    let s3 = FakeS3::start().await;
    let Some((pair, owner, _samples)) = start(&s3).await else { return };
    let whole = content(2 * CHUNK + 5, 1);
    s3.put("a.bin", whole.clone());
    s3.gate.close_from(CHUNK);
    let import = import_all(&owner).await;
    reaches(&s3.gate).await;
    // As if another instance had claimed the import and was killed twelve seconds ago.
    let sql = "update claims set instance_id = 'gone', expires_at = expires_at - 12000 where name like 'import %'";
    let changed = sqlx::query(sql).execute(&pair.first.database().await).await.unwrap();
    assert_eq!(changed.rows_affected(), 1);
    s3.gate.open();
    owner.finished(&import).await;
    owner.assert_sample("a.bin", &whole).await;
}

#[tokio::test]
async fn an_import_continues_on_the_other_instance() {
    let s3 = FakeS3::start().await;
    let Some((mut pair, owner, _samples)) = start(&s3).await else { return };
    let whole = content(2 * CHUNK + 5, 1);
    s3.put("a.bin", whole.clone());
    s3.gate.close_from(CHUNK);
    let import = import_all(&owner).await;
    reaches(&s3.gate).await;
    pair.first.stop().await;
    s3.take_reads();
    s3.gate.open();
    let owner = at_second(&pair, &owner);
    owner.finished(&import).await;
    let reads = [("a.bin".to_owned(), CHUNK), ("a.bin".to_owned(), 2 * CHUNK)];
    assert_eq!(s3.take_reads(), reads, "what is stored is not read again from the source");
    owner.assert_sample("a.bin", &whole).await;
}

#[tokio::test]
async fn parts_of_a_file_are_uploaded_to_both_instances() {
    let s3 = FakeS3::start().await;
    let Some((pair, owner, _samples)) = start(&s3).await else { return };
    let owners = [at_second(&pair, &owner), owner];
    let whole = content(3 * CHUNK + 5, 1);
    let import = owners[0].import_local(&[("a.bin", whole.len())]).await;
    for (number, offset) in (0..whole.len()).step_by(CHUNK).enumerate() {
        let end = whole.len().min(offset + CHUNK);
        let (status, stored) = owners[number % 2].upload(&import, 0, offset, &whole.slice(offset..end)).await;
        assert_eq!((status, &stored["stored"]), (StatusCode::OK, &json!(end)), "{stored}");
    }
    owners[0].finished(&import).await;
    owners[1].assert_sample("a.bin", &whole).await;
}

/// The same owner at the second instance.
fn at_second(pair: &Pair, owner: &Owner) -> Owner {
    Owner { page: pair.at_second(&owner.page), api: pair.api_at_second(&owner.api), project: owner.project.clone() }
}
