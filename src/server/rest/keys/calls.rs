//! What is asked of keys.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    model::{
        fault::Fault,
        key::{EditedKey, Ends, WantedKey},
        limits::{EditedCredits, RateLimit, WantedCredits},
        policy::{KeyKind, Kind},
    },
    server::{keys::Import, rest::openapi::schemas},
};

/// What to make. What can be said depends on the kind: see `schemas::create_key`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
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
    credits: Option<WantedCredits>,
    #[serde(default)]
    allowed_ips: Vec<String>,
}

impl CreateKey {
    /// What is wanted.
    ///
    /// # Errors
    /// `Invalid` at `kind`.
    pub fn wanted(self) -> Result<WantedKey, Fault> {
        let kind = self.kind.parse::<KeyKind>().map_err(|_| Fault::invalid("kind", "Keys of this kind can't be made here."))?;
        Ok(WantedKey {
            kind: Kind::Key(kind),
            name: self.name,
            ends: ends(self.duration_days),
            scopes: self.scopes,
            corpora: self.corpora,
            external_id: self.external_id,
            metadata: self.metadata.map(as_text),
            rate_limits: self.rate_limits,
            credits: self.credits,
            allowed_ips: self.allowed_ips,
        })
    }
}

fn ends(duration_days: Option<i64>) -> Ends {
    duration_days.map_or(Ends::Usual, Ends::Days)
}

fn as_text(metadata: Map<String, Value>) -> String {
    Value::Object(metadata).to_string()
}

/// What to change. A field that is null is emptied; one that is not named stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "null empties a field, which is not the same as leaving it out")]
pub struct EditKey {
    /// Null is as if it were not there.
    #[serde(default)]
    #[schema(schema_with = schemas::name_or_null)]
    name: Option<String>,
    /// So many days from now; null for no end.
    #[serde(default, deserialize_with = "named")]
    #[schema(schema_with = schemas::duration_or_null)]
    duration_days: Option<Option<i64>>,
    #[serde(default)]
    #[schema(schema_with = schemas::words_or_null)]
    scopes: Option<Vec<String>>,
    #[serde(default, deserialize_with = "named")]
    #[schema(schema_with = schemas::external_id)]
    external_id: Option<Option<String>>,
    #[serde(default, deserialize_with = "named")]
    #[schema(schema_with = schemas::metadata)]
    metadata: Option<Option<Map<String, Value>>>,
    #[serde(default)]
    #[schema(schema_with = schemas::rate_limits_or_null)]
    rate_limits: Option<Vec<RateLimit>>,
    /// Null for without end.
    #[serde(default, deserialize_with = "named")]
    #[schema(schema_with = schemas::edited_credits)]
    credits: Option<Option<WantedCredits>>,
    #[serde(default)]
    #[schema(schema_with = schemas::allowed_ips_or_null)]
    allowed_ips: Option<Vec<String>>,
}

/// Tells a field that is null from one that is not there.
fn named<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl From<EditKey> for EditedKey {
    fn from(call: EditKey) -> Self {
        Self {
            name: call.name,
            ends: call.duration_days.map(ends),
            scopes: call.scopes,
            external_id: call.external_id.map(Option::unwrap_or_default),
            metadata: call.metadata.map(|metadata| metadata.map(as_text).unwrap_or_default()),
            rate_limits: call.rate_limits,
            credits: call.credits.map(|credits| credits.map_or(EditedCredits::Unlimited, EditedCredits::Set)),
            allowed_ips: call.allowed_ips,
        }
    }
}

/// How to rotate.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// How long the secret before stays good.
    #[schema(schema_with = schemas::grace)]
    pub grace_seconds: i64,
}

/// A key that was made elsewhere.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportKey {
    /// Of the key: 64 hexadecimal digits, or base64.
    #[schema(schema_with = schemas::sha256)]
    sha256: String,
    #[schema(schema_with = schemas::name)]
    name: String,
    /// Only `client`.
    #[serde(default)]
    #[schema(schema_with = schemas::client_or_null)]
    kind: Option<String>,
    #[serde(default)]
    #[schema(schema_with = schemas::duration_or_null)]
    duration_days: Option<i64>,
    #[serde(default)]
    #[schema(schema_with = schemas::words_or_null)]
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
    #[schema(schema_with = schemas::wanted_credits)]
    credits: Option<WantedCredits>,
    #[serde(default)]
    #[schema(schema_with = schemas::allowed_ips)]
    allowed_ips: Vec<String>,
}

impl ImportKey {
    /// What is to be taken over.
    ///
    /// # Errors
    /// `Invalid` at `kind`.
    pub fn import(self) -> Result<Import, Fault> {
        let kind = Kind::Key(KeyKind::Client);
        if self.kind.is_some_and(|word| word.parse() != Ok(kind)) {
            return Err(Fault::invalid("kind", "Only client keys can be imported."));
        }
        let wanted = WantedKey {
            kind,
            name: self.name,
            ends: ends(self.duration_days),
            scopes: self.scopes,
            corpora: Vec::new(),
            external_id: self.external_id,
            metadata: self.metadata.map(as_text),
            rate_limits: self.rate_limits,
            credits: self.credits,
            allowed_ips: self.allowed_ips,
        };
        Ok(Import { sha256: self.sha256, wanted })
    }
}

/// Many of them, all or none.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportKeys {
    /// Each of them.
    #[schema(min_items = 1, max_items = 1000)]
    pub keys: Vec<ImportKey>,
}
