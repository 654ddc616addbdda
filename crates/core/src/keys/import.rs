//! Imports keys that were created elsewhere, by their SHA-256.

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{attributes, create::insert, limits, rows::rows};
use crate::{Core, actor::Actor};
use latchkey_store::{self as store, StoreError};
use latchkey_types::{
    error::Error,
    id::KeyId,
    key::{CreateKeyRequest, KeyRow},
    key_kind::KeyKind,
    time::Timestamp,
};

/// The maximum number of keys in one call.
pub(super) const IMPORTS_MAX: usize = 1000;

/// A key that was created elsewhere.
pub struct KeyImport {
    /// The SHA-256 of the key: 64 hexadecimal digits, or base64.
    pub sha256: String,
    /// The attributes of the new key; its kind is `client`.
    pub request: CreateKeyRequest,
}

/// Imports client keys, all or none. Callers continue to present them unchanged. Needs the kind's `manage` permission.
///
/// # Errors
/// `Invalid` at `keys` or at a field of one of them, such as `keys[2].sha256`; `Conflict` at the `sha256` of a key that exists or was deleted.
pub async fn import(core: &Core, actor: &Actor, imports: Vec<KeyImport>) -> Result<Vec<KeyRow>, Error> {
    actor.require(KeyKind::Client.spec().manage)?;
    if !(1..=IMPORTS_MAX).contains(&imports.len()) {
        return Err(Error::invalid("keys", format!("Send 1 to {IMPORTS_MAX} keys.")));
    }
    let mut change = core.begin_for_keys(actor, &[KeyKind::Client.spec().manage], &[]).await?;
    let now = Timestamp::now();
    let new_key = |import| new_key(core, &change.actor, import, now);
    let keys = imports.iter().enumerate().map(|(index, import)| new_key(import).map_err(|error| error.with_index("keys", index)));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let mut taken = store::keys::secrets::existing_digests(&mut change.tx, &keys).await?;
    // A repetition within the import is a conflict too.
    if let Some(index) = keys.iter().position(|key| !taken.insert(key.digest.clone())) {
        return Err(key_exists(index, StoreError::Duplicate));
    }
    let records = insert(&mut change.tx, &keys, key_exists).await?;
    let rows = rows(core, &records).await?;
    let event = |key: &store::keys::NewKey| change.event("key.imported", "key", key.id, &key.attributes.name).with("kind", key.kind.as_str());
    let events: Vec<_> = keys.iter().map(event).collect();
    change.commit(events).await?;
    Ok(rows)
}

/// Maps a duplicate to a conflict at the `sha256` of the key with this index: names of imported keys are not unique.
fn key_exists(index: usize, error: StoreError) -> Error {
    error.or_conflict("sha256", "This key already exists or was deleted.").with_index("keys", index)
}

fn new_key(core: &Core, actor: &Actor, import: &KeyImport, now: Timestamp) -> Result<store::keys::NewKey, Error> {
    let (kind, sha256) = (KeyKind::Client, sha256(&import.sha256)?);
    Ok(store::keys::NewKey {
        id: KeyId::new(),
        organization: actor.organization,
        kind,
        attributes: attributes::from_request(actor, kind, &import.request, now)?,
        credits: limits::credits(kind.spec(), import.request.credits)?,
        corpora: attributes::corpora(kind.spec(), &import.request.corpora)?,
        digest: core.pepper.digest_of_sha256(&sha256).as_bytes().to_vec(),
        mask: mask(&sha256),
        created_by: actor.user,
        created_at: now,
    })
}

fn sha256(text: &str) -> Result<[u8; 32], Error> {
    let text = text.trim();
    let bytes = if text.len() == 64 { hex::decode(text).ok() } else { BASE64_STANDARD.decode(text).ok() };
    let malformed = || Error::invalid("sha256", "Must be a SHA-256: 64 hexadecimal digits or base64.");
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(malformed)
}

/// The mask of a key of which only the hash is available: the ends of the hash, so that the holder of the key can find its row.
fn mask(sha256: &[u8; 32]) -> String {
    let digits = hex::encode(sha256);
    format!("sha256 {}…{}", &digits[..4], &digits[digits.len() - 4..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{new_core, new_owner};
    use latchkey_types::key_kind::Kind;

    /// Imports a key of each of these numbers.
    async fn import_numbers(core: &Core, actor: &Actor, numbers: impl IntoIterator<Item = usize>) -> Result<Vec<KeyRow>, Error> {
        let request = |number| CreateKeyRequest::with_name(Kind::Key(KeyKind::Client), format!("key {number}"));
        let keys = numbers.into_iter().map(|number| KeyImport { sha256: format!("{number:064x}"), request: request(number) });
        import(core, actor, keys.collect()).await
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_of_concurrent_imports_of_the_same_keys_succeeds() {
        let (core, _folder) = new_core().await;
        let actor = new_owner(&core).await;
        for round in 0..10 {
            let first = round * 1000;
            let [forward, backward] = [[first, first + 1], [first + 1, first]];
            let (one, other, third) =
                tokio::join!(import_numbers(&core, &actor, forward), import_numbers(&core, &actor, backward), import_numbers(&core, &actor, forward));
            let outcomes = [one, other, third].map(|outcome| outcome.map(|rows| rows.len()));
            let taken = Err(Error::conflict("keys[0].sha256", "This key already exists or was deleted."));
            assert_eq!(outcomes.iter().filter(|outcome| **outcome == Ok(2)).count(), 1, "{outcomes:?}");
            assert_eq!(outcomes.iter().filter(|outcome| **outcome == taken).count(), 2, "{outcomes:?}");
        }
    }

    #[test]
    fn a_sha256_is_hexadecimal_or_base64() {
        let hex = "BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let base64 = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
        assert_eq!(sha256(hex), sha256(base64));
        assert_eq!(mask(&sha256(hex).unwrap()), "sha256 ba78…15ad");
        for bad in ["", "abc", &hex[..62], &format!("{hex}00"), &hex.replace('B', "g"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0="] {
            assert!(sha256(bad).is_err(), "{bad}");
        }
    }
}
