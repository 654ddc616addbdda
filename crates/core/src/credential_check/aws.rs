//! Amazon Web Services: `GetCallerIdentity`, which every access key is permitted to call.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>

use std::time::SystemTime;

use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};
use secrecy::SecretString;
use url::Url;

use super::CheckResult;
use crate::{
    http_client::{HttpClient, HttpResponse},
    sigv4::Signer,
};
use latchkey_types::key::StorageProvider;

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
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    let signature = Signer::new(key, secret, "sts", region).sign(&Method::POST, &url, &mut headers, BODY.as_bytes(), SystemTime::now());
    if signature.is_none() {
        return CheckResult::inconclusive("The AWS URL cannot be signed.");
    }
    match client.send(client.request(Method::POST, url).headers(headers).body(BODY)).await {
        Ok(response) => interpret(&response),
        Err(failure) => CheckResult::request_failed(PROVIDER, failure),
    }
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

    #[test]
    fn each_region_has_its_own_endpoint() {
        assert_eq!(of_region("eu-central-1").unwrap().as_str(), "https://sts.eu-central-1.amazonaws.com/");
        assert_eq!(of_region("cn-north-1").unwrap().as_str(), "https://sts.cn-north-1.amazonaws.com.cn/");
    }
}
