//! Identifiers that know what they name: `key_…`, `org_…`, `usr_…`.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, ops::Deref, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::{Uuid, fmt::Simple};

/// A noun that has identifiers of its own.
pub trait Noun {
    /// What stands before the underscore, three letters; part of stored data and of the API, so never changed.
    const PREFIX: &'static str;
}

macro_rules! nouns {
    ($($(#[$doc:meta])* $noun:ident $id:ident $prefix:literal),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $noun {}
        impl Noun for $noun {
            const PREFIX: &'static str = $prefix;
        }
        const _: () = assert!($prefix.len() == PREFIX_BYTES);
        $(#[$doc])*
        pub type $id = Id<$noun>;
    )*};
}

nouns! {
    /// An API key that we issued.
    ApiKey KeyId "key",
    /// A secret of another service that we keep.
    Credential CredentialId "crd",
    /// A service with language models.
    Provider ProviderId "prv",
    /// A language model.
    Model ModelId "mdl",
    /// A tenant.
    Organization OrganizationId "org",
    /// A person who signs in.
    User UserId "usr",
    /// A named set of permissions.
    Role RoleId "rol",
    /// Somebody's being signed in.
    Session SessionId "ses",
    /// A link that makes its reader a member.
    Invitation InvitationId "inv",
    /// What a project key gives access to.
    Project ProjectId "prj",
    /// A secret that a project keeps.
    ProjectSecret ProjectSecretId "sec",
    /// A key without a user.
    Template TemplateId "tpl",
    /// An information field of a template.
    Field FieldId "fld",
    /// Somebody's asking for a key by a template.
    KeyRequest KeyRequestId "ask",
    /// One line of the audit log.
    AuditEvent AuditEventId "aud",
    /// One call of the API.
    Request RequestId "req",
}

/// `<prefix>_<32 hex digits>`: a `UUIDv7`, so that ids sort by the time they were made.
pub struct Id<N> {
    uuid: Uuid,
    noun: PhantomData<fn() -> N>,
}

impl<N> Id<N> {
    /// A new id, now.
    #[cfg(feature = "ssr")]
    pub fn new() -> Self {
        Self::from_uuid(Uuid::now_v7())
    }

    /// A new id, now, for what is made by all cores all the time: without the lock by which [`Self::new`] puts those of one millisecond in
    /// the order in which they are made.
    #[cfg(feature = "ssr")]
    pub fn unordered() -> Self {
        Self::from_uuid(Uuid::new_v7(uuid::Timestamp::now(uuid::NoContext)))
    }

    const fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, noun: PhantomData }
    }
}

const PREFIX_BYTES: usize = 3;
const TEXT_BYTES: usize = PREFIX_BYTES + 1 + Simple::LENGTH;

impl<N: Noun> Id<N> {
    /// The id as text, made on the stack: every answer tells some.
    pub fn text(&self) -> impl Deref<Target = str> + use<N> {
        let mut text = [b'_'; TEXT_BYTES];
        text[..PREFIX_BYTES].copy_from_slice(N::PREFIX.as_bytes());
        self.uuid.as_simple().encode_lower(&mut text[PREFIX_BYTES + 1..]);
        IdText(text)
    }
}

struct IdText([u8; TEXT_BYTES]);

impl Deref for IdText {
    type Target = str;

    fn deref(&self) -> &str {
        str::from_utf8(&self.0).expect("a prefix and hexadecimal digits are ASCII")
    }
}

#[cfg(feature = "ssr")]
impl<N> Default for Id<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N: Noun> fmt::Display for Id<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl<N: Noun> fmt::Debug for Id<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Not an id of the noun that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct InvalidId;

impl<N: Noun> FromStr for Id<N> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits = text.strip_prefix(N::PREFIX).and_then(|rest| rest.strip_prefix('_')).ok_or(InvalidId)?;
        let canonical = digits.len() == 32 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !canonical {
            return Err(InvalidId);
        }
        Uuid::try_parse(digits).map(Self::from_uuid).map_err(|_| InvalidId)
    }
}

// Written out, since a derive would ask the same of the marker.
impl<N> Clone for Id<N> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<N> Copy for Id<N> {}
impl<N> PartialEq for Id<N> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<N> Eq for Id<N> {}
impl<N> PartialOrd for Id<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<N> Ord for Id<N> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
/// As one number. What is random in a `UUIDv7` is in its lower half; ids of one millisecond are counted up there in the upper bits.
impl<N> hash::Hash for Id<N> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        let (upper, lower) = self.uuid.as_u64_pair();
        state.write_u64(upper ^ lower ^ lower.rotate_left(32));
    }
}

impl<N: Noun> Serialize for Id<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de, N: Noun> Deserialize<'de> for Id<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_knows_its_noun() {
        let id = KeyId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().parse::<UserId>(), Err(InvalidId));
    }

    #[test]
    fn only_the_one_spelling_is_an_id() {
        let id = KeyId::new().to_string();
        for bad in ["", "key_", "key", &id.to_uppercase(), &id[..id.len() - 1], &format!("{id}0"), &id.replace('_', "-")] {
            assert_eq!(bad.parse::<KeyId>(), Err(InvalidId), "{bad}");
        }
    }

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let (first, second) = (KeyId::new(), KeyId::new());
        assert!(first < second && first.to_string() < second.to_string());
    }
}
