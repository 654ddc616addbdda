//! What every call can reach.

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

/// Shared by every call; cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

/// What is shared.
pub struct Shared {
    /// The database.
    pub store: Store,
    /// Under which API keys are digested.
    pub pepper: Pepper,
    /// Opens and seals the secrets that others made.
    pub vault: Arc<Vault>,
    /// Calls other services.
    pub outgoing: Outgoing,
    /// Tests of credentials.
    pub connections: Connections,
    /// Writes the audit log.
    pub auditor: Auditor,
    /// Judges keys.
    pub verifier: Verifier,
    /// What is counted for those who operate us.
    pub metrics: Metrics,
    /// Lists that are being read.
    pub listings: Listings,
    /// Hands notices to who looks on.
    pub news: News,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Counts failed sign-ins.
    pub throttle: Throttle,
    /// What the set-up link holds; worth nothing once there is a user.
    pub setup_token: SecretString,
    /// Where people reach us.
    pub public_url: PublicUrl,
    /// Proxies that are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// For `leptos_axum`.
    pub leptos: LeptosOptions,
    has_users: AtomicBool,
}

impl AppState {
    /// Puts the parts together.
    ///
    /// # Errors
    /// When the client for other services can't be made.
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

    /// Whether anybody can sign in. Users are never removed, so a yes is remembered.
    ///
    /// # Errors
    /// What the database says.
    pub async fn has_users(&self) -> Result<bool, Fault> {
        if !self.has_users.load(Ordering::Relaxed) && store::people::any_user(&self.store).await? {
            self.note_user();
        }
        Ok(self.has_users.load(Ordering::Relaxed))
    }

    /// Notes that there is a user.
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
