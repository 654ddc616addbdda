//! AWS Signature Version 4. <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode, sign},
    sign::v4,
};
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Headers of a signature. Those that a request already has are replaced.
const SIGNATURE_HEADERS: [&str; 3] = ["x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];

/// Signs requests to an AWS service with an access key.
pub struct Signer {
    key: SecretString,
    secret: SecretString,
    service: String,
    region: String,
}

impl Signer {
    pub fn new(key: &SecretString, secret: &SecretString, service: &str, region: &str) -> Self {
        Self { key: key.clone(), secret: secret.clone(), service: service.to_owned(), region: region.to_owned() }
    }

    /// Adds the signature to the headers of a request, and returns it; `None` if the request cannot be signed. Of the other headers, it covers
    /// the content type and those with the prefix `x-amz-`.
    pub fn sign(&self, method: &Method, url: &Url, headers: &mut HeaderMap, body: &[u8], at: SystemTime) -> Option<SecretString> {
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

    /// 30 August 2015, 12:36, in minutes since 1970.
    const AT: u64 = 24_015_636;

    /// The headers of a POST after signing, and the signature.
    fn signed(service: &str, headers: &[(&'static str, &str)]) -> (HeaderMap, SecretString) {
        let signer = Signer::new(&"AKIDEXAMPLE".into(), &"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(), service, "us-east-1");
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let url = Url::parse("https://example.amazonaws.com/").unwrap();
        let signature = signer.sign(&Method::POST, &url, &mut map, b"Param1=value1", SystemTime::UNIX_EPOCH + Duration::from_mins(AT)).unwrap();
        (map, signature)
    }

    /// AWS's Signature Version 4 test suite, `post-x-www-form-urlencoded`.
    #[test]
    fn signs_the_published_example() {
        let (headers, signature) = signed("service", &[("content-type", "application/x-www-form-urlencoded"), ("user-agent", "curl/8")]);
        assert_eq!(headers["x-amz-date"], "20150830T123600Z");
        assert_eq!(
            headers["authorization"],
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=content-type;host;x-amz-date, \
             Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
        );
        assert!(!format!("{headers:?}").contains("AKIDEXAMPLE"));
        assert_eq!(signature.expose_secret(), "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
    }

    /// As in the examples of the S3 documentation, “GET Bucket (List Objects)”, with the host of the bucket.
    #[test]
    fn signs_the_published_example_of_s3() {
        let signer = Signer::new(&"AKIAIOSFODNN7EXAMPLE".into(), &"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(), "s3", "us-east-1");
        let url = Url::parse("https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J").unwrap();
        let mut headers = HeaderMap::new();
        signer.sign(&Method::GET, &url, &mut headers, &[], SystemTime::UNIX_EPOCH + Duration::from_hours(380_376)).unwrap();
        assert_eq!(headers["x-amz-date"], "20130524T000000Z");
        assert_eq!(headers["x-amz-content-sha256"], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(
            headers["authorization"],
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;x-amz-content-sha256;x-amz-date, \
             Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        );
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
