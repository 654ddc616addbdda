//! Application state, shared by all request handlers.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::extract::FromRef;
use ipnet::IpNet;
use leptos::config::LeptosOptions;
use secrecy::SecretString;

use super::{
    assets,
    audit::Auditor,
    auth::{password::Passwords, throttle::Throttle},
    config::{OutgoingOptions, PublicUrl},
    connection::{Connections, Endpoints},
    data::Data,
    listing::Listings,
    metrics::Metrics,
    notices::News,
    outgoing::Outgoing,
    random,
    store::{self, Store},
    token::Pepper,
    vault::Vault,
    verify::Verifier,
};
use crate::model::fault::Fault;

/// Application state; cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

pub struct Shared {
    pub store: Store,
    /// Key of the HMAC over API keys.
    pub pepper: Pepper,
    /// Encrypts and decrypts credentials and project secrets.
    pub vault: Arc<Vault>,
    pub outgoing: Outgoing,
    pub connections: Connections,
    pub auditor: Auditor,
    pub verifier: Verifier,
    pub metrics: Metrics,
    /// Snapshots of opened lists.
    pub listings: Listings,
    /// Delivers notifications to open event streams.
    pub news: News,
    pub passwords: Passwords,
    pub throttle: Throttle,
    /// Token of the setup link; invalid once a user exists.
    pub setup_token: SecretString,
    pub public_url: PublicUrl,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    pub leptos: LeptosOptions,
    has_users: AtomicBool,
}

impl AppState {
    pub fn new(data: &Data, public_url: PublicUrl, trusted_proxies: Vec<IpNet>, outgoing: OutgoingOptions) -> anyhow::Result<Self> {
        let (store, pepper) = (data.store.clone(), Pepper::new(&data.keyring.pepper));
        let verifier = Verifier::new(store.clone(), pepper.clone());
        Ok(Self(Arc::new(Shared {
            metrics: Metrics::new(verifier.store_reads().clone())?,
            verifier,
            auditor: Auditor::new(&data.keyring.audit),
            vault: Arc::clone(&data.vault),
            outgoing: Outgoing::new(outgoing.allow_outgoing)?,
            connections: Connections::new(Endpoints { aws_sts: outgoing.aws_sts_url, dnanexus: outgoing.dnanexus_url }),
            store,
            pepper,
            listings: Listings::default(),
            news: News::new(),
            passwords: Passwords::new(),
            throttle: Throttle::default(),
            setup_token: format!("{:032x}", u128::from_be_bytes(random::bytes())).into(),
            public_url,
            trusted_proxies,
            leptos: LeptosOptions::builder().output_name(assets::NAME).site_root(assets::ROOT).build(),
            has_users: AtomicBool::new(false),
        })))
    }

    /// Whether a user exists. Users are never removed, so `true` is cached.
    pub async fn has_users(&self) -> Result<bool, Fault> {
        if !self.has_users.load(Ordering::Relaxed) && store::people::any_user(&self.store).await? {
            self.note_user();
        }
        Ok(self.has_users.load(Ordering::Relaxed))
    }

    pub fn note_user(&self) {
        self.has_users.store(true, Ordering::Relaxed);
    }
}

impl Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}
