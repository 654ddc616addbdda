//! Corpora, which corpus keys give access to.

use super::{
    actor::Actor,
    audit::Event,
    state::AppState,
    store::{self, corpora::CorpusRecord},
};
use crate::model::{corpus::CorpusDetails, fault::Fault, permission::Permission, text, time::Timestamp};

impl From<CorpusRecord> for CorpusDetails {
    fn from(corpus: CorpusRecord) -> Self {
        Self { id: corpus.id, name: corpus.name, created_at: Timestamp(corpus.created_at), created_by: corpus.creator, keys: corpus.keys }
    }
}

/// Those who choose corpora for a key, or manage them, can see them.
const VIEW_PERMISSIONS: &[Permission] = &[Permission::ViewKeys, Permission::ManageCorpora];

/// The organization's corpora, oldest first. Needs *View Keys* or *Manage Corpora*.
pub async fn all(state: &AppState, actor: &Actor) -> Result<Vec<CorpusRecord>, Fault> {
    actor.require_any(VIEW_PERMISSIONS)?;
    let mut db = state.store.read()?.acquire().await?;
    Ok(store::corpora::all(&mut db, actor.organization).await?)
}

/// Creates a corpus. Existing keys have no access to it. Needs *Manage Corpora*.
///
/// # Errors
/// `Invalid` or `Conflict` at `name`; `Forbidden`, `Unavailable`.
pub async fn create(state: &AppState, actor: &Actor, name: &str) -> Result<CorpusRecord, Fault> {
    actor.require(Permission::ManageCorpora)?;
    let name = text::name("name", name)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let id = store::corpora::insert(tx, actor.organization, &name, actor.user).await.map_err(name_taken)?;
                auditor.record(tx, Event::new(&actor, "corpus.created", "corpus", id, &name)).await?;
                let created = store::corpora::all(tx, actor.organization).await?.into_iter().find(|corpus| corpus.id == id);
                created.ok_or(Fault::Internal)
            })
        })
        .await
}

/// Deletes a corpus permanently; all keys lose access to it. Needs *Manage Corpora*.
pub async fn delete(state: &AppState, actor: &Actor, id: i64) -> Result<(), Fault> {
    actor.require(Permission::ManageCorpora)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let name = store::corpora::delete(tx, actor.organization, id).await?.ok_or(Fault::NotFound)?;
                // Many keys may be affected.
                store::changes::note(tx, None).await?;
                Ok(auditor.record(tx, Event::new(&actor, "corpus.deleted", "corpus", id, &name)).await?)
            })
        })
        .await?;
    state.verifier.forget(None);
    Ok(())
}

fn name_taken(error: store::Error) -> Fault {
    error.or_conflict("name", "A corpus with this name already exists.")
}
