//! Corpora, which corpus keys give access to.

pub mod backends;
mod upstream;

pub use upstream::{remove_upstream, set_upstream};

use super::{Core, actor::Actor, documents::purge};
use latchkey_store::{self as store, corpora::CorpusRecord};
use latchkey_types::{corpus::CorpusPage, error::Error, key_kind::CredentialKind, permission::Permission, provider::GeneralKey, validate};

/// Those who choose corpora for a key, or manage them, can see them.
const VIEW_PERMISSIONS: &[Permission] = &[Permission::ViewKeys, Permission::ManageCorpora];

/// The organization's corpora, oldest first. Needs *View Keys* or *Manage Corpora*.
pub async fn all(core: &Core, actor: &Actor) -> Result<Vec<CorpusRecord>, Error> {
    actor.require_any(VIEW_PERMISSIONS)?;
    let mut db = core.store.connection().await?;
    Ok(store::corpora::all(&mut db, actor.organization).await?)
}

/// A corpus, its upstream, and the general keys that the actor can link to it. Needs *Manage Corpora*.
pub async fn page(core: &Core, actor: &Actor, id: i64) -> Result<CorpusPage, Error> {
    actor.require(Permission::ManageCorpora)?;
    let (corpus, customer_id, upstream) = {
        let mut db = core.store.connection().await?;
        let corpus = store::corpora::find(&mut db, actor.organization, id).await?.ok_or(Error::NotFound)?;
        let customer_id = store::organizations::customer_id(&mut db, actor.organization).await?;
        (corpus, customer_id, store::upstreams::find(&mut db, actor.organization, id).await?)
    };
    let keys = if actor.permissions.has(Permission::ManageCredentials) {
        store::credentials::of_kind(&core.store, actor.organization, CredentialKind::General).await?
    } else {
        Vec::new()
    };
    let credentials = keys.into_iter().map(|key| GeneralKey { id: key.id, name: key.name, mask: key.mask }).collect();
    Ok(CorpusPage { corpus: corpus.into(), customer_id, upstream: upstream.map(Into::into), credentials })
}

/// Creates a corpus. Existing keys have no access to it. Needs *Manage Corpora*.
///
/// # Errors
/// `Invalid` or `Conflict` at `name`; `Forbidden`, `Unavailable`.
pub async fn create(core: &Core, actor: &Actor, name: &str) -> Result<CorpusRecord, Error> {
    actor.require(Permission::ManageCorpora)?;
    let name = validate::name("name", name)?;
    let mut change = core.begin(actor, &[Permission::ManageCorpora]).await?;
    let organization = change.actor.organization;
    let id = store::corpora::insert(&mut change.tx, organization, &name, change.actor.user).await.map_err(name_taken)?;
    let created = store::corpora::find(&mut change.tx, organization, id).await?.ok_or(Error::Internal)?;
    let event = change.event("corpus.created", "corpus", id, &name);
    change.commit([event]).await?;
    Ok(created)
}

/// Deletes a corpus permanently, with its documents and its upstream; all keys lose access to it. Needs *Manage Corpora*.
pub async fn delete(core: &Core, actor: &Actor, id: i64) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageCorpora]).await?;
    let name = store::corpora::delete(&mut change.tx, change.actor.organization, id).await?.ok_or(Error::NotFound)?;
    let event = change.event("corpus.deleted", "corpus", id, &name);
    change.commit([event]).await?;
    purge::start(&core.store, purge::DELETION_DELAY);
    Ok(())
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "A corpus with this name already exists.")
}
