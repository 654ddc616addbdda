//! Arguments for the attributes of a service.

use clap::{Args, ValueEnum};

use crate::{error::CliError, input::clear};
use latchkey_types::{
    id::CredentialId,
    key_kind::KeyKind,
    rest::services::{EditService, ServiceInjection},
    service::{AllowRule, ServiceCaller},
};

#[derive(Debug, Args)]
pub(super) struct AttributeOptions {
    /// How the credential is sent: bearer, header=NAME, basic=USER, query=NAME or sigv4=SERVICE/REGION
    #[arg(long = "inject", value_name = "HOW", value_parser = injection)]
    injection: Option<ServiceInjection>,
    /// Id of the credential: `crd_…`
    // Parsed later, because clap would print an invalid value, which can be a secret.
    #[arg(long, value_name = "ID")]
    credential: Option<String>,
    /// Requests to forward, such as `GET /v1/**`: a method or *, and a pattern of paths; can be repeated
    #[arg(long, value_name = "METHOD PATH", value_parser = allow_rule)]
    allow: Vec<AllowRule>,
    /// Kind of key that may call the service, and the scope that it needs, such as client=read; can be repeated
    #[arg(long = "caller", value_name = "KIND[=SCOPE]", value_parser = caller)]
    callers: Vec<ServiceCaller>,
    /// Time limit until the headers of a response, in seconds
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<i64>,
    /// Largest request body, in bytes
    #[arg(long, value_name = "BYTES")]
    body_max: Option<i64>,
}

impl AttributeOptions {
    /// The given attributes.
    ///
    /// # Errors
    /// [`CliError::Usage`] for an invalid id.
    pub(super) fn edit(&self) -> Result<EditService, CliError> {
        let credential = self.credential.as_deref().map(credential_id).transpose()?;
        Ok(EditService {
            injection: self.injection.clone(),
            credential: credential.map(Some),
            allow: (!self.allow.is_empty()).then(|| self.allow.clone()),
            callers: (!self.callers.is_empty()).then(|| self.callers.clone()),
            timeout_seconds: self.timeout,
            body_max: self.body_max,
            ..EditService::default()
        })
    }
}

/// Field that `services edit --clear` removes.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum ClearedField {
    Credential,
    Allow,
    Callers,
}

impl ClearedField {
    /// Clears the field in a request.
    ///
    /// # Errors
    /// [`CliError::Usage`] if the request sets the field.
    pub(super) fn clear(self, request: &mut EditService) -> Result<(), CliError> {
        match self {
            Self::Credential => clear(&mut request.credential),
            Self::Allow => clear(&mut request.allow),
            Self::Callers => clear(&mut request.callers),
        }
    }
}

fn credential_id(text: &str) -> Result<CredentialId, CliError> {
    text.parse().map_err(|_| CliError::usage("invalid credential id: an id is crd_ and 32 hexadecimal digits, never the credential itself"))
}

/// Parses `bearer`, `header=NAME`, `basic=USER`, `query=NAME` or `sigv4=SERVICE/REGION`.
fn injection(text: &str) -> Result<ServiceInjection, String> {
    let (kind, value) = text.split_once('=').unwrap_or((text, ""));
    let is_given = !value.is_empty();
    let (name, signed) = (value.to_owned(), value.split_once('/'));
    match (kind, signed) {
        ("bearer", _) if !is_given => Ok(ServiceInjection::Bearer {}),
        ("header", _) if is_given => Ok(ServiceInjection::Header { name }),
        ("basic", _) => Ok(ServiceInjection::Basic { username: name }),
        ("query", _) if is_given => Ok(ServiceInjection::Query { name }),
        ("sigv4", Some((service, region))) => Ok(ServiceInjection::SigV4 { service: service.to_owned(), region: region.to_owned() }),
        _ => Err("use bearer, header=NAME, basic=USER, query=NAME or sigv4=SERVICE/REGION".to_owned()),
    }
}

/// Formats an injection as `--inject` accepts it.
pub(super) fn format_injection(injection: &ServiceInjection) -> String {
    match injection {
        ServiceInjection::Bearer {} => "bearer".to_owned(),
        ServiceInjection::Header { name } => format!("header={name}"),
        ServiceInjection::Basic { username } => format!("basic={username}"),
        ServiceInjection::Query { name } => format!("query={name}"),
        ServiceInjection::SigV4 { service, region } => format!("sigv4={service}/{region}"),
    }
}

/// Parses `GET /v1/**`.
fn allow_rule(text: &str) -> Result<AllowRule, String> {
    let parts = text.trim().split_once(' ').map(|(method, path)| (method, path.trim_start()));
    let (method, path) = parts.ok_or("use a method or *, a space and a pattern of paths, such as “GET /v1/**”")?;
    Ok(AllowRule { method: method.to_owned(), path: path.to_owned() })
}

/// Parses `agent` or `client=read`.
fn caller(text: &str) -> Result<ServiceCaller, String> {
    let (kind, scope) = text.split_once('=').map_or((text, None), |(kind, scope)| (kind, Some(scope.to_owned())));
    let kind: KeyKind = kind.parse().map_err(|_| "use client, agent, internal or project, with a scope as in client=read")?;
    Ok(ServiceCaller { kind, scope })
}

/// Formats a caller as `--caller` accepts it.
pub(super) fn format_caller(caller: &ServiceCaller) -> String {
    let kind = caller.kind.as_str();
    caller.scope.as_ref().map_or_else(|| kind.to_owned(), |scope| format!("{kind}={scope}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn injections_and_callers_round_trip() {
        for text in ["bearer", "header=X-Token", "basic=ada", "basic=", "query=appid", "sigv4=s3/us-east-1"] {
            assert_eq!(format_injection(&injection(text).unwrap()), text);
        }
        assert_eq!(injection("basic"), injection("basic="));
        for bad in ["", "cookie=a", "header", "header=", "query", "bearer=a", "sigv4", "sigv4=s3"] {
            assert!(injection(bad).is_err(), "{bad}");
        }
        for text in ["agent", "client=orders:read", "project=view_project"] {
            assert_eq!(format_caller(&caller(text).unwrap()), text);
        }
        assert!(caller("everybody").is_err());
    }

    #[test]
    fn an_allow_rule_has_a_method_and_a_path() {
        let rule = |method: &str, path: &str| Ok(AllowRule { method: method.to_owned(), path: path.to_owned() });
        assert_eq!(allow_rule("GET /v1/**"), rule("GET", "/v1/**"));
        assert_eq!(allow_rule(" *   / "), rule("*", "/"));
        assert!(allow_rule("/v1").is_err());
    }
}
