//! AWS Signature Version 4. <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::{sync::Arc, time::SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode, sign},
    sign::v4,
};
use axum::http::{HeaderMap, HeaderValue, Method, header::CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::credential::masker;
use crate::mask::Masker;

/// Headers of the signature. The caller's headers with these names are removed.
const SIGNATURE_HEADERS: [&str; 3] = ["x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];

/// Signs requests with an access key.
pub(super) struct Signer {
    key: SecretString,
    secret: SecretString,
    service: String,
    region: String,
}

impl Signer {
    pub(super) fn new(key: &SecretString, secret: &SecretString, service: &str, region: &str) -> Self {
        Self { key: key.clone(), secret: secret.clone(), service: service.to_owned(), region: region.to_owned() }
    }

    /// Adds the signature to the headers of a request, and returns it; `None` if the request cannot be signed.
    pub(super) fn sign(&self, method: &Method, url: &Url, headers: &mut HeaderMap, body: &[u8], at: SystemTime) -> Option<SecretString> {
        for name in SIGNATURE_HEADERS {
            headers.remove(name);
        }
        let identity = Credentials::new(self.key.expose_secret(), self.secret.expose_secret(), None, None, "latchkey").into();
        let params =
            v4::SigningParams::builder().identity(&identity).region(&self.region).name(&self.service).time(at).settings(self.settings()).build();
        let signed = headers.iter().filter(|(name, _)| *name == CONTENT_TYPE || name.as_str().starts_with("x-amz-"));
        let signed = signed.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let request = SignableRequest::new(method.as_str(), url.as_str(), signed, SignableBody::Bytes(body)).ok()?;
        let (instructions, signature) = sign(request, &params.ok()?.into()).ok()?.into_parts();
        for added in instructions.into_parts().0 {
            let mut value = HeaderValue::from_str(added.value()).ok()?;
            value.set_sensitive(true);
            headers.insert(added.name(), value);
        }
        Some(signature.into())
    }

    /// Finds a signature in a response. The secret key is not sent, so a service cannot repeat it.
    pub(super) fn masker(signature: SecretString) -> Option<Arc<Masker>> {
        masker(&[signature])
    }

    /// S3 signs paths as they are, and needs the digest of the body as a header.
    fn settings(&self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        if self.service == "s3" {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn signed(service: &str, headers: &[(&'static str, &str)]) -> (HeaderMap, Arc<Masker>) {
        let signer = Signer::new(&"AKIDEXAMPLE".into(), &SECRET.into(), service, "us-east-1");
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let at = SystemTime::UNIX_EPOCH + Duration::from_mins(24_015_636);
        let url = Url::parse("https://example.amazonaws.com/").unwrap();
        let signature = signer.sign(&Method::POST, &url, &mut map, b"Param1=value1", at).unwrap();
        (map, Signer::masker(signature).unwrap())
    }

    /// AWS's Signature Version 4 test suite, `post-x-www-form-urlencoded`.
    #[test]
    fn signs_the_published_example() {
        let (headers, masker) = signed("service", &[("content-type", "application/x-www-form-urlencoded"), ("user-agent", "curl/8")]);
        assert_eq!(headers["x-amz-date"], "20150830T123600Z");
        assert_eq!(
            headers["authorization"],
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=content-type;host;x-amz-date, \
             Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
        );
        assert!(!format!("{headers:?}").contains("AKIDEXAMPLE"));
        let mut echo = b"ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a".to_vec();
        assert!(masker.mask_all(&mut echo) > 0 && echo.iter().all(|byte| *byte == b'*'));
    }

    #[test]
    fn headers_of_the_service_are_signed_and_those_of_a_signature_replaced() {
        let own = [("x-amz-target", "DynamoDB.ListTables"), ("x-amz-date", "forged"), ("x-amz-security-token", "forged"), ("x-amzn-trace-id", "t")];
        let (headers, _) = signed("s3", &own);
        assert_eq!(headers["x-amz-date"], "20150830T123600Z");
        assert_eq!(headers["x-amz-content-sha256"], "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e");
        assert!(!headers.contains_key("x-amz-security-token"));
        let authorization = headers["authorization"].to_str().unwrap();
        assert!(authorization.contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-target, "), "{authorization}");
    }
}
