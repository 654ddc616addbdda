//! The upstream of a corpus, which answers instead of the built-in index.

use crate::{Core, actor::Actor, base_url::base_url, credentials::require_general};
use latchkey_store::{
    self as store,
    upstreams::{UpstreamRecord, UpstreamValues},
};
use latchkey_types::{
    corpus::{UPSTREAM_ID_MAX, UpstreamRequest, UpstreamRow},
    error::Error,
    id::CredentialId,
    permission::Permission,
    service::UnlinkReason,
};

/// Sets the upstream of a corpus. A changed base URL unlinks the general key, so that it is not sent to a URL that it was not linked to; a
/// different key in the same request is linked to the new URL. Needs *Manage Corpora*, and *Manage Credentials* to link a key.
///
/// # Errors
/// `Invalid` at `base_url`, `customer_id`, `corpus_id` or `credential`.
pub async fn set_upstream(core: &Core, actor: &Actor, id: i64, request: UpstreamRequest) -> Result<UpstreamRow, Error> {
    actor.require(Permission::ManageCorpora)?;
    let mut values = values(core, request)?;
    let mut change = core.begin(actor, &[Permission::ManageCorpora]).await?;
    let organization = change.actor.organization;
    let corpus = store::documents::corpus(&mut change.tx, organization, id).await?.ok_or(Error::NotFound)?;
    let before = store::upstreams::find(&mut change.tx, organization, id).await?;
    let linked = before.as_ref().and_then(|before| before.link.credential_id);
    let has_moved = before.as_ref().is_some_and(|before| before.base_url != values.base_url);
    if has_moved && values.credential == linked {
        values.credential = None;
    }
    if values.credential != linked && values.credential.is_some() {
        change.actor.require(Permission::ManageCredentials)?;
        require_general(&mut change.tx, &change.actor, "credential", values.credential).await?;
    }
    values.unlink_reason = unlink_reason(before.as_ref(), values.credential, has_moved);
    store::upstreams::set(&mut change.tx, organization, id, &values).await?;
    let record = store::upstreams::find(&mut change.tx, organization, id).await?.ok_or(Error::Internal)?;
    let event = change.event("corpus.upstream_set", "corpus", id, &corpus.name).with("base_url", values.base_url.as_str());
    let event = event.with("customer_id", values.customer_id.as_str()).with("corpus_id", values.corpus_id.as_str());
    let event = values.credential.iter().fold(event, |event, credential| event.with("credential", credential.to_string()));
    change.commit([event.with("unlinked", linked.is_some() && values.credential.is_none())]).await?;
    Ok(record.into())
}

/// Removes the upstream of a corpus, if it has one: the built-in index answers again. Needs *Manage Corpora*.
pub async fn remove_upstream(core: &Core, actor: &Actor, id: i64) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageCorpora]).await?;
    let organization = change.actor.organization;
    let corpus = store::documents::corpus(&mut change.tx, organization, id).await?.ok_or(Error::NotFound)?;
    if !store::upstreams::remove(&mut change.tx, organization, id).await? {
        return Ok(());
    }
    let event = change.event("corpus.upstream_removed", "corpus", id, &corpus.name);
    change.commit([event]).await
}

fn values(core: &Core, request: UpstreamRequest) -> Result<UpstreamValues, Error> {
    Ok(UpstreamValues {
        base_url: base_url(&core.http_client, "base_url", &request.base_url)?,
        customer_id: upstream_id("customer_id", &request.customer_id)?,
        corpus_id: upstream_id("corpus_id", &request.corpus_id)?,
        credential: request.credential,
        unlink_reason: None,
    })
}

/// Validates an id that an upstream expects. It must be valid in a header.
fn upstream_id(field: &str, typed: &str) -> Result<String, Error> {
    let id = typed.trim();
    if id.is_empty() {
        return Err(Error::invalid(field, "Enter the ID that the upstream expects."));
    }
    if id.len() > UPSTREAM_ID_MAX || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::invalid(field, format!("Use at most {UPSTREAM_ID_MAX} ASCII characters, without spaces.")));
    }
    Ok(id.to_owned())
}

/// Why the upstream has no key; `None` if it has one, or never had.
fn unlink_reason(before: Option<&UpstreamRecord>, credential: Option<CredentialId>, has_moved: bool) -> Option<UnlinkReason> {
    let before = before?;
    match (credential, before.link.credential_id) {
        (Some(_), _) => None,
        (None, Some(_)) => has_moved.then_some(UnlinkReason::AddressChanged),
        (None, None) => before.link.unlink_reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_store::providers::CredentialLink;

    #[test]
    fn ids_of_an_upstream_are_short_and_visible() {
        assert_eq!(upstream_id("corpus_id", " 42 ").unwrap(), "42");
        for wrong in ["", "  ", "a b", "ä", "a\nb", &"1".repeat(101)] {
            assert!(upstream_id("corpus_id", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_reason_of_an_unlinked_key_stays_until_another_is_linked() {
        let key = CredentialId::new();
        let before = |credential_id: Option<CredentialId>, unlink_reason: Option<UnlinkReason>| UpstreamRecord {
            base_url: String::new(),
            customer_id: String::new(),
            upstream_corpus_id: String::new(),
            link: CredentialLink { credential_id, credential_name: None, credential_mask: None, unlink_reason },
        };
        let (linked, unlinked) = (before(Some(key), None), before(None, Some(UnlinkReason::CredentialDeleted)));
        assert_eq!(unlink_reason(None, None, false), None);
        assert_eq!(unlink_reason(Some(&linked), None, true), Some(UnlinkReason::AddressChanged));
        assert_eq!(unlink_reason(Some(&linked), None, false), None, "removed by hand");
        assert_eq!(unlink_reason(Some(&unlinked), None, false), Some(UnlinkReason::CredentialDeleted));
        assert_eq!(unlink_reason(Some(&unlinked), Some(key), true), None);
    }
}
