//! Creates a data folder with many keys and returns their secrets, which a server cannot reveal later.

mod opaque;
mod tokens;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow};
use latchkey_core::Core;
use latchkey_core::{
    accounts::{self, NewAccount},
    actor::Actor,
    keys,
    public_url::PublicUrl,
};
use latchkey_program::{
    config::{DataOptions, OutgoingOptions},
    data_dir::Data,
};
use latchkey_store::users;
use latchkey_types::{
    error::Fault,
    key::{Ends, WantedKey},
    key_kind::{KeyKind, Kind},
};

const OWNER: &str = "owner@bench.test";

/// A filled data folder and the secrets of its keys.
pub struct Stock {
    /// The data folder.
    pub folder: PathBuf,
    /// The internal key with which verify is called.
    pub caller: String,
    /// Client keys, each with a rate limit that is never reached.
    pub keys: Vec<Box<str>>,
    /// Signed tokens of project keys.
    pub tokens: Vec<Box<str>>,
}

impl Stock {
    /// Replaces the folder by a new one with this number of client keys and of project keys.
    ///
    /// # Errors
    /// An I/O or database error.
    pub fn make(folder: &Path, keys: usize, tokens: usize) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        tokio::runtime::Runtime::new()?.block_on(fill(folder, keys, tokens))
    }
}

async fn fill(folder: &Path, keys: usize, tokens: usize) -> Result<Stock> {
    let options = DataOptions { data: folder.to_owned(), database: None, master_key: None, new_master_key: None };
    let data = Data::open_alone(&options).await?;
    let state = data.core(PublicUrl::new(None, ([127, 0, 0, 1], 3000).into())?, OutgoingOptions::default())?;
    let owner = owner(&state).await?;
    let fixtures = Stock {
        folder: folder.to_owned(),
        caller: caller(&state, &owner).await?,
        keys: opaque::store(&state, &owner, keys).await?,
        tokens: tokens::issue(&state, &owner, tokens).await?,
    };
    data.store.close().await;
    Ok(fixtures)
}

/// Creates the owner, who is the creator of all keys.
async fn owner(state: &Core) -> Result<Actor> {
    let account =
        NewAccount { organization: "Bench".to_owned(), name: "Owner".to_owned(), email: OWNER.to_owned(), password: "correct horse battery".into() };
    accounts::create_user(state, account, "owner").await.map_err(in_words)?;
    let owner = users::user_by_email(&state.store, OWNER).await?.context("the owner was not stored")?;
    accounts::console(&owner).map_err(in_words)
}

async fn caller(state: &Core, owner: &Actor) -> Result<String> {
    let request = WantedKey { ends: Ends::Days(30), ..WantedKey::named(Kind::Key(KeyKind::Platform), "Caller".to_owned()) };
    Ok(keys::create(state, owner, request).await.map_err(in_words)?.secret.reveal().to_owned())
}

fn in_words(fault: Fault) -> anyhow::Error {
    anyhow!("{fault}")
}
