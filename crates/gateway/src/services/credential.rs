//! The credentials of services, prepared for calls.

use std::{borrow::Cow, sync::Arc};

use axum::http::{HeaderName, HeaderValue, header::AUTHORIZATION};
use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{path, problems};
use crate::mask::{Masker, masker};
use latchkey_core::{
    credentials::Secrets,
    http_client::secret_header,
    services::call::{CallCredential, CallableService},
    sigv4::Signer,
};
use latchkey_http::problem::Problem;
use latchkey_types::{service::Injection, time::Timestamp};

/// Everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The addition to each request of a service.
pub(super) enum Added {
    Nothing,
    Header(HeaderName, HeaderValue),
    /// A query parameter: its name and its percent-encoded value.
    Parameter(String, SecretString),
    Signature(Signer),
}

/// The credential of a service.
pub(super) struct Prepared {
    pub(super) added: Added,
    /// Masks the credential in responses. `None` without a credential, or if each request has its own.
    pub(super) masker: Option<Arc<Masker>>,
}

impl Prepared {
    /// The credential of a service. It is prepared once, and stored with the service.
    ///
    /// # Errors
    /// 503 `no_credential`, `credential_expired`, `credential_unreadable`.
    pub(super) fn of(service: &CallableService) -> Result<Arc<Self>, Problem> {
        if let CallCredential::Usable(usable) = &service.credential
            && usable.expires_at.is_some_and(|expiry| expiry <= Timestamp::now())
        {
            return Err(problems::expired_credential());
        }
        if let Some(prepared) = service.prepared.get().and_then(|prepared| prepared.clone().downcast::<Self>().ok()) {
            return Ok(prepared);
        }
        let prepared = Arc::new(Self::new(service)?);
        // Another call may have stored an equal one in the meantime.
        let _ = service.prepared.set(prepared.clone());
        Ok(prepared)
    }

    /// # Errors
    /// 503 `no_credential`, `credential_unreadable`.
    fn new(service: &CallableService) -> Result<Self, Problem> {
        let secrets = match &service.credential {
            CallCredential::None => return Ok(Self { added: Added::Nothing, masker: None }),
            CallCredential::Unlinked(reason) => return Err(problems::unlinked(*reason)),
            CallCredential::Unreadable => return Err(problems::unreadable_credential()),
            CallCredential::Usable(usable) => &usable.secrets,
        };
        let prepared = match (&service.injection, secrets) {
            (Injection::SigV4 { service, region }, Secrets::Aws { key, secret, .. }) => {
                Some(Self { added: Added::Signature(Signer::new(key, secret, service, region)), masker: None })
            }
            (Injection::SigV4 { .. }, _) | (_, Secrets::Aws { .. }) => None,
            (injection, Secrets::Dnanexus { token: value } | Secrets::General { value }) => Self::of_value(injection, value),
        };
        prepared.ok_or_else(problems::unreadable_credential)
    }

    /// `None` if the value cannot be sent.
    fn of_value(injection: &Injection, value: &SecretString) -> Option<Self> {
        let mut secrets = vec![value.clone()];
        let added = match injection {
            Injection::Bearer => Added::Header(AUTHORIZATION, secret_header("Bearer ", value)?),
            Injection::Header { name } => Added::Header(HeaderName::from_bytes(name.as_bytes()).ok()?, secret_header("", value)?),
            Injection::Basic { username } => {
                let pair = Zeroizing::new(format!("{username}:{}", value.expose_secret()));
                let pair = SecretString::from(STANDARD.encode(pair.as_bytes()));
                let added = Added::Header(AUTHORIZATION, secret_header("Basic ", &pair)?);
                secrets.push(pair);
                added
            }
            Injection::Query { name } => Added::Parameter(name.clone(), utf8_percent_encode(value.expose_secret(), RESERVED).to_string().into()),
            Injection::SigV4 { .. } => return None,
        };
        Some(Self { added, masker: masker(&secrets) })
    }

    /// The query to send, from the caller's query.
    pub(super) fn query<'a>(&self, query: Option<&'a str>) -> Option<Cow<'a, str>> {
        match &self.added {
            Added::Parameter(name, value) => Some(path::with_parameter(query, name, value.expose_secret()).into()),
            Added::Nothing | Added::Header(..) | Added::Signature(_) => query.map(Cow::Borrowed),
        }
    }

    /// Whether requests are signed with their body.
    pub(super) const fn is_signed(&self) -> bool {
        matches!(self.added, Added::Signature(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "sk-A/b+c=";

    fn header_of(injection: &Injection) -> (String, String) {
        let Added::Header(name, value) = Prepared::of_value(injection, &VALUE.into()).unwrap().added else { panic!("not a header") };
        assert!(value.is_sensitive());
        (name.to_string(), value.to_str().unwrap().to_owned())
    }

    fn masked(injection: &Injection, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        Prepared::of_value(injection, &VALUE.into()).unwrap().masker.unwrap().mask_all(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_value_is_added_as_the_service_says() {
        assert_eq!(header_of(&Injection::Bearer), ("authorization".into(), "Bearer sk-A/b+c=".into()));
        assert_eq!(header_of(&Injection::Header { name: "X-Api-Key".into() }), ("x-api-key".into(), VALUE.into()));
        assert_eq!(header_of(&Injection::Basic { username: "ada".into() }), ("authorization".into(), "Basic YWRhOnNrLUEvYitjPQ==".into()));
        let query = Prepared::of_value(&Injection::Query { name: "key".into() }, &VALUE.into()).unwrap();
        assert_eq!(query.query(Some("a=1&key=2")).as_deref(), Some("a=1&key=sk-A%2Fb%2Bc%3D"));
        assert_eq!(query.query(None).as_deref(), Some("key=sk-A%2Fb%2Bc%3D"));
        assert_eq!(Prepared::of_value(&Injection::Bearer, &VALUE.into()).unwrap().query(Some("key=2")).as_deref(), Some("key=2"));
    }

    #[test]
    fn all_forms_of_a_value_are_masked() {
        for text in [VALUE, "sk-a/b+c=", "sk-A%2Fb%2Bc%3D"] {
            assert_eq!(masked(&Injection::Bearer, text), "*".repeat(text.len()), "{text}");
        }
        let basic = Injection::Basic { username: "ada".into() };
        assert!(masked(&basic, "YWRhOnNrLUEvYitjPQ==").bytes().all(|byte| byte == b'*'));
        assert_eq!(masked(&Injection::Bearer, "nothing here"), "nothing here");
    }

    #[test]
    fn a_value_that_no_header_can_hold_is_not_sent() {
        assert!(Prepared::of_value(&Injection::Bearer, &"a\nb".into()).is_none());
    }
}
