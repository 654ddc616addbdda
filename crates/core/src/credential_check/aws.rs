//! Amazon Web Services: `GetCallerIdentity`, which every access key is permitted to call.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use reqwest::{
    Method,
    header::{self, HeaderMap, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::CheckResult;
use crate::http_client::{HttpClient, HttpResponse};
use latchkey_types::key::StorageProvider;

/// The content type; part of the signature.
const FORM: &str = "application/x-www-form-urlencoded";

const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const PROVIDER: &str = StorageProvider::Aws.label();
/// Error codes that mean that the key itself is invalid.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>
const INVALID_KEY_CODES: [&str; 7] = [
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "AuthFailure",
    "AccessDenied",
    "NotAuthorized",
];

pub(super) async fn test(client: &HttpClient, endpoint: Option<&Url>, key: &SecretString, secret: &SecretString, region: &str) -> CheckResult {
    let Some(url) = endpoint.cloned().or_else(|| of_region(region)) else { return CheckResult::inconclusive("The AWS region is invalid.") };
    let scope = Scope { region, service: "sts", at: SystemTime::now() };
    let Some(signature) = signature(&url, BODY, key, secret, &scope) else { return CheckResult::inconclusive("The AWS URL cannot be signed.") };
    let request = client.request(Method::POST, url).header(header::CONTENT_TYPE, FORM).headers(signature).body(BODY);
    match client.send(request).await {
        Ok(response) => interpret(&response),
        Err(failure) => CheckResult::request_failed(PROVIDER, failure),
    }
}

/// What a signature is valid for.
struct Scope<'a> {
    region: &'a str,
    service: &'a str,
    at: SystemTime,
}

/// The headers of Signature Version 4 for a POST of form data. `None` if the URL cannot be signed.
fn signature(url: &Url, body: &str, key: &SecretString, secret: &SecretString, scope: &Scope) -> Option<HeaderMap> {
    let identity = Credentials::new(key.expose_secret(), secret.expose_secret(), None, None, "latchkey").into();
    let settings = SigningSettings::default();
    let params = v4::SigningParams::builder().identity(&identity).region(scope.region).name(scope.service).time(scope.at).settings(settings);
    let headers = [(header::CONTENT_TYPE.as_str(), FORM)];
    let request = SignableRequest::new("POST", url.as_str(), headers.into_iter(), SignableBody::Bytes(body.as_bytes())).ok()?;
    let (instructions, _) = sign(request, &params.build().ok()?.into()).ok()?.into_parts();
    let mut signature = HeaderMap::new();
    for added in instructions.into_parts().0 {
        let mut value = HeaderValue::from_str(added.value()).ok()?;
        value.set_sensitive(true);
        signature.insert(added.name(), value);
    }
    Some(signature)
}

/// Regions in China use another domain.
fn of_region(region: &str) -> Option<Url> {
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    Url::parse(&format!("https://sts.{region}.amazonaws.com{suffix}/")).ok()
}

fn interpret(response: &HttpResponse) -> CheckResult {
    let body = String::from_utf8_lossy(&response.body);
    let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code.trim());
    // AWS uses the code of a wrong secret for these too.
    let is_about_time = body.contains("Signature expired") || body.contains("Signature not yet current");
    match (response.status, code) {
        (200, _) if body.contains("<GetCallerIdentityResult>") => CheckResult::accepted(PROVIDER),
        (401 | 403, Some(_)) if is_about_time => {
            CheckResult::inconclusive("This server's clock is wrong, so AWS rejects its signatures. Set the clock and test again.")
        }
        (401 | 403, Some(code)) if INVALID_KEY_CODES.contains(&code) => CheckResult::rejected(PROVIDER),
        (status, _) => CheckResult::unexpected_status(PROVIDER, status),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use latchkey_types::key::TestOutcome;

    fn outcome(status: u16, body: &str) -> TestOutcome {
        interpret(&HttpResponse { status, body: body.as_bytes().to_vec() }).0
    }

    #[test]
    fn only_errors_about_the_key_reject_it() {
        let error =
            |code: &str, message: &str| format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>");
        assert_eq!(outcome(200, "<GetCallerIdentityResponse><GetCallerIdentityResult>…"), TestOutcome::Works);
        assert_eq!(outcome(200, "<html>"), TestOutcome::Unchecked);
        assert_eq!(outcome(403, &error("InvalidClientTokenId", "")), TestOutcome::Refused);
        assert_eq!(outcome(403, &error("SignatureDoesNotMatch", "")), TestOutcome::Refused);
        assert_eq!(outcome(403, &error("SignatureDoesNotMatch", "Signature expired: 2026… is now earlier than")), TestOutcome::Unchecked);
        assert_eq!(outcome(403, &error("RegionDisabledException", "")), TestOutcome::Unchecked);
        assert_eq!(outcome(403, "<html>"), TestOutcome::Unchecked);
        assert_eq!(outcome(503, &error("SignatureDoesNotMatch", "")), TestOutcome::Unchecked);
    }

    /// AWS's Signature Version 4 test suite, `post-x-www-form-urlencoded`.
    #[test]
    fn signs_the_published_example() {
        let (key, secret) = ("AKIDEXAMPLE".to_owned().into(), "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned().into());
        let scope = Scope { region: "us-east-1", service: "service", at: SystemTime::UNIX_EPOCH + Duration::from_mins(24_015_636) };
        let signature = signature(&Url::parse("https://example.amazonaws.com/").unwrap(), "Param1=value1", &key, &secret, &scope).unwrap();
        assert_eq!(signature["x-amz-date"], "20150830T123600Z");
        assert_eq!(
            signature["authorization"],
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=content-type;host;x-amz-date, \
             Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
        );
        assert!(!format!("{signature:?}").contains("AKIDEXAMPLE"));
    }

    #[test]
    fn each_region_has_its_own_endpoint() {
        assert_eq!(of_region("eu-central-1").unwrap().as_str(), "https://sts.eu-central-1.amazonaws.com/");
        assert_eq!(of_region("cn-north-1").unwrap().as_str(), "https://sts.cn-north-1.amazonaws.com.cn/");
    }
}
