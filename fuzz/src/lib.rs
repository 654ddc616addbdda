//! A server on a new database, without a socket, for targets that send requests to its router.

use std::sync::LazyLock;

use axum::{
    Router,
    body::{self, Body},
    http::{Request, StatusCode},
};
use latchkey_core::{
    accounts::{self, NewAccount},
    keys,
    public_url::PublicUrl,
};
use latchkey_http::{AppState, ModelLimits};
use latchkey_program::{
    config::{DataOptions, OutgoingOptions},
    data_dir::Data,
    router,
};
use latchkey_store::users;
use latchkey_types::{
    key::{CreateKeyRequest, RequestedExpiry},
    key_kind::{KeyKind, Kind},
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

const OWNER: &str = "owner@fuzz.test";

/// A server with one owner.
pub struct TestServer {
    /// An internal key of the owner.
    pub caller: String,
    /// An agent key of the owner.
    pub agent: String,
    runtime: Runtime,
    router: Router,
    _data: (Data, TempDir),
}

static SERVER: LazyLock<TestServer> = LazyLock::new(TestServer::open);

impl TestServer {
    /// The server of this process, started on first use.
    pub fn get() -> &'static Self {
        &SERVER
    }

    fn open() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("cannot create a runtime");
        let folder = tempfile::tempdir().expect("cannot create a temporary folder");
        let options = DataOptions::in_folder(folder.path());
        let (data, core, caller, agent) = runtime.block_on(async {
            let data = Data::open_exclusive(&options).await.expect("cannot create the data directory");
            let public_url = PublicUrl::new(None, ([127, 0, 0, 1], 3000).into()).expect("cannot parse the public URL");
            let core = data.core(public_url, OutgoingOptions::default()).expect("cannot create the rules");
            let account =
                NewAccount { organization: "Fuzz".into(), name: "Owner".into(), email: OWNER.into(), password: "correct horse battery".into() };
            accounts::create_user(&core, account, "owner").await.expect("cannot create a user");
            let owner = users::find_user_by_email(&core.store, OWNER).await.expect("cannot read the store").expect("the user exists");
            let actor = accounts::console_actor(&owner);
            let request = CreateKeyRequest {
                expiry: RequestedExpiry::Days(3650),
                ..CreateKeyRequest::with_name(Kind::Key(KeyKind::Internal), "Caller".to_owned())
            };
            let created = keys::create(&core, &actor, request).await.expect("cannot create a key");
            let request = CreateKeyRequest::with_name(Kind::Key(KeyKind::Agent), "Agent".to_owned());
            let agent = keys::create(&core, &actor, request).await.expect("cannot create an agent key");
            (data, core, created.secret.reveal().to_owned(), agent.secret.reveal().to_owned())
        });
        let state = AppState::new(core, Vec::new(), ModelLimits::default()).expect("cannot create the state");
        Self { caller, agent, router: router::router(state), runtime, _data: (data, folder) }
    }

    /// Sends a request and returns the status and body of the response.
    pub fn send(&self, request: Request<Body>) -> (StatusCode, Vec<u8>) {
        self.runtime.block_on(async {
            let response = match self.router.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            let status = response.status();
            (status, body::to_bytes(response.into_body(), usize::MAX).await.map(Vec::from).unwrap_or_default())
        })
    }
}
