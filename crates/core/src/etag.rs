//! Detects that an object changed since the client read it: by entity tags (RFC 9110, section 8.8.3), or by single values.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use latchkey_types::{
    error::Error,
    id::CredentialId,
    key::KeyRow,
    provider::{AliasRow, KeyLinkState, ModelRow, PriceSource, ProviderRow},
    service::{ServiceRequest, ServiceRow},
};

/// The tag of these bytes, with quotes.
pub fn of(bytes: &[u8]) -> String {
    format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(bytes)[..16]))
}

/// The tag of a key or a credential. It covers the whole row, so that no attribute can be left out, except what changes without an edit:
/// usage, remaining credits, what is used of a budget, test results, and the names of other objects.
pub fn of_key(row: &KeyRow) -> String {
    let mut edited = KeyRow {
        created_by: String::new(),
        last_used_at: None,
        budget: None,
        linked_to: Vec::new(),
        tested: None,
        is_unreadable: false,
        ..row.clone()
    };
    edited.corpora.iter_mut().for_each(|corpus| corpus.name.clear());
    if let Some(retiring) = &mut edited.retiring {
        (retiring.uses, retiring.last_used_at) = (0, None);
    }
    if let Some(credits) = &mut edited.limits.credits {
        credits.remaining = 0;
    }
    // Serialization cannot fail: there is no map with keys other than strings, nor any other value that JSON cannot represent.
    of(&serde_json::to_vec(&(&edited, edited.secret_since)).unwrap_or_default())
}

/// The tag of a service. It covers the editable values, and whether the credential was unlinked.
pub fn of_service(row: &ServiceRow) -> String {
    // Serialization cannot fail, as in `of_key`.
    of(&serde_json::to_vec(&(row.id, ServiceRequest::from(row), row.link.unlink_reason())).unwrap_or_default())
}

/// The tag of a provider without its models. It covers the editable values, and whether the key was unlinked.
pub fn of_provider(row: &ProviderRow) -> String {
    let edited = (row.id, &row.name, row.style, &row.base_url, &row.credential_header, link(&row.link));
    // Serialization cannot fail, as in `of_key`.
    of(&serde_json::to_vec(&edited).unwrap_or_default())
}

/// The tag of a model. It covers the editable values without those of the built-in table, and whether the key was unlinked.
pub fn of_model(row: &ModelRow) -> String {
    let price = if let PriceSource::Own(price) = row.price { Some(price) } else { None };
    let limits = (row.context_tokens.filter(|_| row.has_own_limits), row.output_tokens);
    let edited = (row.id, &row.name, &row.upstream_name, link(&row.link), price, limits, row.allow_unpriced, &row.fallbacks);
    // Serialization cannot fail, as in `of_key`.
    of(&serde_json::to_vec(&edited).unwrap_or_default())
}

/// The tag of an alias.
pub fn of_alias(row: &AliasRow) -> String {
    // Serialization cannot fail, as in `of_key`.
    of(&serde_json::to_vec(row).unwrap_or_default())
}

/// The linked key without its name, and whether there was one.
fn link(link: &KeyLinkState) -> (Option<CredentialId>, bool) {
    (link.key().map(|key| key.id), matches!(link, KeyLinkState::Deleted | KeyLinkState::AddressChanged))
}

/// The condition of a change: the header `If-Match`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum IfMatch {
    /// No condition.
    #[default]
    Unconditional,
    /// `*`: the object exists.
    Exists,
    /// The object has one of these tags.
    OneOf(Vec<String>),
}

impl IfMatch {
    /// Checks the condition. Must be called in the transaction that makes the change.
    ///
    /// # Errors
    /// `Outdated`.
    pub fn check(&self, row: impl FnOnce() -> Result<KeyRow, Error>) -> Result<(), Error> {
        self.check_tag(|| Ok(of_key(&row()?)))
    }

    /// Same as [`Self::check`], with the tag of any object.
    pub(crate) fn check_tag(&self, tag: impl FnOnce() -> Result<String, Error>) -> Result<(), Error> {
        match self {
            Self::Unconditional | Self::Exists => Ok(()),
            Self::OneOf(tags) if tags.contains(&tag()?) => Ok(()),
            Self::OneOf(_) => Err(Error::Outdated),
        }
    }
}

/// Requires that the current value is the one the editor displayed (`before`), or already the new one (`after`).
pub(crate) fn ensure_unchanged(field: &str, current: &str, before: &str, after: &str) -> Result<(), Error> {
    if current == before || current == after {
        return Ok(());
    }
    let current = if current.is_empty() { "nothing".to_owned() } else { format!("“{current}”") };
    Err(Error::conflict(field, format!("Someone else changed this to {current}. Nothing was overwritten.")))
}

/// A tag in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntityTag<'a> {
    /// With quotes.
    pub tag: &'a str,
    /// Whether it has the prefix `W/`.
    pub is_weak: bool,
}

/// Parses a list of tags such as `"a", W/"b"`; a tag may contain a comma. `None` if it is malformed.
pub fn parse_list(text: &str) -> Option<Vec<EntityTag<'_>>> {
    let mut tags = Vec::new();
    let mut rest = text.trim_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let (is_weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
        let end = quoted.strip_prefix('"')?.find('"')? + 2;
        let (tag, after) = quoted.split_at(end);
        // A tag cannot contain spaces.
        if tag.contains(|c: char| c.is_ascii_whitespace() || c.is_control()) {
            return None;
        }
        tags.push(EntityTag { tag, is_weak });
        let next = after.trim_start_matches([' ', '\t']);
        rest = match next.strip_prefix(',') {
            Some(next) => next.trim_start_matches([' ', '\t', ',']),
            None if next.is_empty() => next,
            None => return None,
        };
    }
    Some(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<Vec<(String, bool)>> {
        parse_list(text).map(|tags| tags.into_iter().map(|listed| (listed.tag.to_owned(), listed.is_weak)).collect())
    }

    #[test]
    fn tag_lists_are_parsed_as_in_rfc_9110() {
        let tag = |tag: &str, is_weak| (tag.to_owned(), is_weak);
        assert_eq!(parsed("\"a\""), Some(vec![tag("\"a\"", false)]));
        assert_eq!(parsed(" \"a\" , W/\"b\",\"\" "), Some(vec![tag("\"a\"", false), tag("\"b\"", true), tag("\"\"", false)]));
        assert_eq!(parsed("\"a,b\", ,\"c\","), Some(vec![tag("\"a,b\"", false), tag("\"c\"", false)]));
        for empty in ["", " ", ","] {
            assert_eq!(parsed(empty), Some(vec![]), "{empty}");
        }
        for bad in ["a", "\"a", "\"a\" \"b\"", "w/\"a\"", "W/", "\"a b\"", "*", "\"a\", *", "\"a\"b"] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }

    #[test]
    fn concurrent_changes_are_not_overwritten() {
        assert_eq!(ensure_unchanged("name", "a", "a", "b"), Ok(()));
        assert_eq!(ensure_unchanged("name", "b", "a", "b"), Ok(()), "both make the same change");
        let conflict = ensure_unchanged("name", "c", "a", "b").unwrap_err();
        assert_eq!(conflict.field_error().map(|(field, message)| (field, message.contains("“c”"))), Some(("name", true)));
    }
}
