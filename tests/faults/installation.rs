//! A data folder whose server is started and killed several times, and its clients.

use std::{
    fs, iter,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use reqwest::{Client, redirect::Policy};
use sqlx::AnyPool;

use crate::support::{ApiClient, BrowserClient, PASSWORD, latchkey, serve_process::ServeProcess};

pub struct Installation {
    pub folder: PathBuf,
    database: Option<String>,
}

/// A running server. Dropping it kills it with SIGKILL.
pub struct Running {
    pub process: ServeProcess,
    pub url: String,
}

/// Clients of the organization's owner, of a viewer, and of the owner's internal key.
#[derive(Clone)]
pub struct Clients {
    pub owner: BrowserClient,
    pub viewer: BrowserClient,
    pub api: ApiClient,
}

impl Installation {
    /// Creates the data and two users, `owner@acme.test` and `viewer@acme.test`.
    pub fn create(folder: &Path, database: Option<String>) -> Self {
        let installation = Self { folder: folder.to_owned(), database };
        for role in ["owner", "viewer"] {
            let email = format!("{role}@acme.test");
            let user = ["create-user", "--email", &email, "--name", role, "--role", role, "--organization", "Acme", "--password-stdin"];
            installation.admin(&user, PASSWORD);
        }
        installation
    }

    /// An existing data folder with an SQLite database.
    pub fn existing(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), database: None }
    }

    /// Another data folder with the same database and master key, for a second instance on PostgreSQL.
    pub fn another(&self, folder: &Path) -> Self {
        fs::copy(self.folder.join("master.key"), folder.join("master.key")).unwrap();
        Self { folder: folder.to_owned(), database: self.database.clone() }
    }

    /// The same with another URL of the database.
    pub fn through(self, database: String) -> Self {
        Self { database: Some(database), ..self }
    }

    /// Runs an admin command, which must succeed. Returns its trimmed standard output.
    pub fn admin(&self, arguments: &[&str], input: &str) -> String {
        let database = self.database.iter().flat_map(|url| ["--database", url.as_str()]);
        let arguments: Vec<&str> = iter::once("admin").chain(arguments.iter().copied()).chain(database).collect();
        let output = latchkey(&self.folder, &arguments, input);
        assert!(output.status.success(), "{:?}: {output:?}", arguments[1]);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn serve(&self) -> Running {
        self.serve_with(|_| {})
    }

    /// Starts the server, after `change` has changed its command.
    pub fn serve_with(&self, change: impl FnOnce(&mut Command)) -> Running {
        let process = ServeProcess::start_with(&self.folder, |command| {
            command.env("LATCHKEY_LOG", "info");
            if let Some(url) = &self.database {
                command.args(["--database", url]);
            }
            change(command);
        });
        let url = process.text_after("Latchkey is at ").trim_end_matches('/').to_owned();
        Running { process, url }
    }

    /// A direct connection to the database.
    pub async fn connect(&self) -> AnyPool {
        sqlx::any::install_default_drivers();
        let file = || format!("sqlite:{}", self.folder.join("latchkey.db").display());
        AnyPool::connect(&self.database.clone().unwrap_or_else(file)).await.unwrap()
    }

    /// Signs both users in and creates the internal key.
    pub async fn clients(&self, running: &Running) -> Clients {
        let visitor = BrowserClient { url: running.url.clone(), client: new_client(), cookie: None };
        let owner = visitor.clone().sign_in("owner@acme.test", PASSWORD).await;
        let viewer = visitor.sign_in("viewer@acme.test", PASSWORD).await;
        let key = self.admin(&["create-key", "--name", "load", "--days", "30", "--user", "owner@acme.test"], "");
        let api = ApiClient { url: running.url.clone(), client: owner.client.clone(), key };
        Clients { owner, viewer, api }
    }
}

impl Clients {
    /// The same sessions and key for a server that was started again.
    pub fn of(&self, running: &Running) -> Self {
        let mut clients = self.clone();
        let client = new_client();
        for page in [&mut clients.owner, &mut clients.viewer] {
            page.url.clone_from(&running.url);
            page.client = client.clone();
        }
        clients.api.url.clone_from(&running.url);
        clients.api.client = client;
        clients
    }
}

/// Drops idle connections before the server closes them.
fn new_client() -> Client {
    Client::builder().redirect(Policy::none()).pool_idle_timeout(Duration::from_secs(5)).build().unwrap()
}
