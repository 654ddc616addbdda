//! A server on the schema of a newer version, as during an upgrade of one instance after the other.

use sqlx::AnyPool;
use tempfile::TempDir;

use super::{installation::Installation, postgres::Postgres};
use crate::support::{latchkey, program};

/// A migration that no version has yet.
const NEWER: i64 = 9999;

#[tokio::test]
async fn an_older_program_runs_on_an_expanded_schema() {
    let (folder, postgres) = (TempDir::new().unwrap(), Postgres::start(TempDir::new().unwrap()).await.unwrap());
    let url = postgres.create_database("latchkey").await.unwrap();
    let installation = Installation::create(folder.path(), Some(url));
    expand(&installation.connect().await).await;
    let running = installation.serve();
    let clients = installation.clients(&running).await;
    let (_, secret) = clients.owner.agent_key("a").await;
    assert_eq!(clients.api.verify(&secret).await, "VALID");
    installation.admin(&["verify-audit"], "");
}

#[tokio::test]
async fn an_older_program_refuses_a_contracted_schema() {
    let (folder, postgres) = (TempDir::new().unwrap(), Postgres::start(TempDir::new().unwrap()).await.unwrap());
    let url = postgres.create_database("latchkey").await.unwrap();
    let installation = Installation::create(folder.path(), Some(url.clone()));
    let database = installation.connect().await;
    expand(&database).await;
    sqlx::query("update schema_state set oldest_program = $1").bind(NEWER).execute(&database).await.unwrap();
    let server = program(folder.path()).args(["serve", "--listen", "127.0.0.1:0", "--database", &url]).output().unwrap();
    let message = String::from_utf8_lossy(&server.stderr);
    assert!(!server.status.success() && message.contains("too old for the database (needs schema 9999): upgrade it"), "{message}");
    let admin = latchkey(folder.path(), &["admin", "verify-audit", "--database", &url], "");
    assert!(!admin.status.success() && String::from_utf8_lossy(&admin.stderr).contains("has another version"), "{admin:?}");
}

/// Changes the schema as a newer version does that only adds to it.
pub async fn expand(database: &AnyPool) {
    sqlx::query("alter table api_keys add column newer text").execute(database).await.unwrap();
    let sql = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values ($1, 'newer', true, ''::bytea, 0)";
    sqlx::query(sql).bind(NEWER).execute(database).await.unwrap();
}
