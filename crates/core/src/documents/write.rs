//! Adds documents, in short transactions, so that other writers do not wait long.

use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;

use super::{find, parse::parse_upload, prepare, purge};
use crate::{Core, actor::Actor, audit::Event, change::Change};
use latchkey_store::{
    self as store,
    documents::{DocumentCorpus, INCOMPLETE_KEPT, NewDocument as PreparedDocument, Part, Reservation},
};
use latchkey_types::{
    corpus::{NewDocument, UploadFormat, UploadResult},
    error::Error,
    permission::Permission,
};

/// Target duration of a transaction.
const TRANSACTION_LIMIT: Duration = Duration::from_millis(20);
/// What is stored in a transaction, in bytes: see [`size`]. It is adapted to the speed of the database. A larger document is stored in several
/// transactions.
const BATCH_START: usize = 64 * 1024;
const BATCH_MIN: usize = 16 * 1024;
const BATCH_MAX: usize = 256 * 1024;
/// Maximum number of documents per transaction.
const DOCUMENTS_MAX: usize = 100;
/// A shorter part counts as one of this length, in bytes: storing it takes about as long.
const PART_MIN: usize = 512;

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

/// Adds the documents in a file to a corpus, as [`upload`] does. The file extension determines the format. Needs *Manage Corpora*.
///
/// # Errors
/// `Invalid` at `name` for an unknown extension, and at `name` or `content` if the file cannot be parsed; those of [`upload`].
pub async fn upload_file(core: &Core, actor: &Actor, corpus: i64, name: String, content: String) -> Result<UploadResult, Error> {
    // Before the content is parsed.
    actor.require(Permission::ManageCorpora)?;
    let unknown = || Error::invalid("name", "Choose a file that ends with .txt, .md, .html or .jsonl.");
    let format = UploadFormat::of_file_name(&name).ok_or_else(unknown)?;
    let documents = in_background(move || parse_upload(&name, format, &content)).await?;
    upload(core, actor, corpus, documents).await
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
        tracing::error!(%error, "parsing or preparing documents failed");
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
            let mut bytes = size(&first);
            let (count, replaced) = if bytes > self.batch_bytes {
                (1, self.write_large(first).await?)
            } else {
                let mut batch = vec![first];
                while let Some(next) = rest.next_if(|next| batch.len() < DOCUMENTS_MAX && bytes + size(next) <= self.batch_bytes) {
                    bytes += size(&next);
                    batch.push(next);
                }
                (batch.len(), self.write(&batch).await?)
            };
            result.added += count.saturating_sub(replaced);
            result.replaced += replaced;
        }
        Ok(result)
    }

    /// Writes documents in a transaction. Returns how many were replaced.
    async fn write(&mut self, batch: &[PreparedDocument]) -> Result<usize, Error> {
        let (mut change, corpus, started) = self.begin().await?;
        let replaced = store::documents::put(&mut change.tx, &corpus, batch).await?;
        self.commit(change, &corpus, batch, replaced, started).await
    }

    /// Writes a document in several transactions. It is found, instead of the one that it replaces, from the last one on. Returns how many
    /// documents were replaced.
    async fn write_large(&mut self, document: PreparedDocument) -> Result<usize, Error> {
        let (mut change, corpus, _) = self.begin().await?;
        let reservation = store::documents::reserve(&mut change.tx, &corpus, document.parts.len()).await?;
        change.commit([]).await?;
        let written = self.write_reserved(document, reservation).await;
        if written.is_err() {
            purge::start(&self.core.store, INCOMPLETE_KEPT);
        }
        written
    }

    async fn write_reserved(&mut self, mut document: PreparedDocument, mut reservation: Reservation) -> Result<usize, Error> {
        loop {
            let (mut change, corpus, started) = self.begin().await?;
            let count = fitting(&document.parts, self.batch_bytes);
            if count == document.parts.len() {
                let replaced = store::documents::complete(&mut change.tx, &corpus, &reservation, &document).await?.ok_or(Error::Unavailable)?;
                return self.commit(change, &corpus, &[document], replaced, started).await;
            }
            let batch: Vec<Part> = document.parts.drain(..count).collect();
            if !store::documents::put_parts(&mut change.tx, &corpus, &mut reservation, &document.id, &batch).await? {
                return Err(Error::Unavailable);
            }
            // The event is recorded with the last parts.
            change.commit([]).await?;
            self.adapt(started);
        }
    }

    async fn begin(&self) -> Result<(Change, DocumentCorpus, Instant), Error> {
        let mut change = self.core.begin(self.actor, self.permissions).await?;
        let started = Instant::now();
        let corpus = find(&mut change.tx, change.actor.organization, self.corpus).await?;
        Ok((change, corpus, started))
    }

    /// Commits documents, and removes those that they replaced: large ones in further transactions. Returns how many were replaced.
    async fn commit(
        &mut self,
        mut change: Change,
        corpus: &DocumentCorpus,
        documents: &[PreparedDocument],
        replaced: usize,
        started: Instant,
    ) -> Result<usize, Error> {
        let is_left = replaced > 0 && store::documents::remove_hidden(&mut change.tx, corpus).await?;
        let event = (self.event)(&change, corpus, documents);
        change.commit([event]).await?;
        self.adapt(started);
        if is_left {
            purge::remove_hidden(&self.core.store, corpus).await;
        }
        Ok(replaced)
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

/// How much is stored for a document, in bytes.
fn size(document: &PreparedDocument) -> usize {
    document.title.len() + document.metadata.len() + document.parts.iter().map(part_size).sum::<usize>()
}

fn part_size(part: &Part) -> usize {
    part.content.len().max(PART_MIN)
}

/// How many of these parts, at least one, have at most this size together.
fn fitting(parts: &[Part], limit: usize) -> usize {
    let mut bytes = 0;
    let fitting = parts.iter().take_while(|part| {
        bytes += part_size(part);
        bytes <= limit
    });
    fitting.count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_parts_have_a_size_too() {
        let part = |length: usize| Part { section: 0, content: "a".repeat(length), words: String::new() };
        let parts = [part(1), part(1), part(2 * PART_MIN), part(1)];
        for (limit, count) in [(0, 1), (PART_MIN, 1), (2 * PART_MIN, 2), (4 * PART_MIN - 1, 2), (4 * PART_MIN, 3), (5 * PART_MIN, 4)] {
            assert_eq!(fitting(&parts, limit), count, "{limit}");
        }
        let text = "ab".to_owned();
        let document = PreparedDocument { id: text.clone(), title: text.clone(), metadata: text, bytes: 0, sections: 0, parts: parts.to_vec() };
        assert_eq!(size(&document), 4 + 5 * PART_MIN);
    }
}
