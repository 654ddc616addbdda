//! The rules: who may do what, what is written with it, and who is notified. One file or folder per noun.

pub mod access_requests;
pub mod accounts;
pub mod actor;
pub mod audit;
pub mod audit_log;
pub mod auth;
pub mod base_url;
pub mod budgets;
pub mod bulk;
pub mod call_bodies;
pub mod change;
pub mod claims;
pub mod corpora;
pub mod credential_check;
pub mod credentials;
pub mod documents;
pub mod etag;
pub mod expiry;
pub mod http_client;
pub mod idempotency;
pub mod idle_secrets;
pub mod instances;
pub mod invitations;
pub mod issued_keys;
pub mod key_lists;
pub mod key_templates;
pub mod keyring;
pub mod keys;
mod list_cursor;
pub mod list_moves;
pub mod mail;
pub mod master_key_rotation;
pub mod members;
pub mod model_usage;
pub mod models;
pub mod notifications;
pub mod organization;
pub mod overview;
pub mod profile;
pub mod project_keys;
pub mod projects;
pub mod providers;
pub mod public_url;
pub mod receipts;
pub mod roles;
pub mod samples;
pub mod services;
pub mod sigv4;
#[cfg(test)]
mod testing;
pub mod usage;
pub mod vault;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use latchkey_crypto::{key_format::Pepper, random_token::TokenPurpose};
use latchkey_events::EventLog;
use latchkey_store::{self as store, Store};
use latchkey_types::error::Error;
use latchkey_verify::Verifier;
use prometheus::Histogram;
use secrecy::SecretString;

use audit::Auditor;
use auth::{password::Passwords, throttle::Throttle};
use call_bodies::BodyLog;
use claims::Claims;
use corpora::backends::BackendCache;
use credential_check::{CredentialChecks, ProviderEndpoints};
use http_client::{HttpClient, OutgoingNetworks};
use keyring::Keyring;
use model_usage::ModelUsage;
use models::CatalogCache;
use notifications::NotificationHub;
use project_keys::PublicKeyCache;
use public_url::PublicUrl;
use receipts::ReceiptIssuer;
use samples::store::SampleStore;
use services::call::ServiceCache;
use vault::Vault;

/// What the rules work with.
pub struct Core {
    pub store: Store,
    pub pepper: Pepper,
    pub vault: Arc<Vault>,
    pub http_client: HttpClient,
    pub credential_checks: CredentialChecks,
    pub auditor: Auditor,
    pub verifier: Arc<Verifier>,
    pub backend_cache: Arc<BackendCache>,
    pub notification_hub: Arc<NotificationHub>,
    pub public_keys: PublicKeyCache,
    pub service_cache: Arc<ServiceCache>,
    pub catalogs: Arc<CatalogCache>,
    pub model_usage: ModelUsage,
    /// Disabled until the program sets another one.
    pub call_log: EventLog,
    pub body_log: BodyLog,
    /// Empty and in memory until the program sets another one.
    pub samples: SampleStore,
    pub passwords: Passwords,
    pub throttle: Throttle,
    pub claims: Arc<Claims>,
    /// The secret of the set-up link, which is the same on all instances; of no use once there is a user.
    pub setup_token: SecretString,
    pub public_url: PublicUrl,
    receipt_issuer: ReceiptIssuer,
    has_users: AtomicBool,
}

impl Core {
    /// # Errors
    /// When the HTTP client or a metric cannot be built.
    pub fn new(
        store: Store,
        keyring: &Keyring,
        vault: Arc<Vault>,
        public_url: PublicUrl,
        outgoing: OutgoingNetworks,
        endpoints: ProviderEndpoints,
    ) -> anyhow::Result<Self> {
        let pepper = Pepper::new(&keyring.pepper);
        let verifier = Arc::new(Verifier::new(store.clone(), pepper.clone()));
        store.subscribe({
            let verifier = Arc::clone(&verifier);
            move |changes| changes.iter().for_each(|change| verifier.apply(change))
        });
        let receipt_issuer = ReceiptIssuer::new(store.clone(), Arc::clone(&vault), public_url.issuer())?;
        Ok(Self {
            body_log: BodyLog::new(store.clone(), Arc::clone(&vault)),
            verifier,
            auditor: Auditor::new(&keyring.audit),
            vault,
            http_client: HttpClient::new(outgoing)?,
            credential_checks: CredentialChecks::new(endpoints),
            throttle: Throttle::new(&store, &pepper),
            claims: Arc::new(Claims::new(store.clone())),
            setup_token: hex::encode(&pepper.token_digest(TokenPurpose::SetUp, "")[..16]).into(),
            store,
            pepper,
            backend_cache: Arc::default(),
            notification_hub: Arc::new(NotificationHub::new()),
            public_keys: PublicKeyCache::default(),
            service_cache: Arc::default(),
            catalogs: Arc::default(),
            model_usage: ModelUsage::default(),
            call_log: EventLog::disabled(),
            samples: SampleStore::in_memory(),
            passwords: Passwords::new(),
            public_url,
            receipt_issuer,
            has_users: AtomicBool::new(false),
        })
    }

    /// How long revocations took to be effective on every instance, in seconds.
    pub fn revocation_durations(&self) -> &Histogram {
        self.receipt_issuer.durations()
    }

    /// Whether a user exists. Users are never removed, so `true` is cached.
    pub async fn has_users(&self) -> Result<bool, Error> {
        if !self.has_users.load(Ordering::Relaxed) && store::users::has_users(&self.store).await? {
            self.set_has_users();
        }
        Ok(self.has_users.load(Ordering::Relaxed))
    }

    pub fn set_has_users(&self) {
        self.has_users.store(true, Ordering::Relaxed);
    }
}
