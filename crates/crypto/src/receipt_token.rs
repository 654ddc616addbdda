//! Receipts of revocations as JWS (RFC 7515), signed with Ed25519. A public key is enough to verify them.

use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, jwk::JwkSet};
use serde::{Deserialize, Serialize};

use super::signing_key::SigningKey;
use latchkey_types::{
    error::Error,
    id::{InstanceId, OrganizationId, ReceiptId},
    rest::receipts::{ReceiptChange, ReceiptInstance},
    time::Timestamp,
};

/// `typ` of receipts. Part of every receipt, so it must never change. It is not that of project keys: neither passes for the other.
const TYP: &str = "revocation-receipt+jwt";

/// What a receipt states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptClaims {
    /// The public URL at the time of signing, without a trailing slash.
    pub iss: String,
    pub jti: ReceiptId,
    /// Unix seconds.
    pub iat: i64,
    /// The organization whose access was taken away.
    pub org: OrganizationId,
    pub change: ReceiptChange,
    /// Unix milliseconds, as all times of a receipt except `iat`.
    pub committed_at: Timestamp,
    pub effective_at: Timestamp,
    pub instances: Vec<InstanceClaim>,
}

/// An instance, and since when it has not accepted what was revoked: it applied the change, or its lease ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceClaim {
    pub id: InstanceId,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_ended_at: Option<Timestamp>,
}

impl From<&ReceiptInstance> for InstanceClaim {
    fn from(instance: &ReceiptInstance) -> Self {
        let ReceiptInstance { id, name, confirmed_at, lease_ended_at } = instance;
        Self { id: *id, name: name.clone(), confirmed_at: confirmed_at.map(|at| at.0), lease_ended_at: lease_ended_at.map(|at| at.0) }
    }
}

impl From<InstanceClaim> for ReceiptInstance {
    fn from(claim: InstanceClaim) -> Self {
        let InstanceClaim { id, name, confirmed_at, lease_ended_at } = claim;
        Self { id, name, confirmed_at: confirmed_at.map(Into::into), lease_ended_at: lease_ended_at.map(Into::into) }
    }
}

pub fn sign(key: &SigningKey, claims: &ReceiptClaims) -> Result<String, Error> {
    let header = Header { typ: Some(TYP.to_owned()), kid: Some(key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
    jsonwebtoken::encode(&header, claims, &key.encoding_key()).map_err(|error| {
        tracing::error!(%error, "cannot sign a receipt");
        Error::Internal
    })
}

/// Verifies receipts with a set of public keys.
pub struct ReceiptVerifier(JwkSet);

impl ReceiptVerifier {
    /// Reads a JSON Web Key Set. `None` if it is malformed.
    pub fn from_key_set(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().map(Self)
    }

    /// Returns the claims if `typ`, key and signature are valid.
    pub fn verify(&self, jws: &str) -> Option<ReceiptClaims> {
        let header = jsonwebtoken::decode_header(jws).ok()?;
        if header.typ.as_deref() != Some(TYP) {
            return None;
        }
        let key = DecodingKey::from_jwk(self.0.find(&header.kid?)?).ok()?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["iss"]);
        // A receipt has neither an expiry nor an audience.
        validation.validate_exp = false;
        validation.validate_aud = false;
        Some(jsonwebtoken::decode::<ReceiptClaims>(jws, &key, &validation).ok()?.claims)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;
    use crate::{
        project_token::{self, Claims, TokenVerifier, claims_to_be_project_key},
        signing_key::jwk_x,
    };
    use latchkey_types::{
        id::{KeyId, ProjectId, UserId},
        rest::receipts::ReceiptObject,
    };

    fn claims() -> ReceiptClaims {
        let instance =
            |confirmed_at, lease_ended_at| InstanceClaim { id: InstanceId::new(), name: "web-1:3000".to_owned(), confirmed_at, lease_ended_at };
        ReceiptClaims {
            iss: "https://keys.example.com".to_owned(),
            jti: ReceiptId::new(),
            iat: 1_800_000_000,
            org: OrganizationId::new(),
            change: ReceiptChange {
                action: "key.deleted".to_owned(),
                objects: vec![ReceiptObject { kind: "key".to_owned(), id: KeyId::new().to_string() }],
            },
            committed_at: Timestamp(1_800_000_000_000),
            effective_at: Timestamp(1_800_000_001_050),
            instances: vec![instance(Some(Timestamp(1_800_000_000_001)), None), instance(None, Some(Timestamp(1_800_000_001_050)))],
        }
    }

    fn verifier(key: &SigningKey) -> ReceiptVerifier {
        let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": jwk_x(&key.public_key), "kid": key.kid, "alg": "EdDSA", "use": "sig" });
        ReceiptVerifier::from_key_set(&json!({ "keys": [key] }).to_string()).unwrap()
    }

    #[test]
    fn a_receipt_is_verified_with_its_public_key_only() {
        let (key, other) = (SigningKey::generate(), SigningKey::generate());
        let stated = claims();
        let jws = sign(&key, &stated).unwrap();
        assert_eq!((verifier(&key).verify(&jws), verifier(&other).verify(&jws)), (Some(stated), None));
        let of_another_receipt = sign(&key, &claims()).unwrap();
        let (message, signature) = (jws.rsplit_once('.').unwrap().0, of_another_receipt.rsplit_once('.').unwrap().1);
        for forged in [format!("{message}.{signature}"), format!("{message}."), message.to_owned(), String::new()] {
            assert_eq!(verifier(&key).verify(&forged), None, "{forged}");
        }
        assert!(ReceiptVerifier::from_key_set("{}").is_none());
    }

    #[test]
    fn neither_a_receipt_nor_a_project_key_passes_for_the_other() {
        // The same key for both, which the server never uses.
        let key = SigningKey::generate();
        let receipt = sign(&key, &claims()).unwrap();
        let tokens = TokenVerifier::new([(key.kid.clone(), key.public_key.to_vec())]);
        assert!(!claims_to_be_project_key(&receipt) && tokens.verify(&receipt).is_none());
        let token = Claims {
            iss: "https://keys.example.com".to_owned(),
            aud: ProjectId::new(),
            sub: UserId::new(),
            jti: KeyId::new(),
            role: "viewer".to_owned(),
            iat: 1_800_000_000,
            exp: None,
        };
        let token = project_token::sign(&key, &token).unwrap();
        assert!(tokens.verify(token.expose_secret()).is_some() && verifier(&key).verify(token.expose_secret()).is_none());
    }
}
