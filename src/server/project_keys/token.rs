//! What a project key is made of: a JWT with one header, one algorithm and these claims.

use std::collections::HashMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::signing::SigningKey;
use crate::model::{
    fault::Fault,
    id::{KeyId, ProjectId, UserId},
};

/// What says in a token that it is a project key. Part of every issued key, so never changed.
const TYP: &str = "project-key+jwt";
/// The longest token that is looked at: ours have less than half of it.
const TOKEN_MAX: usize = 4096;

/// What a token says. What counts beside it is read live: whether the key is still good, and what its role permits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// This installation's public URL then, without a slash at its end: for those who check tokens by themselves.
    pub iss: String,
    /// The project.
    pub aud: ProjectId,
    /// The holder.
    pub sub: UserId,
    /// The key.
    pub jti: KeyId,
    /// The name of its role when it was signed.
    pub role: String,
    /// When it was signed, in Unix seconds.
    pub iat: i64,
    /// When it ends, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
}

/// The only header that a token of ours has: with anything more, such as a key of its own, it is none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnlyHeader {
    alg: String,
    typ: String,
    kid: String,
}

/// Signs a token.
///
/// # Errors
/// `Internal` when the library can't.
pub fn sign(key: &SigningKey, claims: &Claims) -> Result<SecretString, Fault> {
    let header = Header { typ: Some(TYP.to_owned()), kid: Some(key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
    let signed = jsonwebtoken::encode(&header, claims, &key.encoding_key());
    signed.map(SecretString::from).map_err(|error| {
        tracing::error!(%error, "a token can't be signed");
        Fault::Internal
    })
}

/// Whether what was presented claims to be a project key, by its `typ`; in the spellings that RFC 7515 takes for the same.
pub fn claims_to_be_one(presented: &str) -> bool {
    #[derive(Deserialize)]
    struct Typed {
        typ: String,
    }
    let header = presented.split_once('.').and_then(|(header, _)| BASE64_URL_SAFE_NO_PAD.decode(header).ok());
    let typ = header.and_then(|header| serde_json::from_slice::<Typed>(&header).ok()).map(|typed| typed.typ.to_ascii_lowercase());
    typ.is_some_and(|typ| typ == TYP || typ.strip_prefix("application/") == Some(TYP))
}

/// The public keys of this installation, by name: all that a check needs.
pub struct Checker {
    validation: Validation,
    keys: HashMap<String, DecodingKey>,
}

impl Checker {
    /// One that takes tokens under these keys. They are nobody's but ours, so it does not ask for an issuer: the public URL may have
    /// changed since.
    pub fn new(keys: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["iss", "aud", "sub"]);
        // The key's own record says when it ends and for which project it is, and both are judged after that.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.leeway = 0;
        Self { validation, keys: keys.into_iter().map(|(kid, key)| (kid, DecodingKey::from_ed_der(&key))).collect() }
    }

    /// What the token says, if we signed it as it stands: the one header, a key of ours, its signature and claims.
    pub fn check(&self, token: &str) -> Option<Claims> {
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
