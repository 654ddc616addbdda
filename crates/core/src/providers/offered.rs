//! The models that a provider offers, from its own list.

use crate::{
    Core,
    actor::Actor,
    credential_check::list_models,
    credentials::{self, OpenError, Secrets},
    models::{price_table, remember_failure},
};
use latchkey_store::{self as store, WriteLock, providers::ProviderRecord};
use latchkey_types::{
    error::Error,
    id::ProviderId,
    permission::Permission,
    provider::{OfferedModel, ProviderError},
    provider_rules::upstream_name,
    time::Timestamp,
};
use secrecy::SecretString;

/// Calls the provider's list of models with its key. Returns them sorted by name, without those whose names cannot be stored.
///
/// # Errors
/// `Invalid` at `provider` with a sentence if the provider has no usable key or does not answer with a list; `NotFound`, `Forbidden`.
pub async fn offered_models(core: &Core, actor: &Actor, provider: ProviderId) -> Result<Vec<OfferedModel>, Error> {
    actor.require(Permission::ManageCredentials)?;
    let provider = super::find(&mut *core.store.connection().await?, actor, provider).await?;
    let key = provider_key(core, actor, &provider).await?;
    let listed = list_models(&core.http_client, &provider, key.as_ref()).await;
    store_outcome(core, &provider, listed.as_ref().err()).await?;
    let mut names = listed.map_err(|message| Error::invalid("provider", message))?;
    names.retain(|name| upstream_name("provider", name).is_ok_and(|valid| valid == *name));
    names.sort_unstable();
    names.dedup();
    let offered = names.into_iter().map(|name| OfferedModel { price: price_table::find(provider.api_style, &provider.base_url, &name).price, name });
    Ok(offered.collect())
}

/// Stores the failure of the list, or that it was read after an earlier failure.
async fn store_outcome(core: &Core, provider: &ProviderRecord, failure: Option<&String>) -> Result<(), Error> {
    if failure.is_none() && provider.last_error().is_none() {
        return Ok(());
    }
    let error = failure.map(|message| ProviderError { at: Timestamp::now(), status: None, message: message.clone() });
    let mut tx = core.store.begin_locked(WriteLock::Nothing).await?;
    store::providers::set_last_error(&mut tx, provider.id, error.as_ref()).await?;
    tx.commit().await?;
    if error.is_some() {
        remember_failure(core, provider.id);
    }
    Ok(())
}

/// The provider's own key; `None` if it never had one.
async fn provider_key(core: &Core, actor: &Actor, provider: &ProviderRecord) -> Result<Option<SecretString>, Error> {
    let unusable = |what: &str| Error::invalid("provider", format!("The key of {} {what}. Link another one.", provider.name));
    let Some(id) = provider.link.credential_id else {
        return if provider.link.unlink_reason.is_some() { Err(unusable("was deleted or unlinked")) } else { Ok(None) };
    };
    match credentials::open(core, actor.organization, id).await {
        Ok(opened) => match opened.secrets {
            Secrets::General { value } => Ok(Some(value)),
            // Only general keys can be linked.
            Secrets::Aws { .. } | Secrets::Dnanexus { .. } => Err(Error::Internal),
        },
        Err(OpenError::Deleted) => Err(unusable("was deleted")),
        Err(OpenError::Expired) => Err(unusable("has expired")),
        Err(OpenError::Unreadable) => Err(unusable("cannot be decrypted")),
        Err(OpenError::Internal(error)) => Err(error),
    }
}
