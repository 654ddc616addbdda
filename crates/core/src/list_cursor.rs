//! Cursors of lists: a position in a list, with what the list shows and when it was opened.
//!
//! A cursor is encrypted, because it contains names, and URLs are logged. It needs nothing that only one instance has.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Core;
use latchkey_crypto::{aead, random_token::TokenPurpose};
use latchkey_store::keys::lists::{ListMark, Position};
use latchkey_types::{
    error::Error,
    id::{OrganizationId, UserId},
    key_kind::Kind,
    listing::{KeyQuery, Total},
};

/// Version, nonce and authentication tag of an encrypted text.
const OVERHEAD: usize = 1 + 24 + 16;

/// What a cursor says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ListCursor {
    /// Who opened the list.
    pub(crate) user: UserId,
    /// The kinds that they saw.
    pub(crate) kinds: Vec<Kind>,
    pub(crate) query: KeyQuery,
    pub(crate) mark: ListMark,
    /// When it was opened.
    pub(crate) total: Total,
    pub(crate) position: Position,
}

impl ListCursor {
    /// # Errors
    /// `Internal`.
    pub(crate) fn seal(&self, core: &Core, organization: OrganizationId) -> Result<String, Error> {
        let plain = serde_json::to_vec(self).map_err(|error| {
            tracing::error!(%error, "cursor cannot be written");
            Error::Internal
        })?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode(aead::seal(&key(core), &["list cursor", &organization.to_string()], &plain)))
    }

    /// # Errors
    /// `ListingGone` if this is not a cursor of the organization.
    pub(crate) fn open(text: &str, core: &Core, organization: OrganizationId) -> Result<Self, Error> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::ListingGone)?;
        let plain = aead::open(&key(core), &["list cursor", &organization.to_string()], &sealed).map_err(|_| Error::ListingGone)?;
        serde_json::from_slice(&plain).map_err(|_| Error::ListingGone)
    }

    /// Whether both are positions in one list, which the same user opened.
    pub(crate) fn is_of_same_list(&self, other: &Self) -> bool {
        (self.user, &self.kinds, &self.query, &self.mark) == (other.user, &other.kinds, &other.query, &other.mark)
    }

    /// The same list at another position.
    pub(crate) fn at(&self, position: Position) -> Self {
        Self { position, ..self.clone() }
    }
}

/// Whether a text has the form of a cursor, whatever it says.
pub(crate) fn is_cursor(text: &str) -> bool {
    BASE64_URL_SAFE_NO_PAD.decode(text).is_ok_and(|sealed| sealed.len() > OVERHEAD)
}

/// The same on all instances.
fn key(core: &Core) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(core.pepper.token_digest(TokenPurpose::ListCursor, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{new_core, new_owner};
    use latchkey_store as store;
    use latchkey_types::{key_kind::KeyKind, listing::SortBy};

    #[tokio::test]
    async fn a_cursor_reveals_nothing() {
        let (core, _folder) = new_core().await;
        let owner = new_owner(&core).await;
        let kinds = vec![Kind::Key(KeyKind::Agent)];
        let query = KeyQuery {
            kind: None,
            search: "confidential".to_owned(),
            status: None,
            expiring: false,
            external_id: None,
            scope: None,
            match_prefixes: false,
            sort: SortBy::default(),
        };
        let selection = store::keys::lists::Selection {
            organization: owner.organization,
            kinds: &kinds,
            personal_of: None,
            search: "",
            status: None,
            expiring: false,
            external_id: None,
            scope: None,
            match_prefixes: false,
            sort: SortBy::default(),
        };
        let (mark, _, total) = store::keys::lists::open(&core.store, &selection, 1).await.unwrap();
        let cursor = ListCursor { user: owner.user, kinds: kinds.clone(), query, mark, total, position: Position::Start };
        let (sealed, again) = (cursor.seal(&core, owner.organization).unwrap(), cursor.seal(&core, owner.organization).unwrap());
        assert_ne!(sealed, again);
        assert!(is_cursor(&sealed));
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        assert!(!bytes.windows(5).any(|window| window == b"confi" || window == b"agent"));
        assert_eq!(ListCursor::open(&sealed, &core, owner.organization).unwrap().query.search, "confidential");
        let other = OrganizationId::new();
        assert_eq!(ListCursor::open(&sealed, &core, other).unwrap_err(), Error::ListingGone);
        for text in ["", "nonsense", "%", &sealed[1..]] {
            assert_eq!(ListCursor::open(text, &core, owner.organization).unwrap_err(), Error::ListingGone, "{text}");
        }
        assert!(!is_cursor("nonsense") && !is_cursor("%"));
    }
}
