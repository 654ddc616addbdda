//! Corpora, which corpus keys give access to.

use super::{Core, actor::Actor};
use latchkey_store::{self as store, corpora::CorpusRecord};
use latchkey_types::{error::Error, permission::Permission, validate};

/// Those who choose corpora for a key, or manage them, can see them.
const VIEW_PERMISSIONS: &[Permission] = &[Permission::ViewKeys, Permission::ManageCorpora];

/// The organization's corpora, oldest first. Needs *View Keys* or *Manage Corpora*.
pub async fn all(core: &Core, actor: &Actor) -> Result<Vec<CorpusRecord>, Error> {
    actor.require_any(VIEW_PERMISSIONS)?;
    let mut db = core.store.connection().await?;
    Ok(store::corpora::all(&mut db, actor.organization).await?)
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
    let created = store::corpora::all(&mut change.tx, organization).await?.into_iter().find(|corpus| corpus.id == id).ok_or(Error::Internal)?;
    let event = change.event("corpus.created", "corpus", id, &name);
    change.commit([event]).await?;
    Ok(created)
}

/// Deletes a corpus permanently; all keys lose access to it. Needs *Manage Corpora*.
pub async fn delete(core: &Core, actor: &Actor, id: i64) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageCorpora]).await?;
    let name = store::corpora::delete(&mut change.tx, change.actor.organization, id).await?.ok_or(Error::NotFound)?;
    let event = change.event("corpus.deleted", "corpus", id, &name);
    change.commit([event]).await
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "A corpus with this name already exists.")
}
