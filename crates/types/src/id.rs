//! Typed identifiers: `key_…`, `org_…`, `usr_…`.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, ops::Deref, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::{Uuid, fmt::Simple};

/// A type of object with identifiers.
pub trait IdKind {
    /// Three letters before the underscore. Part of stored data and of the API: must not change.
    const PREFIX: &'static str;
    /// Name of the identifier's type, as in the OpenAPI document.
    const TYPE_NAME: &'static str;
}

macro_rules! nouns {
    ($($(#[$doc:meta])* $noun:ident $id:ident $prefix:literal),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $noun {}
        impl IdKind for $noun {
            const PREFIX: &'static str = $prefix;
            const TYPE_NAME: &'static str = stringify!($id);
        }
        const _: () = assert!($prefix.len() == PREFIX_BYTES);
        $(#[$doc])*
        pub type $id = Id<$noun>;
    )*};
}

nouns! {
    /// An API key that Latchkey issued.
    ApiKey KeyId "key",
    /// A stored secret of another service.
    Credential CredentialId "crd",
    /// A provider of language models.
    Provider ProviderId "prv",
    /// A language model.
    Model ModelId "mdl",
    /// A name that stands for one of several language models.
    Alias AliasId "als",
    /// An HTTP API that is called through the gateway.
    Service ServiceId "svc",
    /// A sample of a project.
    Sample SampleId "smp",
    /// A job that imports samples.
    Import ImportId "imp",
    /// A tenant.
    Organization OrganizationId "org",
    /// A person who signs in.
    User UserId "usr",
    /// A named set of permissions.
    Role RoleId "rol",
    /// A session of a user.
    Session SessionId "ses",
    /// An invitation to join an organization.
    Invitation InvitationId "inv",
    /// A project.
    Project ProjectId "prj",
    /// A secret of a project.
    ProjectSecret ProjectSecretId "sec",
    /// A key template.
    Template TemplateId "tpl",
    /// An information field of a key template.
    Field FieldId "fld",
    /// An access request.
    AccessRequest AccessRequestId "ask",
    /// An audit event.
    AuditEvent AuditEventId "aud",
    /// A request to the API.
    Request RequestId "req",
    /// A receipt of a change that took access away.
    Receipt ReceiptId "rcp",
    /// A running process of Latchkey.
    Instance InstanceId "ins",
}

/// `<prefix>_<32 hex digits>`: a `UUIDv7`, so that ids sort by creation time.
pub struct Id<N> {
    uuid: Uuid,
    noun: PhantomData<fn() -> N>,
}

impl<N> Id<N> {
    /// Generates an id. Ids of one process sort in the order in which they are generated.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn new() -> Self {
        Self::from_uuid(Uuid::now_v7())
    }

    /// Generates an id without the global lock of [`Self::new`]: ids of the same millisecond are not ordered. For ids that all cores
    /// generate at a high rate.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn unordered() -> Self {
        Self::from_uuid(Uuid::new_v7(uuid::Timestamp::now(uuid::NoContext)))
    }

    /// The lower half as a number: mostly random, and negative, because its first bit is set in every UUID of this kind.
    pub const fn lower_half(&self) -> i64 {
        self.uuid.as_u64_pair().1.cast_signed()
    }

    const fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, noun: PhantomData }
    }
}

const PREFIX_BYTES: usize = 3;
const TEXT_BYTES: usize = PREFIX_BYTES + 1 + Simple::LENGTH;

impl<N: IdKind> Id<N> {
    /// The id as text, formatted on the stack: responses contain many ids.
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
        str::from_utf8(&self.0).expect("the prefix and the hexadecimal digits are ASCII")
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl<N> Default for Id<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N: IdKind> fmt::Display for Id<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl<N: IdKind> fmt::Debug for Id<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an id of the expected type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct InvalidId;

impl<N: IdKind> FromStr for Id<N> {
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

// Implemented by hand: derives would add the bound to `N`.
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
/// Hashes one `u64`. The random bits of a `UUIDv7` are in its lower half, where a counter for ids of the same millisecond fills the upper bits.
impl<N> hash::Hash for Id<N> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        let (upper, lower) = self.uuid.as_u64_pair();
        state.write_u64(upper ^ lower ^ lower.rotate_left(32));
    }
}

impl<N: IdKind> Serialize for Id<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de, N: IdKind> Deserialize<'de> for Id<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_round_trips_with_its_own_type_only() {
        let id = KeyId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().parse::<UserId>(), Err(InvalidId));
    }

    #[test]
    fn only_the_canonical_form_is_accepted() {
        let id = KeyId::new().to_string();
        for bad in ["", "key_", "key", &id.to_uppercase(), &id[..id.len() - 1], &format!("{id}0"), &id.replace('_', "-")] {
            assert_eq!(bad.parse::<KeyId>(), Err(InvalidId), "{bad}");
        }
    }

    #[test]
    fn lower_halves_are_negative_and_differ() {
        let (first, second) = (KeyId::new(), KeyId::new());
        assert!(first.lower_half() < 0 && second.lower_half() < 0 && first.lower_half() != second.lower_half());
    }

    #[test]
    fn ids_sort_by_creation_time() {
        let (first, second) = (KeyId::new(), KeyId::new());
        assert!(first < second && first.to_string() < second.to_string());
    }
}
