//! Adds documents, in short transactions, so that other writers do not wait long.

use std::{
    mem,
    time::{Duration, Instant},
};

use tokio::task::spawn_blocking;

use super::{find, prepare};
use crate::{Core, actor::Actor, audit::Event, change::Change};
use latchkey_crypto::random;
use latchkey_store::{
    self as store,
    documents::{DocumentCorpus, NewDocument as PreparedDocument, Part},
};
use latchkey_types::{
    corpus::{NewDocument, UploadResult},
    error::Error,
    permission::Permission,
};

/// Target duration of a transaction.
const TRANSACTION_LIMIT: Duration = Duration::from_millis(20);
/// Text that is stored in a transaction, in bytes. It is adapted to the speed of the database.
const BATCH_START: usize = 64 * 1024;
const BATCH_MIN: usize = 16 * 1024;
/// The text of a larger document is stored in several transactions.
const BATCH_MAX: usize = 256 * 1024;
/// Maximum number of documents per transaction.
const DOCUMENTS_MAX: usize = 100;

/// Adds documents to a corpus, and replaces those with the same ids. Needs *Manage Corpora*.
///
/// # Errors
/// `Invalid` at a field such as `documents[2].id`, and then nothing was added. After any other error, the first documents may have been added;
/// the upload can be repeated.
pub async fn upload(core: &Core, actor: &Actor, corpus: i64, documents: Vec<NewDocument>) -> Result<UploadResult, Error> {
    actor.require(Permission::ManageCorpora)?;
    find(&mut *core.store.connection().await?, actor.organization, corpus).await?;
    if documents.is_empty() {
        return Err(Error::invalid("documents", "Add at least one document."));
    }
    let prepared = in_background(move || prepare::prepare_all(documents)).await?;
    let mut writer = Writer { core, actor, permissions: &[Permission::ManageCorpora], corpus, event: uploaded, batch_bytes: BATCH_START };
    writer.write_all(prepared).await
}

/// Adds or replaces a document, for an actor with a corpus key, whose access to the corpus the caller has checked. The key is checked again.
///
/// # Errors
/// `Invalid` at `id`, `title`, `metadata` or `sections`; `NotFound` if there is no such corpus; `InvalidApiKey`, `Unavailable`.
pub async fn index_with_key(core: &Core, actor: &Actor, corpus: i64, document: NewDocument) -> Result<(), Error> {
    let prepared = in_background(move || prepare::prepare(document)).await?;
    let mut writer = Writer { core, actor, permissions: &[], corpus, event: indexed, batch_bytes: BATCH_START };
    writer.write_all(vec![prepared]).await?;
    Ok(())
}

/// Runs CPU-intensive work on a blocking thread.
async fn in_background<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "preparing documents failed");
        Error::Internal
    })?
}

fn uploaded(change: &Change, corpus: &DocumentCorpus, documents: &[PreparedDocument]) -> Event {
    change.event("documents.uploaded", "corpus", corpus.corpus, &corpus.name).with("count", documents.len())
}

fn indexed(change: &Change, corpus: &DocumentCorpus, documents: &[PreparedDocument]) -> Event {
    let (id, title) = documents.first().map_or(("", ""), |document| (document.id.as_str(), document.title.as_str()));
    let name = if title.is_empty() { id } else { title };
    change.event("document.indexed", "document", id, name).with("corpus", corpus.name.as_str())
}

/// Writes documents to one corpus.
struct Writer<'a> {
    core: &'a Core,
    actor: &'a Actor,
    permissions: &'a [Permission],
    corpus: i64,
    /// The audit event of a transaction.
    event: fn(&Change, &DocumentCorpus, &[PreparedDocument]) -> Event,
    batch_bytes: usize,
}

impl Writer<'_> {
    async fn write_all(&mut self, documents: Vec<PreparedDocument>) -> Result<UploadResult, Error> {
        let mut result = UploadResult { added: 0, replaced: 0 };
        let mut rest = documents.into_iter().peekable();
        while let Some(first) = rest.next() {
            let mut bytes = text_bytes(&first.parts);
            let (batch, holder) = if bytes > BATCH_MAX {
                let (document, holder) = self.write_parts(first).await?;
                (vec![document], Some(holder))
            } else {
                let mut batch = vec![first];
                while let Some(next) = rest.next_if(|next| batch.len() < DOCUMENTS_MAX && bytes + text_bytes(&next.parts) <= self.batch_bytes) {
                    bytes += text_bytes(&next.parts);
                    batch.push(next);
                }
                (batch, None)
            };
            let replaced = self.write(&batch, holder.as_deref()).await?;
            result.added += batch.len().saturating_sub(replaced);
            result.replaced += replaced;
        }
        Ok(result)
    }

    /// Writes documents in a transaction, and returns how many were replaced. `holder` has the parts of a large document that is written alone.
    async fn write(&mut self, batch: &[PreparedDocument], holder: Option<&str>) -> Result<usize, Error> {
        let (mut change, corpus, started) = self.begin().await?;
        let replaced = store::documents::put(&mut change.tx, &corpus, batch).await?;
        if let (Some(holder), [document]) = (holder, batch) {
            store::documents::adopt(&mut change.tx, &corpus, holder, &document.id).await?;
        }
        let event = (self.event)(&change, &corpus, batch);
        change.commit([event]).await?;
        self.adapt(started);
        Ok(replaced)
    }

    /// Writes the parts of a large document in several transactions. Returns the document without its parts, and their holder.
    async fn write_parts(&mut self, mut document: PreparedDocument) -> Result<(PreparedDocument, String), Error> {
        // Ids of documents have no control characters.
        let holder = format!("\u{1}{:032x}", u128::from_be_bytes(random::bytes()));
        let parts = mem::take(&mut document.parts);
        let mut rest = &parts[..];
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(self.batch_of(rest));
            let (mut change, corpus, started) = self.begin().await?;
            store::documents::put_parts(&mut change.tx, &corpus, &holder, batch).await?;
            // The event is recorded with the document.
            change.commit([]).await?;
            self.adapt(started);
            rest = after;
        }
        Ok((document, holder))
    }

    /// How many of these parts, at least one, are written in a transaction.
    fn batch_of(&self, parts: &[Part]) -> usize {
        let mut bytes = 0;
        let fitting = parts.iter().take_while(|part| {
            bytes += part.content.len();
            bytes <= self.batch_bytes
        });
        fitting.count().max(1)
    }

    async fn begin(&self) -> Result<(Change, DocumentCorpus, Instant), Error> {
        let mut change = self.core.begin(self.actor, self.permissions).await?;
        let started = Instant::now();
        let corpus = find(&mut change.tx, change.actor.organization, self.corpus).await?;
        Ok((change, corpus, started))
    }

    /// Makes the next transactions smaller if one took too long, and larger if it was fast.
    fn adapt(&mut self, started: Instant) {
        let elapsed = started.elapsed();
        if elapsed > TRANSACTION_LIMIT {
            self.batch_bytes = (self.batch_bytes / 2).max(BATCH_MIN);
        } else if elapsed < TRANSACTION_LIMIT / 3 {
            self.batch_bytes = (self.batch_bytes * 2).min(BATCH_MAX);
        }
    }
}

fn text_bytes(parts: &[Part]) -> usize {
    parts.iter().map(|part| part.content.len()).sum()
}
