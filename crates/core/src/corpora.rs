//! Corpora, which corpus keys give access to.

use super::{Core, actor::Actor, audit::Event};
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
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let id = store::corpora::insert(tx, actor.organization, &name, actor.user).await.map_err(name_taken)?;
                auditor.record(tx, Event::new(&actor, "corpus.created", "corpus", id, &name)).await?;
                let created = store::corpora::all(tx, actor.organization).await?.into_iter().find(|corpus| corpus.id == id);
                created.ok_or(Error::Internal)
            })
        })
        .await
}

/// Deletes a corpus permanently; all keys lose access to it. Needs *Manage Corpora*.
pub async fn delete(core: &Core, actor: &Actor, id: i64) -> Result<(), Error> {
    actor.require(Permission::ManageCorpora)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let name = store::corpora::delete(tx, actor.organization, id).await?.ok_or(Error::NotFound)?;
                // Many keys may be affected.
                store::verdict_changes::record(tx, None).await?;
                Ok(auditor.record(tx, Event::new(&actor, "corpus.deleted", "corpus", id, &name)).await?)
            })
        })
        .await?;
    core.verifier.invalidate(None);
    Ok(())
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "A corpus with this name already exists.")
}
