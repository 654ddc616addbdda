//! `/api/v1/services`.

use serde::{Deserialize, Deserializer, Serialize};

use super::{is_default, present, values::Rfc3339};
use crate::{
    id::{CredentialId, ServiceId},
    key_kind::KeyKind,
    service::{
        AllowRule, Injection, SERVICE_BODY_DEFAULT, SIGNED_BODY_MAX, ServiceCaller, ServiceRequest, ServiceRow, TIMEOUT_DEFAULT_SECONDS, UnlinkReason,
    },
};

/// A service: an HTTP API that is called through the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Service {
    pub id: ServiceId,
    /// Part of the gateway's URL: `/gateway/{name}/…`.
    pub name: String,
    pub base_url: String,
    #[serde(deserialize_with = "tolerant_injection")]
    pub injection: ServiceInjection,
    /// The credential that is added to forwarded calls; null for none.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub credential: Option<CredentialId>,
    /// Why the service lost its credential; null if it did not.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub unlinked: Option<UnlinkReason>,
    /// Which requests are forwarded; all others are refused.
    #[serde(deserialize_with = "tolerant_rules")]
    pub allow: Vec<AllowRule>,
    /// Which kinds of keys may call the service.
    #[serde(deserialize_with = "tolerant_callers")]
    pub callers: Vec<ServiceCaller>,
    /// Time limit until the headers of a response.
    pub timeout_seconds: i64,
    /// The largest request body, in bytes.
    pub body_max: i64,
    pub created_at: Rfc3339,
}

impl From<ServiceRow> for Service {
    fn from(service: ServiceRow) -> Self {
        Self {
            id: service.id,
            credential: service.link.credential(),
            unlinked: service.link.unlink_reason(),
            name: service.name,
            base_url: service.base_url,
            injection: service.injection.into(),
            allow: service.allow,
            callers: service.callers,
            timeout_seconds: service.timeout_seconds,
            body_max: service.body_max,
            created_at: service.created_at.into(),
        }
    }
}

/// The services of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Services {
    /// Sorted by name.
    pub items: Vec<Service>,
}

/// How the credential is added to a forwarded request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum ServiceInjection {
    // With braces, because serde accepts unknown fields next to the tag of a unit variant.
    Bearer {},
    Header {
        name: String,
    },
    Basic {
        #[serde(default)]
        username: String,
    },
    Query {
        name: String,
    },
    SigV4 {
        service: String,
        region: String,
    },
}

impl From<Injection> for ServiceInjection {
    fn from(injection: Injection) -> Self {
        match injection {
            Injection::Bearer => Self::Bearer {},
            Injection::Header { name } => Self::Header { name },
            Injection::Basic { username } => Self::Basic { username },
            Injection::Query { name } => Self::Query { name },
            Injection::SigV4 { service, region } => Self::SigV4 { service, region },
        }
    }
}

impl From<ServiceInjection> for Injection {
    fn from(injection: ServiceInjection) -> Self {
        match injection {
            ServiceInjection::Bearer {} => Self::Bearer,
            ServiceInjection::Header { name } => Self::Header { name },
            ServiceInjection::Basic { username } => Self::Basic { username },
            ServiceInjection::Query { name } => Self::Query { name },
            ServiceInjection::SigV4 { service, region } => Self::SigV4 { service, region },
        }
    }
}

/// The kinds of keys that can call services.
#[cfg(feature = "openapi")]
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CallerKind {
    Client,
    Agent,
    Internal,
    Project,
}

/// A service to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateService {
    /// Lowercase letters, digits and hyphens; unique in the organization.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$"))]
    pub name: String,
    /// An http or https URL without user, query and fragment.
    pub base_url: String,
    pub injection: ServiceInjection,
    /// A general key, or an external key of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialId>,
    /// Which requests are forwarded. Without a rule, none is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub allow: Vec<AllowRule>,
    /// Which kinds of keys may call the service, each at most once. Without one, no key may.
    #[serde(default, skip_serializing_if = "is_default")]
    pub callers: Vec<ServiceCaller>,
    /// Time limit until the headers of a response: 1 to 600, by default 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<i64>,
    /// The largest request body, in bytes: up to 1 GiB, by default 10 MiB. With `sigv4` up to 8 MiB, which is then the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_max: Option<i64>,
}

impl From<CreateService> for ServiceRequest {
    fn from(request: CreateService) -> Self {
        let is_signed = matches!(request.injection, ServiceInjection::SigV4 { .. });
        let body_default = if is_signed { SIGNED_BODY_MAX } else { SERVICE_BODY_DEFAULT };
        Self {
            name: request.name,
            base_url: request.base_url,
            injection: request.injection.into(),
            credential: request.credential,
            allow: request.allow,
            callers: request.callers,
            timeout_seconds: request.timeout_seconds.unwrap_or(TIMEOUT_DEFAULT_SECONDS),
            body_max: request.body_max.unwrap_or(body_default),
        }
    }
}

/// Changes to a service. Fields that are left out or null keep their value; null for `credential` unlinks it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EditService {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Another base URL unlinks the credential, unless another credential is given with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub injection: Option<ServiceInjection>,
    /// Null unlinks the credential.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<CredentialId>))]
    pub credential: Option<Option<CredentialId>>,
    /// Replaces all rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<AllowRule>>,
    /// Replaces all callers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callers: Option<Vec<ServiceCaller>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_max: Option<i64>,
}

impl EditService {
    /// The values of a service after the changes.
    pub fn apply(self, before: &ServiceRow) -> ServiceRequest {
        let before = ServiceRequest::from(before);
        ServiceRequest {
            name: self.name.unwrap_or(before.name),
            base_url: self.base_url.unwrap_or(before.base_url),
            injection: self.injection.map_or(before.injection, Into::into),
            credential: self.credential.unwrap_or(before.credential),
            allow: self.allow.unwrap_or(before.allow),
            callers: self.callers.unwrap_or(before.callers),
            timeout_seconds: self.timeout_seconds.unwrap_or(before.timeout_seconds),
            body_max: self.body_max.unwrap_or(before.body_max),
        }
    }
}

// Clients ignore unknown fields of responses, unlike the types themselves, which are also parts of requests.

fn tolerant_injection<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ServiceInjection, D::Error> {
    #[derive(Deserialize)]
    #[serde(remote = "ServiceInjection", tag = "type", rename_all = "lowercase")]
    enum Fields {
        Bearer {},
        Header { name: String },
        Basic { username: String },
        Query { name: String },
        SigV4 { service: String, region: String },
    }
    Fields::deserialize(deserializer)
}

fn tolerant_rules<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<AllowRule>, D::Error> {
    #[derive(Deserialize)]
    #[serde(remote = "AllowRule")]
    struct Fields {
        method: String,
        path: String,
    }
    #[derive(Deserialize)]
    struct Item(#[serde(with = "Fields")] AllowRule);
    Ok(Vec::<Item>::deserialize(deserializer)?.into_iter().map(|Item(rule)| rule).collect())
}

fn tolerant_callers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ServiceCaller>, D::Error> {
    #[derive(Deserialize)]
    #[serde(remote = "ServiceCaller")]
    struct Fields {
        kind: KeyKind,
        scope: Option<String>,
    }
    #[derive(Deserialize)]
    struct Item(#[serde(with = "Fields")] ServiceCaller);
    Ok(Vec::<Item>::deserialize(deserializer)?.into_iter().map(|Item(caller)| caller).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        key_kind::CredentialKind,
        service::{LinkableCredential, ServiceLink},
        time::Timestamp,
    };

    fn service() -> Value {
        json!({
            "id": "svc_01a1f0b75c8d7f3aa6c1d0e5b4938271", "name": "billing", "base_url": "https://api.example.com",
            "injection": { "type": "sigv4", "service": "s3", "region": "us-east-1" }, "credential": null, "unlinked": "address_changed",
            "allow": [{ "method": "GET", "path": "/**" }], "callers": [{ "kind": "agent", "scope": null }], "timeout_seconds": 60,
            "body_max": 1024, "created_at": "2026-11-21T10:00:00.000Z",
        })
    }

    #[test]
    fn a_response_round_trips_and_unknown_fields_are_ignored() {
        let known: Service = serde_json::from_value(service()).unwrap();
        assert_eq!(serde_json::to_value(&known).unwrap(), service());
        let mut newer = service();
        for object in ["", "/injection", "/allow/0", "/callers/0"] {
            newer.pointer_mut(object).unwrap()["of_a_newer_server"] = json!(1);
        }
        assert_eq!(serde_json::from_value::<Service>(newer).unwrap(), known);
    }

    #[test]
    fn a_request_has_defaults_and_no_unknown_fields() {
        let create = |injection: Value| {
            let request = json!({ "name": "a", "base_url": "https://a", "injection": injection });
            serde_json::from_value::<CreateService>(request)
        };
        let request = ServiceRequest::from(create(json!({ "type": "bearer" })).unwrap());
        assert_eq!((request.timeout_seconds, request.body_max, request.injection), (60, 10 * 1024 * 1024, Injection::Bearer));
        let request = ServiceRequest::from(create(json!({ "type": "sigv4", "service": "s3", "region": "us-east-1" })).unwrap());
        assert_eq!(request.body_max, 8 * 1024 * 1024);
        for wrong in [json!({ "type": "bearer", "name": "a" }), json!({ "type": "header" }), json!({ "type": "cookie" }), json!({})] {
            assert!(create(wrong.clone()).is_err(), "{wrong}");
        }
        let rule =
            json!({ "name": "a", "base_url": "https://a", "injection": { "type": "bearer" }, "allow": [{ "method": "*", "path": "/", "x": 1 }] });
        assert!(serde_json::from_value::<CreateService>(rule).is_err());
    }

    #[test]
    fn changes_keep_what_is_left_out() {
        let credential = LinkableCredential {
            id: CredentialId::new(),
            kind: CredentialKind::General,
            name: "key".to_owned(),
            mask: "…".to_owned(),
            is_aws: false,
        };
        let before = ServiceRow {
            id: ServiceId::new(),
            name: "billing".to_owned(),
            base_url: "https://api.example.com".to_owned(),
            injection: Injection::Bearer,
            link: ServiceLink::Credential(credential.clone()),
            allow: Vec::new(),
            callers: Vec::new(),
            timeout_seconds: 60,
            body_max: 0,
            created_at: Timestamp(0),
            created_by: "Ada".to_owned(),
        };
        let edit = |json: Value| serde_json::from_value::<EditService>(json).unwrap();
        assert_eq!(edit(json!({})).apply(&before), ServiceRequest::from(&before));
        let after = edit(json!({ "credential": null, "injection": { "type": "query", "name": "key" }, "body_max": 7 })).apply(&before);
        assert_eq!((after.credential, after.body_max), (None, 7));
        assert_eq!((after.injection, after.name), (Injection::Query { name: "key".to_owned() }, before.name));
    }
}
