//! Three instances on one PostgreSQL database, each of which reaches it through a network of its own.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::{Client, StatusCode, redirect::Policy};
use tempfile::TempDir;
use tokio::task::block_in_place;

use super::{installation::Installation, namespace::Namespace, network::Network, postgres::Postgres, process::signal};
use crate::support::{ApiClient, eventually, repository, serve_process::ServeProcess};

/// Longer than a server is frozen.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// In a runtime with several threads: starting and stopping an instance blocks one of them.
pub struct Cluster {
    pub instances: Vec<Instance>,
    /// For admin commands, and a direct connection to the database.
    pub installation: Installation,
    _postgres: Postgres,
    _folder: TempDir,
}

pub struct Instance {
    /// `None` while it is stopped.
    process: Mutex<Option<ServeProcess>>,
    pub api: ApiClient,
    pub network: Network,
    pub namespace: Option<Namespace>,
    installation: Installation,
    environment: Vec<(&'static str, String)>,
    _folder: TempDir,
}

/// How the instances differ.
struct Differences {
    /// By how many seconds the clock of each is ahead.
    ahead: [i64; 3],
    /// That of the last one.
    namespace: Option<Namespace>,
}

impl Cluster {
    pub async fn start() -> Self {
        Self::create(Differences { ahead: [0; 3], namespace: None }).await
    }

    /// Starts instances whose clocks are an hour apart. The last one is in a network namespace, if one can be created.
    pub async fn start_apart() -> Self {
        Self::create(Differences { ahead: [0, 3600, -3600], namespace: Namespace::create() }).await
    }

    async fn create(differences: Differences) -> Self {
        let Differences { ahead, mut namespace } = differences;
        let (folder, postgres) = (TempDir::new().unwrap(), Postgres::start(TempDir::new().unwrap()).await.unwrap());
        let database = postgres.create_database("latchkey").await.unwrap();
        let installation = block_in_place(|| Installation::create(folder.path(), Some(database.clone())));
        let key = installation.admin(&["create-key", "--name", "load", "--days", "30", "--user", "owner@acme.test"], "");
        let clock = shifted_clock(folder.path());
        let mut instances = Vec::new();
        for (number, ahead) in (1..).zip(ahead) {
            let own = if number == 3 { namespace.take() } else { None };
            let mut environment = vec![("LATCHKEY_INSTANCE_NAME", format!("web-{number}"))];
            if ahead != 0 {
                environment.extend([("LD_PRELOAD", clock.to_str().unwrap().to_owned()), ("CLOCK_AHEAD", ahead.to_string())]);
            }
            instances.push(Instance::create(&installation, &database, &key, environment, own).await);
        }
        Self { instances, installation, _postgres: postgres, _folder: folder }
    }

    /// Waits until every instance holds a lease.
    pub async fn ready(&self) {
        for instance in &self.instances {
            eventually("the instance is ready", async || instance.is_ready().await).await;
        }
    }
}

impl Instance {
    async fn create(
        first: &Installation,
        database: &str,
        key: &str,
        mut environment: Vec<(&'static str, String)>,
        namespace: Option<Namespace>,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let address = namespace.as_ref().map_or_else(|| "127.0.0.1".to_owned(), Namespace::machine);
        let network = Network::to(database, &address).await;
        let url = if let Some(namespace) = &namespace {
            namespace.server()
        } else {
            let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            environment.push(("LATCHKEY_LISTEN", listen.to_string()));
            format!("http://{listen}")
        };
        let client = Client::builder().redirect(Policy::none()).pool_idle_timeout(Duration::from_secs(5)).timeout(ANSWER_LIMIT).build().unwrap();
        let instance = Self {
            process: Mutex::new(None),
            api: ApiClient { url, client, key: key.to_owned() },
            installation: first.another(folder.path()).through(network.url.clone()),
            network,
            namespace,
            environment,
            _folder: folder,
        };
        instance.start();
        instance
    }

    pub fn start(&self) {
        let running = block_in_place(|| {
            self.installation.serve_with(|command| {
                command.envs(self.environment.iter().map(|(name, value)| (*name, value.as_str())));
                if let Some(namespace) = &self.namespace {
                    namespace.enter(command);
                }
            })
        });
        self.replace_process(Some(running.process));
    }

    /// Ends it with SIGKILL.
    pub fn kill(&self) {
        self.replace_process(None);
    }

    /// Ends it as a service manager does.
    pub fn stop(&self) {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner).take();
        let output = block_in_place(|| process.unwrap().stop());
        assert!(!output.contains("panicked"), "{output}");
    }

    /// Sends a signal, such as `-STOP`.
    pub fn signal(&self, name: &str) {
        let id = self.process.lock().unwrap_or_else(PoisonError::into_inner).as_ref().unwrap().id();
        signal(id, name);
    }

    pub async fn is_ready(&self) -> bool {
        let response = self.api.client.get(format!("{}/readyz", self.api.url)).send().await;
        response.is_ok_and(|response| response.status() == StatusCode::OK)
    }

    fn replace_process(&self, process: Option<ServeProcess>) {
        let previous = std::mem::replace(&mut *self.process.lock().unwrap_or_else(PoisonError::into_inner), process);
        block_in_place(|| drop(previous));
    }
}

/// Compiles the library that changes the clock of a server.
fn shifted_clock(folder: &Path) -> PathBuf {
    let library = folder.join("clock.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(repository().join("tests/faults/clock.c"));
    assert!(compiler.status().unwrap().success());
    library
}
