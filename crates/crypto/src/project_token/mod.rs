//! The token of a project key: a JWT with a fixed header, algorithm and set of claims.

use std::collections::HashMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::signing_key::SigningKey;
use latchkey_types::{
    error::Error,
    id::{KeyId, ProjectId, UserId},
};

/// `typ` of project keys. Part of every issued key, so it must never change.
const TYP: &str = "project-key+jwt";
/// Longest accepted token in bytes: more than twice the length of an issued one.
const TOKEN_MAX: usize = 4096;

/// The claims of a token. Whether the key is valid and what its role permits is not in the token but read from the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The public URL at the time of signing, without a trailing slash; for services that verify tokens offline.
    pub iss: String,
    /// The project.
    pub aud: ProjectId,
    /// The holder.
    pub sub: UserId,
    /// The key.
    pub jti: KeyId,
    /// Name of the role at the time of signing.
    pub role: String,
    /// Unix seconds.
    pub iat: i64,
    /// Unix seconds; absent if the key does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
}

/// The exact header of a project key. Additional members, such as an embedded key, make a token invalid.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnlyHeader {
    alg: String,
    typ: String,
    kid: String,
}

pub fn sign(key: &SigningKey, claims: &Claims) -> Result<SecretString, Error> {
    let header = Header { typ: Some(TYP.to_owned()), kid: Some(key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
    let signed = jsonwebtoken::encode(&header, claims, &key.encoding_key());
    signed.map(SecretString::from).map_err(|error| {
        tracing::error!(%error, "cannot sign a token");
        Error::Internal
    })
}

/// Whether a secret claims to be a project key by its `typ`, in any of the spellings that RFC 7515 treats as equal.
pub fn claims_to_be_project_key(presented: &str) -> bool {
    #[derive(Deserialize)]
    struct Typed {
        typ: String,
    }
    let header = presented.split_once('.').and_then(|(header, _)| BASE64_URL_SAFE_NO_PAD.decode(header).ok());
    let typ = header.and_then(|header| serde_json::from_slice::<Typed>(&header).ok()).map(|typed| typed.typ.to_ascii_lowercase());
    typ.is_some_and(|typ| typ == TYP || typ.strip_prefix("application/") == Some(TYP))
}

/// Verifies tokens with the public keys of this installation, by key id.
pub struct TokenVerifier {
    validation: Validation,
    keys: HashMap<String, DecodingKey>,
}

impl TokenVerifier {
    /// The issuer is not checked: only this installation has these keys, and its public URL may have changed since.
    pub fn new(keys: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["iss", "aud", "sub"]);
        // Expiry and project are evaluated from the key's record later.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.leeway = 0;
        Self { validation, keys: keys.into_iter().map(|(kid, key)| (kid, DecodingKey::from_ed_der(&key))).collect() }
    }

    /// Returns the claims if header, key id, signature and claims are valid.
    pub fn verify(&self, token: &str) -> Option<Claims> {
        if token.len() > TOKEN_MAX {
            return None;
        }
        let header = BASE64_URL_SAFE_NO_PAD.decode(token.split_once('.')?.0).ok()?;
        let header: OnlyHeader = serde_json::from_slice(&header).ok()?;
        if header.alg != "EdDSA" || header.typ != TYP {
            return None;
        }
        let key = self.keys.get(&header.kid)?;
        Some(jsonwebtoken::decode::<Claims>(token, key, &self.validation).ok()?.claims)
    }
}

#[cfg(test)]
mod tests;
