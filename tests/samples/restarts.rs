//! Imports of a server that is killed or stopped in the middle, and started again.

use std::{path::Path, process::Command, time::Duration};

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{AWS_KEY, Owner, REGION, reaches, stored, used};
use crate::support::{
    ApiClient, BrowserClient, PASSWORD, eventually, latchkey,
    projects::create_project,
    s3::{BUCKET, FakeS3},
    serve_process::ServeProcess,
    services::Moto,
    storage::{CHUNK, content},
};

/// A data folder with an owner, whose server is started several times.
pub(super) struct Installation {
    data: TempDir,
    /// Flags of the server.
    flags: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

impl Installation {
    pub(super) fn new(s3_url: &str) -> Self {
        let data = TempDir::new().unwrap();
        let user = ["--email", "owner@acme.test", "--name", "Ada", "--role", "owner", "--organization", "Acme", "--password-stdin"];
        admin(data.path(), &[&["create-user"][..], &user[..]].concat(), PASSWORD);
        let flags = ["--allow-outgoing", "127.0.0.0/8", "--aws-s3-url", s3_url].map(ToOwned::to_owned).to_vec();
        Self { data, flags, environment: Vec::new() }
    }

    pub(super) fn serve(&self) -> ServeProcess {
        ServeProcess::start_with(self.data.path(), |command: &mut Command| {
            command.args(&self.flags).env("LATCHKEY_LOG", "info");
            command.envs(self.environment.iter().map(|(name, value)| (*name, value)));
        })
    }

    /// Signs the owner in, who gets an internal key and a project.
    pub(super) async fn owner(&self, process: &ServeProcess) -> Owner {
        let url = url_of(process);
        let page = BrowserClient { url: url.clone(), client: Client::new(), cookie: None }.sign_in("owner@acme.test", PASSWORD).await;
        let key = admin(self.data.path(), &["create-key", "--name", "test", "--days", "30"], "");
        let api = ApiClient { url, client: Client::new(), key };
        let project = create_project(&page, "Genomes").await;
        Owner { page, api, project }
    }
}

/// Runs an admin command. Returns its trimmed standard output.
fn admin(data: &Path, arguments: &[&str], input: &str) -> String {
    let output = latchkey(data, &[&["admin"][..], arguments].concat(), input);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn url_of(process: &ServeProcess) -> String {
    process.text_after("Latchkey is at ").trim_end_matches('/').to_owned()
}

impl Owner {
    /// The same owner at a server that was started again.
    fn at(mut self, process: &ServeProcess) -> Self {
        self.page.url = url_of(process);
        self.api.url.clone_from(&self.page.url);
        self
    }
}

fn sequences() -> Value {
    json!({ "source": "aws", "container": BUCKET, "prefix": "", "pattern": "" })
}

#[tokio::test]
async fn an_import_continues_after_a_kill_where_it_was() {
    let s3 = FakeS3::start().await;
    let (large, small) = (content(3 * CHUNK + 9, 1), content(5, 2));
    s3.put("a.bin", large.clone());
    s3.put("b.bin", small.clone());
    let installation = Installation::new(&s3.url);
    let process = installation.serve();
    let owner = installation.owner(&process).await;
    owner.add_key("aws", AWS_KEY.0, AWS_KEY.1, REGION).await;
    s3.gate.close_from(2 * CHUNK);
    let import = owner.import(&sequences()).await;
    reaches(&s3.gate).await;
    let copied = json!(2 * CHUNK + 5);
    eventually("two chunks are recorded", async || owner.details(&import).await["copied"] == copied).await;

    // SIGKILL.
    drop(process);
    s3.take_reads();
    s3.gate.open();
    let process = installation.serve();
    let owner = owner.at(&process);
    owner.finished(&import).await;
    let reads = [("a.bin".to_owned(), 2 * CHUNK), ("a.bin".to_owned(), 3 * CHUNK)];
    assert_eq!(s3.take_reads(), reads, "what is stored is not read again from the source");
    owner.assert_sample("a.bin", &large).await;
    owner.assert_sample("b.bin", &small).await;
    assert_eq!(stored(installation.data.path()), (5, (large.len() + small.len()) as u64));
    admin(installation.data.path(), &["verify-audit"], "");
}

#[tokio::test]
async fn kills_at_any_moment_lose_nothing() {
    let s3 = FakeS3::start().await;
    let contents: Vec<_> = (1..7).map(|seed| content(CHUNK + 1000, seed)).collect();
    for (number, content) in contents.iter().enumerate() {
        s3.put(&format!("{number}.bin"), content.clone());
    }
    let installation = Installation::new(&s3.url);
    let mut process = installation.serve();
    let mut owner = installation.owner(&process).await;
    owner.add_key("aws", AWS_KEY.0, AWS_KEY.1, REGION).await;
    let import = owner.import(&sequences()).await;
    for milliseconds in [5, 40, 90, 150, 300] {
        // Real time: another moment of the import each time.
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        drop(process);
        process = installation.serve();
        owner = owner.at(&process);
    }
    owner.finished(&import).await;
    for (number, content) in contents.iter().enumerate() {
        owner.assert_sample(&format!("{number}.bin"), content).await;
    }
    let total = contents.iter().map(|content| content.len() as u64).sum();
    assert_eq!((owner.samples().await.len(), u64::try_from(used(&owner).await).unwrap()), (6, total));
    eventually("nothing else is stored", async || stored(installation.data.path()) == (12, total)).await;
    admin(installation.data.path(), &["verify-audit"], "");
}

#[tokio::test]
async fn an_import_continues_after_a_restart() {
    let s3 = FakeS3::start().await;
    let large = content(2 * CHUNK, 1);
    s3.put("a.bin", large.clone());
    let installation = Installation::new(&s3.url);
    let process = installation.serve();
    let owner = installation.owner(&process).await;
    owner.add_key("aws", AWS_KEY.0, AWS_KEY.1, REGION).await;
    s3.gate.close_from(CHUNK);
    let import = owner.import(&sequences()).await;
    reaches(&s3.gate).await;
    // SIGTERM.
    process.stop();
    s3.gate.open();
    let process = installation.serve();
    let owner = owner.at(&process);
    owner.finished(&import).await;
    owner.assert_sample("a.bin", &large).await;
    process.stop();
}

#[tokio::test]
async fn an_upload_continues_after_a_kill() {
    let installation = Installation::new("http://127.0.0.1:9");
    let process = installation.serve();
    let owner = installation.owner(&process).await;
    let whole = content(2 * CHUNK + 5, 1);
    let import = owner.import_local(&[("a.bin", whole.len())]).await;
    owner.upload_rest(&import, 0, &whole.slice(..CHUNK), 0).await;
    drop(process);
    let process = installation.serve();
    let owner = owner.at(&process);
    let details = owner.details(&import).await;
    assert_eq!((&details["state"], &details["copied"]), (&json!("running"), &json!(CHUNK)));
    owner.upload_rest(&import, 0, &whole, CHUNK).await;
    owner.finished(&import).await;
    owner.assert_sample("a.bin", &whole).await;
}

#[tokio::test]
async fn samples_are_stored_in_a_bucket() {
    let moto = Moto::start().await;
    moto.run("aws('s3').create_bucket(Bucket='store')").await;
    let mut installation = Installation::new(&moto.url);
    installation.flags.extend(["--samples", "s3://store/latchkey"].map(ToOwned::to_owned));
    installation.environment =
        vec![("AWS_ACCESS_KEY_ID", moto.key.clone()), ("AWS_SECRET_ACCESS_KEY", moto.secret.clone()), ("AWS_REGION", "us-east-1".to_owned())];
    let process = installation.serve();
    let owner = installation.owner(&process).await;
    let whole = content(CHUNK + 5, 1);
    let sample = owner.add("../a.bin", &whole).await;
    owner.assert_sample("../a.bin", &whole).await;
    let range = format!("bytes={}-{}", CHUNK - 2, CHUNK + 1);
    let response = owner.download(&sample).header("range", range).send().await.unwrap();
    assert!(response.bytes().await.unwrap() == whole.slice(CHUNK - 2..CHUNK + 2));
    let objects = "for object in aws('s3').list_objects_v2(Bucket='store').get('Contents', []): print(object['Key'], object['Size'])";
    let lines = moto.run(objects).await;
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().all(|line| line.starts_with("latchkey/org_") && !line.contains("a.bin")), "{lines:?}");
    assert_eq!(stored(installation.data.path()), (0, 0));

    assert_eq!(owner.function("delete", json!({ "ids": [sample["id"]] })).await.1, json!(1));
    eventually("the objects are removed", async || moto.run(objects).await.is_empty()).await;
}
