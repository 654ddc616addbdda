//! Imports from S3, from moto, which checks signatures and permissions.

use axum::body::Bytes;
use latchkey_program::config::ServeOptions;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{AWS_KEY, Owner, names, stored, used};
use crate::support::{
    TestServer,
    services::{Moto, allow_loopback},
    text,
};

/// Creates a bucket with objects whose bytes are their positions modulo 251.
const OBJECTS: &str = r"
s3 = aws('s3')
s3.create_bucket(Bucket='genomes')
def put(key, size):
    s3.put_object(Bucket='genomes', Key=key, Body=(bytes(range(251)) * (size // 251 + 1))[:size])
put('run1/b.fastq.gz', 20_000_000)
put('run1/a/1.fastq.gz', 5)
put('run1/empty.fastq.gz', 0)
put('run1/readme.txt', 5)
put('run10/c.fastq.gz', 5)
";

/// The content of an object of [`OBJECTS`].
fn object(size: usize) -> Bytes {
    (0..size).map(|position| u8::try_from(position % 251).unwrap()).collect::<Vec<_>>().into()
}

/// A query for the files of [`OBJECTS`].
fn genomes(prefix: &str, pattern: &str) -> Value {
    json!({ "source": "aws", "container": "genomes", "prefix": prefix, "pattern": pattern })
}

async fn start(moto: &Moto) -> (TestServer, Owner) {
    let configure = |options: &mut ServeOptions| {
        allow_loopback(options);
        options.outgoing.aws_s3_url = Some(moto.url.parse().unwrap());
    };
    let server = TestServer::start_with(configure).await;
    let owner = Owner::of(&server).await;
    (server, owner)
}

#[tokio::test]
async fn matching_objects_are_listed_and_then_imported() {
    let moto = Moto::start().await;
    moto.run(OBJECTS).await;
    let (server, owner) = start(&moto).await;
    owner.add_key("aws", &moto.key, &moto.secret, "us-east-1").await;

    let query = genomes("run1/", r"\.fastq\.gz$");
    let listing = owner.listing(&query).await;
    assert_eq!(names(&listing), ["a/1.fastq.gz", "b.fastq.gz", "empty.fastq.gz"]);
    assert_eq!((&listing["files"][1]["size"], &listing["is_truncated"]), (&json!(20_000_000), &json!(false)));
    // The prefix is the beginning of a key, not a folder, and the pattern is matched against the rest.
    assert_eq!(names(&owner.listing(&genomes("run1", "^[0/].*c|^/r")).await), ["/readme.txt", "0/c.fastq.gz"]);
    assert!(names(&owner.listing(&genomes("run2/", "")).await).is_empty());
    assert_eq!(stored(server.data.path()), (0, 0), "nothing is copied before the import");

    let import = owner.finished(&owner.import(&query).await).await;
    assert_eq!((&import["total"], &import["complete"], &import["copied"]), (&json!(3), &json!(3), &json!(20_000_005)));
    assert_eq!(owner.samples().await.len(), 3);
    for (name, size) in [("a/1.fastq.gz", 5), ("b.fastq.gz", 20_000_000), ("empty.fastq.gz", 0)] {
        owner.assert_sample(name, &object(size)).await;
    }
    let samples = owner.samples().await;
    assert!(samples.iter().all(|sample| sample["batch"] == import["batch"] && sample["source"] == "aws"));
    assert!(!text(&import["batch"]).is_empty());
    assert_eq!(stored(server.data.path()), (4, 20_000_005), "chunks of 8 MiB");
    assert_eq!(used(&owner).await, 20_000_005);

    let chosen = json!({ "mode": "combined", "query": query, "batch": "all of run 1", "files": [file(&listing, 0)] });
    let combined = owner.finished(&text(&owner.begin(chosen).await["id"])).await;
    assert_eq!((&combined["mode"], &combined["batch"], &combined["total"]), (&json!("combined"), &json!("all of run 1"), &json!(1)));
    let (status, error) = owner.try_begin(json!({ "mode": "combined", "query": query })).await;
    assert_eq!((status, &error["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid")), "a combined import has exactly one file");
}

/// A listed file as a request of the API names it.
fn file(listing: &Value, index: usize) -> Value {
    let file = &listing["files"][index];
    json!({ "name": file["name"], "size": file["size"], "location": file["location"], "etag": file["etag"] })
}

#[tokio::test]
async fn refusals_say_what_is_wrong() {
    let moto = Moto::start().await;
    moto.run(OBJECTS).await;
    // A user who may read objects, but not list them.
    let reader = r#"
iam = aws('iam')
iam.create_user(UserName='bob')
key = iam.create_access_key(UserName='bob')['AccessKey']
iam.put_user_policy(UserName='bob', PolicyName='read', PolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}')
print(key['AccessKeyId'])
print(key['SecretAccessKey'])
"#;
    let reader = moto.run(reader).await;
    let (_server, owner) = start(&moto).await;
    let query = genomes("run1/", "");
    assert_eq!((owner.refusal(&query).await.0, owner.refusal(&query).await.1), (422, "query.source".into()), "there is no key");

    let wrong = format!("{}A", &moto.secret[1..]);
    for (key, secret) in [(moto.key.as_str(), wrong.as_str()), (AWS_KEY.0, &moto.secret), (&reader[0], &reader[1])] {
        let id = owner.add_key("aws", key, secret, "us-east-1").await;
        let (status, field, message) = owner.refusal(&query).await;
        assert_eq!((status, field.starts_with("query.")), (422, true), "{field}: {message}");
        let (status, error) = owner.try_begin(json!({ "query": query })).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{error}");
        owner.delete_key(&id).await;
    }
    owner.add_key("aws", &moto.key, &moto.secret, "us-east-1").await;
    let other = json!({ "source": "aws", "container": "proteomes", "prefix": "", "pattern": "" });
    let (status, field, message) = owner.refusal(&other).await;
    assert_eq!((status, field.as_str()), (422, "query.container"), "{message}");
    for bucket in ["", "a/b", "..", "genomes?list", "GENOMES bucket"] {
        let query = json!({ "source": "aws", "container": bucket, "prefix": "", "pattern": "" });
        let (status, field, message) = owner.refusal(&query).await;
        assert_eq!((status, field.as_str()), (422, "query.container"), "{bucket}: {message}");
    }
    assert_eq!(owner.samples().await.len(), 0);
}

#[tokio::test]
async fn an_object_that_changed_since_it_was_listed_is_not_imported() {
    let moto = Moto::start().await;
    moto.run(OBJECTS).await;
    let (_server, owner) = start(&moto).await;
    owner.add_key("aws", &moto.key, &moto.secret, "us-east-1").await;
    let query = genomes("run1/", "fastq");
    let listing = owner.listing(&query).await;
    moto.run("aws('s3').put_object(Bucket='genomes', Key='run1/b.fastq.gz', Body=b'x' * 20_000_000)").await;
    let files: Vec<_> = (0..3).map(|index| file(&listing, index)).collect();
    let import = text(&owner.begin(json!({ "query": query, "files": files })).await["id"]);
    assert_eq!(owner.failed(&import, 1).await, ["The file changed during the import. Start a new import."]);
    assert_eq!(owner.samples().await.len(), 2);
    assert_eq!(used(&owner).await, 5, "the failed file takes nothing");
    owner.finished(&owner.import(&query).await).await;
    owner.assert_sample("b.fastq.gz", &Bytes::from(vec![b'x'; 20_000_000])).await;
}

#[tokio::test]
async fn two_imports_at_once_are_independent() {
    let moto = Moto::start().await;
    moto.run(OBJECTS).await;
    let (_server, owner) = start(&moto).await;
    owner.add_key("aws", &moto.key, &moto.secret, "us-east-1").await;
    let query = genomes("run1/", "fastq");
    let (first, second) = tokio::join!(owner.import(&query), owner.import(&query));
    let (first, second) = tokio::join!(owner.finished(&first), owner.finished(&second));
    assert_ne!(first["batch"], second["batch"]);
    let samples = owner.samples().await;
    let large: Vec<_> = samples.iter().filter(|sample| sample["name"] == "b.fastq.gz").collect();
    assert_eq!((samples.len(), large.len()), (6, 2));
    assert_eq!(large[0]["sha256"], large[1]["sha256"]);
    assert_eq!(used(&owner).await, 2 * 20_000_005);
}
