//! `/api/v1/providers`.

use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use super::provider_schema::HeaderName;
use super::{
    present,
    values::{Name, Rfc3339},
};
use crate::{
    dollars::Dollars,
    id::{CredentialId, ProviderId},
    provider::{self, ApiStyle, KeyLinkState, ProviderRequest, ProviderRow},
    service::UnlinkReason,
};

/// A provider of language models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Provider {
    pub id: ProviderId,
    pub name: String,
    pub style: ApiStyle,
    pub base_url: String,
    /// The header that carries the credential; null for that of the style: `Authorization: Bearer` or `x-api-key`.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub credential_header: Option<String>,
    /// The general key that is sent, unless a model has its own; null for none.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub credential: Option<CredentialId>,
    /// Why the provider lost its credential; null if it did not.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub unlinked: Option<UnlinkReason>,
    /// The last failure of a call or test; null if the last one succeeded.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub last_error: Option<ProviderError>,
    pub recent: RecentCalls,
}

impl From<ProviderRow> for Provider {
    fn from(provider: ProviderRow) -> Self {
        Self {
            id: provider.id,
            name: provider.name,
            style: provider.style,
            base_url: provider.base_url,
            credential_header: provider.credential_header,
            credential: credential_of(&provider.link),
            unlinked: unlink_reason_of(&provider.link),
            last_error: provider.last_error.map(Into::into),
            recent: provider.recent.into(),
        }
    }
}

/// The id of the linked general key.
pub(super) fn credential_of(link: &KeyLinkState) -> Option<CredentialId> {
    link.key().map(|key| key.id)
}

pub(super) const fn unlink_reason_of(link: &KeyLinkState) -> Option<UnlinkReason> {
    match link {
        KeyLinkState::Key(_) | KeyLinkState::Nothing => None,
        KeyLinkState::Deleted => Some(UnlinkReason::CredentialDeleted),
        KeyLinkState::AddressChanged => Some(UnlinkReason::AddressChanged),
    }
}

/// A failure of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProviderError {
    pub at: Rfc3339,
    /// The status of the response; null if there was none.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub status: Option<u16>,
    pub message: String,
}

impl From<provider::ProviderError> for ProviderError {
    fn from(error: provider::ProviderError) -> Self {
        Self { at: error.at.into(), status: error.status, message: error.message }
    }
}

/// The calls of the last 24 hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecentCalls {
    pub calls: i64,
    /// How many of them failed.
    pub failures: i64,
    /// In US dollars, exact to the billionth.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "0.0025"))]
    pub cost: Dollars,
    /// Calls of models without a price, which are not part of `cost`.
    pub unpriced: i64,
}

impl From<provider::RecentCalls> for RecentCalls {
    fn from(recent: provider::RecentCalls) -> Self {
        Self { calls: recent.calls, failures: recent.failures, cost: recent.cost, unpriced: recent.unpriced }
    }
}

/// The providers of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Providers {
    /// Sorted by name.
    pub items: Vec<Provider>,
}

/// A provider to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateProvider {
    pub name: Name,
    pub style: ApiStyle,
    /// An https URL, or an http URL in a network that the operator allows, without user, query and fragment. With the style `openai` it
    /// contains the version: `https://api.openai.com/v1`.
    pub base_url: String,
    /// The header that carries the credential, such as `api-key`; null for that of the style.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<HeaderName>))]
    pub credential_header: Option<String>,
    /// A general key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialId>,
}

impl From<CreateProvider> for ProviderRequest {
    fn from(request: CreateProvider) -> Self {
        let CreateProvider { name, style, base_url, credential_header, credential } = request;
        Self { name: name.0, style, base_url, credential_header, key: credential }
    }
}

/// Changes to a provider. Fields that are left out or null keep their value; null removes `credential_header` and unlinks `credential`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EditProvider {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<ApiStyle>,
    /// Another base URL unlinks the credentials of the provider and of its models. Another credential in the same request is linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Null for the header of the style.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<HeaderName>))]
    pub credential_header: Option<Option<String>>,
    /// Null unlinks the credential.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<CredentialId>))]
    pub credential: Option<Option<CredentialId>>,
}

impl EditProvider {
    /// The values of a provider after the changes.
    pub fn apply(self, before: &ProviderRow) -> ProviderRequest {
        ProviderRequest {
            name: self.name.map_or_else(|| before.name.clone(), |name| name.0),
            style: self.style.unwrap_or(before.style),
            base_url: self.base_url.unwrap_or_else(|| before.base_url.clone()),
            credential_header: self.credential_header.unwrap_or_else(|| before.credential_header.clone()),
            key: self.credential.unwrap_or_else(|| credential_of(&before.link)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{provider::GeneralKey, time::Timestamp};

    fn row(link: KeyLinkState) -> ProviderRow {
        ProviderRow {
            id: ProviderId::new(),
            name: "Azure".to_owned(),
            style: ApiStyle::Openai,
            base_url: "https://azure.example.com/openai/v1".to_owned(),
            credential_header: Some("api-key".to_owned()),
            link,
            models: Vec::new(),
            last_error: Some(provider::ProviderError { at: Timestamp(0), status: Some(429), message: "Too many calls.".to_owned() }),
            recent: provider::RecentCalls { calls: 3, failures: 1, cost: Dollars(2_500_000), unpriced: 0 },
        }
    }

    #[test]
    fn a_response_round_trips_and_unknown_fields_are_ignored() {
        let provider = Provider::from(row(KeyLinkState::AddressChanged));
        let mut sent = serde_json::to_value(&provider).unwrap();
        assert_eq!((&sent["unlinked"], &sent["credential"], &sent["recent"]["cost"]), (&json!("address_changed"), &Value::Null, &json!("0.0025")));
        for object in ["", "/last_error", "/recent"] {
            sent.pointer_mut(object).unwrap()["of_a_newer_server"] = json!(1);
        }
        assert_eq!(serde_json::from_value::<Provider>(sent).unwrap(), provider);
    }

    #[test]
    fn changes_keep_what_is_left_out() {
        let key = GeneralKey { id: CredentialId::new(), name: "key".to_owned(), mask: "…".to_owned() };
        let before = row(KeyLinkState::Key(key.clone()));
        let edit = |json: Value| serde_json::from_value::<EditProvider>(json).unwrap().apply(&before);
        let unchanged = edit(json!({ "name": null }));
        assert_eq!((unchanged.name.as_str(), unchanged.key, unchanged.style), ("Azure", Some(key.id), ApiStyle::Openai));
        assert_eq!((unchanged.base_url, unchanged.credential_header.as_deref()), (before.base_url.clone(), Some("api-key")));
        let changed = edit(json!({ "style": "anthropic", "credential": null, "credential_header": null }));
        assert_eq!((changed.style, changed.key, changed.credential_header), (ApiStyle::Anthropic, None, None));
        assert!(serde_json::from_value::<EditProvider>(json!({ "models": [] })).is_err());
    }
}
