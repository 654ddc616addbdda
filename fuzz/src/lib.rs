//! The whole server on a new database, without a socket, for targets that go through its router.

use std::sync::LazyLock;

use axum::{
    Router,
    body::{self, Body},
    http::{Request, StatusCode},
};
use latchkey::{
    model::{
        key::{Ends, WantedKey},
        policy::{KeyKind, Kind},
    },
    server::{
        accounts::{self, NewAccount},
        config::{DataOptions, OutgoingOptions, PublicUrl},
        data::Data,
        keys, router,
        state::AppState,
        store::people,
    },
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

const OWNER: &str = "owner@fuzz.test";

/// The server, and a caller that it knows.
pub struct Desk {
    /// A platform key.
    pub caller: String,
    runtime: Runtime,
    router: Router,
    _data: (Data, TempDir),
}

static DESK: LazyLock<Desk> = LazyLock::new(Desk::open);

impl Desk {
    /// The one of this process.
    pub fn get() -> &'static Self {
        &DESK
    }

    fn open() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        let folder = tempfile::tempdir().expect("a folder can be made");
        let options = DataOptions { data: folder.path().to_owned(), database: None, master_key: None, new_master_key: None };
        let (data, state, caller) = runtime.block_on(async {
            let data = Data::open_alone(&options).await.expect("the data can be made");
            let public_url = PublicUrl::new(None, ([127, 0, 0, 1], 3000).into()).expect("this is an address");
            let state = AppState::new(&data, public_url, Vec::new(), OutgoingOptions::default()).expect("the parts fit together");
            let account =
                NewAccount { organization: "Fuzz".into(), name: "Owner".into(), email: OWNER.into(), password: "correct horse battery".into() };
            accounts::create_user(&state, account, "owner").await.expect("a user can be made");
            let owner = people::user_by_email(&state.store, OWNER).await.expect("the store is there").expect("the user was made");
            let actor = accounts::console(&owner).expect("a user is one");
            let wanted = WantedKey { ends: Ends::Days(3650), ..WantedKey::named(Kind::Key(KeyKind::Platform), "Caller".to_owned()) };
            let made = keys::create(&state, &actor, wanted).await.expect("a key can be made");
            (data, state, made.secret.reveal().to_owned())
        });
        Self { caller, router: router::router(state), runtime, _data: (data, folder) }
    }

    /// What the server answers.
    pub fn ask(&self, request: Request<Body>) -> (StatusCode, Vec<u8>) {
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
