//! Request bodies of `/api/v1/keys`.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::openapi::schemas;
use latchkey_core::keys::KeyImport;
use latchkey_types::{
    error::Error,
    key::{CreateKeyRequest, KeyPatch, RequestedExpiry},
    key_kind::{KeyKind, Kind},
    limits::{CreditsPatch, CreditsRequest, RateLimit},
};

/// A key to create. The kind determines which fields are accepted: see `schemas::create_key`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateKey {
    kind: String,
    name: String,
    #[serde(default)]
    duration_days: Option<i64>,
    #[serde(default)]
    scopes: Option<Vec<String>>,
    #[serde(default)]
    corpora: Vec<i64>,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
    #[serde(default)]
    rate_limits: Vec<RateLimit>,
    #[serde(default)]
    credits: Option<CreditsRequest>,
    #[serde(default)]
    allowed_ips: Vec<String>,
}

impl CreateKey {
    pub(crate) fn into_new_key(self) -> Result<CreateKeyRequest, Error> {
        let kind = self.kind.parse::<KeyKind>().map_err(|_| Error::invalid("kind", "Keys of this kind cannot be created here."))?;
        Ok(CreateKeyRequest {
            kind: Kind::Key(kind),
            name: self.name,
            expiry: expiry(self.duration_days),
            scopes: self.scopes,
            corpora: self.corpora,
            external_id: self.external_id,
            metadata: self.metadata.map(metadata_text),
            rate_limits: self.rate_limits,
            credits: self.credits,
            allowed_ips: self.allowed_ips,
        })
    }
}

fn expiry(duration_days: Option<i64>) -> RequestedExpiry {
    duration_days.map_or(RequestedExpiry::KindDefault, RequestedExpiry::Days)
}

fn metadata_text(metadata: Map<String, Value>) -> String {
    Value::Object(metadata).to_string()
}

/// Changes to a key. Null clears a field; fields that are left out keep their value.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "null clears a field, a missing field keeps its value")]
pub struct EditKey {
    /// Null keeps the current name.
    #[serde(default)]
    #[schema(schema_with = schemas::name_or_null)]
    name: Option<String>,
    /// Days from now until the key expires; null for never.
    #[serde(default, deserialize_with = "present")]
    #[schema(schema_with = schemas::duration_or_null)]
    duration_days: Option<Option<i64>>,
    #[serde(default)]
    #[schema(schema_with = schemas::custom_scopes_or_null)]
    scopes: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(schema_with = schemas::external_id)]
    external_id: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(schema_with = schemas::metadata)]
    metadata: Option<Option<Map<String, Value>>>,
    #[serde(default)]
    #[schema(schema_with = schemas::rate_limits_or_null)]
    rate_limits: Option<Vec<RateLimit>>,
    /// Null for unlimited.
    #[serde(default, deserialize_with = "present")]
    #[schema(schema_with = schemas::credits_patch)]
    credits: Option<Option<CreditsRequest>>,
    #[serde(default)]
    #[schema(schema_with = schemas::allowed_ips_or_null)]
    allowed_ips: Option<Vec<String>>,
}

/// Distinguishes a null field from a missing one.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl From<EditKey> for KeyPatch {
    fn from(request: EditKey) -> Self {
        Self {
            name: request.name,
            expiry: request.duration_days.map(expiry),
            scopes: request.scopes,
            external_id: request.external_id.map(Option::unwrap_or_default),
            metadata: request.metadata.map(|metadata| metadata.map(metadata_text).unwrap_or_default()),
            rate_limits: request.rate_limits,
            credits: request.credits.map(|credits| credits.map_or(CreditsPatch::Unlimited, CreditsPatch::Set)),
            allowed_ips: request.allowed_ips,
        }
    }
}

/// Options of a rotation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateKey {
    /// For how many seconds the old secret stays valid.
    #[schema(schema_with = schemas::grace)]
    pub grace_seconds: i64,
}

/// A key from another system to import.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportKey {
    /// The SHA-256 of the key, as 64 hexadecimal digits or in base64.
    #[schema(schema_with = schemas::sha256)]
    sha256: String,
    #[schema(schema_with = schemas::name)]
    name: String,
    /// Must be `client`, which is the default.
    #[serde(default)]
    #[schema(schema_with = schemas::client_or_null)]
    kind: Option<String>,
    #[serde(default)]
    #[schema(schema_with = schemas::duration_or_null)]
    duration_days: Option<i64>,
    #[serde(default)]
    #[schema(schema_with = schemas::custom_scopes_or_null)]
    scopes: Option<Vec<String>>,
    #[serde(default)]
    #[schema(schema_with = schemas::external_id)]
    external_id: Option<String>,
    #[serde(default)]
    #[schema(schema_with = schemas::metadata)]
    metadata: Option<Map<String, Value>>,
    #[serde(default)]
    #[schema(schema_with = schemas::rate_limits)]
    rate_limits: Vec<RateLimit>,
    #[serde(default)]
    #[schema(schema_with = schemas::new_credits)]
    credits: Option<CreditsRequest>,
    #[serde(default)]
    #[schema(schema_with = schemas::allowed_ips)]
    allowed_ips: Vec<String>,
}

impl ImportKey {
    pub(crate) fn import(self) -> Result<KeyImport, Error> {
        let kind = Kind::Key(KeyKind::Client);
        if self.kind.is_some_and(|kind_text| kind_text.parse() != Ok(kind)) {
            return Err(Error::invalid("kind", "Only client keys can be imported."));
        }
        let request = CreateKeyRequest {
            kind,
            name: self.name,
            expiry: expiry(self.duration_days),
            scopes: self.scopes,
            corpora: Vec::new(),
            external_id: self.external_id,
            metadata: self.metadata.map(metadata_text),
            rate_limits: self.rate_limits,
            credits: self.credits,
            allowed_ips: self.allowed_ips,
        };
        Ok(KeyImport { sha256: self.sha256, request })
    }
}

/// Several keys to import. Either all of them are imported or none.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportKeys {
    #[schema(min_items = 1, max_items = 1000)]
    pub keys: Vec<ImportKey>,
}
