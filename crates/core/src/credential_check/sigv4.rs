//! AWS Signature Version 4 for POST requests with form data.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;
use zeroize::Zeroizing;

use latchkey_types::time::Timestamp;

/// The content type; part of the signature.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SIGNED_HEADERS: &str = "content-type;host;x-amz-date";

/// Credentials, scope and time of a signature.
pub(super) struct Signer<'a> {
    pub(super) key: &'a SecretString,
    pub(super) secret: &'a SecretString,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) at: Timestamp,
}

/// The request to sign.
pub(super) struct Post<'a> {
    pub(super) url: &'a Url,
    pub(super) body: &'a str,
}

/// The headers to add to the signed request.
pub(super) struct Signature {
    pub(super) date: String,
    pub(super) authorization: HeaderValue,
}

impl Signer<'_> {
    /// `None` if the URL has no host.
    pub(super) fn sign(&self, post: &Post) -> Option<Signature> {
        let date = basic_format(self.at);
        let day = &date[..8];
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let canonical = canonical_request(post, &date)?;
        let to_sign = format!("{ALGORITHM}\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let signature = hex(&*hmac(&*self.signing_key(day), to_sign.as_bytes()));
        let credential = format!("{}/{scope}", self.key.expose_secret());
        let line = format!("{ALGORITHM} Credential={credential}, SignedHeaders={SIGNED_HEADERS}, Signature={signature}");
        let mut authorization = HeaderValue::from_str(&line).ok()?;
        authorization.set_sensitive(true);
        Some(Signature { date, authorization })
    }

    fn signing_key(&self, day: &str) -> Zeroizing<[u8; 32]> {
        let secret = SecretString::from(format!("AWS4{}", self.secret.expose_secret()));
        let day_key = hmac(secret.expose_secret().as_bytes(), day.as_bytes());
        let region_key = hmac(&*day_key, self.region.as_bytes());
        let service_key = hmac(&*region_key, self.service.as_bytes());
        hmac(&*service_key, b"aws4_request")
    }
}

fn canonical_request(post: &Post, date: &str) -> Option<String> {
    let name = post.url.host_str()?;
    // As sent: the port only if it is not the default of the scheme.
    let host = post.url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
    let (path, query, body) = (post.url.path(), post.url.query().unwrap_or_default(), hex(&Sha256::digest(post.body)));
    Some(format!("POST\n{path}\n{query}\ncontent-type:{FORM}\nhost:{host}\nx-amz-date:{date}\n\n{SIGNED_HEADERS}\n{body}"))
}

/// ISO 8601's basic format: `20150830T123600Z`.
fn basic_format(at: Timestamp) -> String {
    let extended = at.rfc3339();
    let seconds = extended.split_once('.').map_or(extended.as_str(), |(seconds, _)| seconds);
    format!("{}Z", seconds.replace(['-', ':'], ""))
}

fn hmac(key: &[u8], message: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC accepts keys of any length");
    mac.update(message);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AWS's Signature Version 4 test suite, `post-x-www-form-urlencoded`.
    #[test]
    fn signs_the_published_example() {
        let (key, secret) = ("AKIDEXAMPLE".to_owned().into(), "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned().into());
        let signer = Signer { key: &key, secret: &secret, region: "us-east-1", service: "service", at: Timestamp(1_440_938_160_000) };
        let signature = signer.sign(&Post { url: &Url::parse("https://example.amazonaws.com/").unwrap(), body: "Param1=value1" }).unwrap();
        assert_eq!(signature.date, "20150830T123600Z");
        assert_eq!(
            signature.authorization.to_str().unwrap(),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=content-type;host;x-amz-date, \
             Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
        );
        assert!(!format!("{:?}", signature.authorization).contains("AKIDEXAMPLE"));
    }

    /// Example of the AWS guide, "Derive a signing key".
    #[test]
    fn derives_the_published_signing_key() {
        let (key, secret) = (String::new().into(), "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned().into());
        let signer = Signer { key: &key, secret: &secret, region: "us-east-1", service: "iam", at: Timestamp(0) };
        assert_eq!(hex(&*signer.signing_key("20150830")), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }
}
