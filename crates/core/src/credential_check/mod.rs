//! Credential check: tests whether the provider accepts a credential, with the cheapest read-only request.

mod aws;
mod dnanexus;
mod model_provider;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use secrecy::SecretString;
use url::Url;

pub(crate) use dnanexus::API as DNANEXUS_API;
pub(crate) use model_provider::list_models;

use super::{
    Core,
    actor::Actor,
    claims,
    credentials::{self, OpenCredential, OpenError, Secrets},
    http_client::{CALL_LIMIT, HttpClient, HttpError},
};
use latchkey_store::{self as store, credentials::CredentialRecord, providers::Destination};
use latchkey_types::{
    credential::TestReport,
    error::Error,
    id::{CredentialId, ProviderId},
    key::{TestOutcome, TestResult},
    provider::ProviderError,
    time::Timestamp,
};

/// While another test of the credential is running, on any instance.
const RUNNING: Error = Error::Throttled { seconds: CALL_LIMIT.as_secs() };

/// URLs of the storage providers.
#[derive(Debug, Clone, Default)]
pub struct ProviderEndpoints {
    /// AWS Security Token Service; `None` for the endpoint of the credential's region.
    pub aws_sts: Option<Url>,
    /// Amazon S3, with the bucket in the path; `None` for the endpoint of the credential's region.
    pub aws_s3: Option<Url>,
    /// `DNAnexus` API; `None` for the public one.
    pub dnanexus: Option<Url>,
}

/// URLs of the providers, and the credentials that this instance is testing.
#[derive(Default)]
pub struct CredentialChecks {
    endpoints: ProviderEndpoints,
    running: Arc<Mutex<HashSet<CredentialId>>>,
}

/// Marks a credential as being tested, until dropped.
struct RunningTest {
    all: Arc<Mutex<HashSet<CredentialId>>>,
    id: CredentialId,
}

impl CredentialChecks {
    pub fn new(endpoints: ProviderEndpoints) -> Self {
        Self { endpoints, running: Arc::default() }
    }

    pub(crate) const fn endpoints(&self) -> &ProviderEndpoints {
        &self.endpoints
    }

    fn begin(&self, id: CredentialId) -> Result<RunningTest, Error> {
        let is_new = self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        if is_new { Ok(RunningTest { all: Arc::clone(&self.running), id }) } else { Err(RUNNING) }
    }
}

impl Drop for RunningTest {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// The outcome of a test and its message for the user.
struct CheckResult(TestOutcome, String);

impl CheckResult {
    fn accepted(provider: &str) -> Self {
        Self(TestOutcome::Works, format!("{provider} accepts this key."))
    }

    fn rejected(provider: &str) -> Self {
        Self(TestOutcome::Refused, format!("{provider} rejects this key. Check it at the provider, then replace the stored key."))
    }

    fn inconclusive(reason: impl Into<String>) -> Self {
        Self(TestOutcome::Unchecked, reason.into())
    }

    fn request_failed(provider: &str, failure: HttpError) -> Self {
        Self::inconclusive(format!("{provider} {failure}"))
    }

    /// For responses that neither accept nor reject the key.
    fn unexpected_status(provider: &str, status: u16) -> Self {
        match status {
            200..=299 => Self::inconclusive(format!("{provider} sent an unexpected response. Check the URL.")),
            300..=399 => Self::inconclusive(format!("{provider} responded with a redirect, which Latchkey does not follow. Check the URL.")),
            _ => Self::inconclusive(format!("{provider} responded with status {status}. Check the URL or try again later.")),
        }
    }
}

/// Tests a credential and stores the outcome. Needs the `manage` permission of its kind.
///
/// # Errors
/// `Throttled` while another test of the same credential is running.
pub async fn test(core: &Core, actor: &Actor, id: CredentialId) -> Result<TestReport, Error> {
    let record = credentials::get_record(core, actor, id).await?;
    let _running = core.credential_checks.begin(id)?;
    let claim = core.claims.take(claims::test_claim(id)).await?.ok_or(RUNNING)?;
    let report = test_and_record(core, actor, id, record).await;
    claim.release().await;
    report
}

async fn test_and_record(core: &Core, actor: &Actor, id: CredentialId, record: CredentialRecord) -> Result<TestReport, Error> {
    let (CheckResult(outcome, detail), provider) = run_test(core, actor, id, &record).await?;
    let tested = TestResult { at: Timestamp::now(), outcome };
    let mut change = core.begin(actor, &[record.kind.spec().manage]).await?;
    store::credentials::set_test_result(&mut change.tx, &record, &tested).await?;
    if let Some(provider) = provider {
        let error = ProviderError { at: tested.at, status: None, message: detail.clone() };
        store::providers::set_last_error(&mut change.tx, provider, (outcome != TestOutcome::Works).then_some(&error)).await?;
    }
    let event = change.event("credential.tested", "credential", id, &record.name).with("outcome", outcome.as_str());
    change.commit([event]).await?;
    Ok(TestReport { tested, detail })
}

/// The result, and the provider that was called, if it was one of language models.
async fn run_test(core: &Core, actor: &Actor, id: CredentialId, record: &CredentialRecord) -> Result<(CheckResult, Option<ProviderId>), Error> {
    let without_provider = |result: CheckResult| Ok((result, None));
    let OpenCredential { secrets, record: opened } = match credentials::open(core, actor.organization, id).await {
        Ok(opened) => opened,
        Err(OpenError::Expired) => {
            return without_provider(CheckResult(TestOutcome::Refused, "This key has expired. Replace it.".to_owned()));
        }
        Err(OpenError::Unreadable) => {
            return without_provider(CheckResult::inconclusive("The stored secret cannot be decrypted. Enter it again."));
        }
        Err(OpenError::Deleted) => return Err(Error::NotFound),
        Err(OpenError::Internal(error)) => return Err(error),
    };
    // The outcome must be stored for the tested value, not for one that replaced it.
    if opened.updated_at != record.updated_at {
        return Err(Error::conflict("value", "The key was changed during the test. Test it again."));
    }
    let (client, endpoints) = (&core.http_client, &core.credential_checks.endpoints);
    without_provider(match secrets {
        Secrets::Aws { key, secret, region } => aws::test(client, endpoints.aws_sts.as_ref(), &key, &secret, &region).await,
        Secrets::Dnanexus { token } => dnanexus::test(client, endpoints.dnanexus.as_ref(), &token).await,
        Secrets::General { value } => match store::providers::destination_of(&core.store, opened.id).await? {
            Some(destination) => return Ok((test_general(client, &destination, &value).await, destination.provider_id)),
            None => CheckResult::inconclusive("Link it to a provider first."),
        },
    })
}

async fn test_general(client: &HttpClient, to: &Destination, value: &SecretString) -> CheckResult {
    match to.api_style {
        Some(style) => model_provider::test(client, to, style, value).await,
        None => CheckResult::inconclusive(format!("It is used for {}. Only keys of language model providers can be tested.", to.name)),
    }
}
