//! Trying a credential where it belongs: does its provider take it? With the gentlest call that tells.

mod aws;
mod dnanexus;
mod model_provider;
mod sigv4;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{
    actor::Actor,
    audit::Event,
    credentials::{self, Opened, Secrets, Unusable},
    outgoing::{CALL_LIMIT, Failure},
    state::AppState,
    store::{self, credentials::CredentialRecord},
};
use crate::model::{
    credential::TestReport,
    fault::Fault,
    id::CredentialId,
    key::{TestOutcome, Tested},
    time::Timestamp,
};

/// Where the storage providers are.
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    /// AWS's Security Token Service; `None` for the one of the credential's region.
    pub aws_sts: Option<Url>,
    /// `DNAnexus`'s API; `None` for its own.
    pub dnanexus: Option<Url>,
}

/// Tests of connections: where they go, and which are under way.
#[derive(Default)]
pub struct Connections {
    endpoints: Endpoints,
    under_way: Arc<Mutex<HashSet<CredentialId>>>,
}

/// One test that is under way, until it is dropped.
struct UnderWay {
    all: Arc<Mutex<HashSet<CredentialId>>>,
    id: CredentialId,
}

impl Connections {
    /// None are under way.
    pub fn new(endpoints: Endpoints) -> Self {
        Self { endpoints, under_way: Arc::default() }
    }

    fn begin(&self, id: CredentialId) -> Result<UnderWay, Fault> {
        let began = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        if began { Ok(UnderWay { all: Arc::clone(&self.under_way), id }) } else { Err(Fault::Throttled { seconds: CALL_LIMIT.as_secs() }) }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// What a test found, and what is to be said of it.
struct Finding(TestOutcome, String);

impl Finding {
    fn works(who: &str) -> Self {
        Self(TestOutcome::Works, format!("{who} takes this key."))
    }

    fn refused(who: &str) -> Self {
        Self(TestOutcome::Refused, format!("{who} does not take this key. Check it there, then store it anew."))
    }

    fn unchecked(why: impl Into<String>) -> Self {
        Self(TestOutcome::Unchecked, why.into())
    }

    fn failed(who: &str, failure: Failure) -> Self {
        Self::unchecked(format!("{who} {failure}"))
    }

    /// For an answer that says neither yes nor no.
    fn strange(who: &str, status: u16) -> Self {
        match status {
            200..=299 => Self::unchecked(format!("{who} answered something else than expected. Check the address.")),
            300..=399 => Self::unchecked(format!("{who} answered with a redirect, which is not followed. Check the address.")),
            _ => Self::unchecked(format!("{who} answered with status {status}. Check the address, or try again later.")),
        }
    }
}

/// Tests a credential and notes how it went. Needs its kind's `manage` permission.
///
/// # Errors
/// `Throttled` while another test of it is under way; `NotFound`, `Forbidden`, `Unavailable`.
pub async fn test(state: &AppState, actor: &Actor, id: CredentialId) -> Result<TestReport, Fault> {
    let record = credentials::get_record(state, actor, id).await?;
    let _under_way = state.connections.begin(id)?;
    let Finding(outcome, detail) = find_out(state, actor, id, &record).await?;
    let tested = Tested { at: Timestamp::now(), outcome };
    let event = Event::new(actor, "credential.tested", "credential", id, &record.name).with("outcome", outcome.word());
    let (auditor, noted) = (state.auditor.clone(), tested.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                store::credentials::set_tested(tx, &record, &noted).await?;
                Ok(auditor.record(tx, event).await?)
            })
        })
        .await?;
    Ok(TestReport { tested, detail })
}

async fn find_out(state: &AppState, actor: &Actor, id: CredentialId, record: &CredentialRecord) -> Result<Finding, Fault> {
    let Opened { secrets, record: opened } = match credentials::open(state, actor.organization, id).await {
        Ok(opened) => opened,
        Err(Unusable::Expired) => return Ok(Finding(TestOutcome::Refused, "This key has expired. Delete it and store a new one.".to_owned())),
        Err(Unusable::Unreadable) => {
            return Ok(Finding::unchecked("The stored secret can no longer be opened. Store it anew."));
        }
        Err(Unusable::Gone) => return Err(Fault::NotFound),
        Err(Unusable::Fault(fault)) => return Err(fault),
    };
    // Noted of the value that is tested, not of one that took its place since.
    if opened.updated_at != record.updated_at {
        return Err(Fault::conflict("value", "The key was changed meanwhile. Test it again."));
    }
    let (outgoing, endpoints) = (&state.outgoing, &state.connections.endpoints);
    Ok(match secrets {
        Secrets::Aws { key, secret, region } => aws::test(outgoing, endpoints.aws_sts.as_ref(), &key, &secret, &region).await,
        Secrets::Dnanexus { token } => dnanexus::test(outgoing, endpoints.dnanexus.as_ref(), &token).await,
        Secrets::General { value } => match store::providers::destination_of(&state.store, &opened.id).await? {
            Some(destination) => model_provider::test(outgoing, &destination, &value).await,
            None => Finding::unchecked("Link it to a provider first."),
        },
    })
}

/// A header with a secret in it, which nothing prints.
fn secret_header(prefix: &str, secret: &SecretString) -> Option<HeaderValue> {
    let line = SecretString::from(format!("{prefix}{}", secret.expose_secret()));
    let mut value = HeaderValue::from_str(line.expose_secret()).ok()?;
    value.set_sensitive(true);
    Some(value)
}
