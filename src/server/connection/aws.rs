//! Amazon Web Services: `GetCallerIdentity`, which every access key may call.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>

use reqwest::{Method, header};
use secrecy::SecretString;
use url::Url;

use super::{
    Finding,
    sigv4::{FORM, Post, Signer},
};
use crate::{
    model::{key::StorageProvider, time::Timestamp},
    server::outgoing::{Answer, Outgoing},
};

const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const WHO: &str = StorageProvider::Aws.label();
/// Codes that say that the key, and nothing else, is wrong.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>
const REFUSALS: [&str; 7] = [
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "AuthFailure",
    "AccessDenied",
    "NotAuthorized",
];

pub(super) async fn test(outgoing: &Outgoing, endpoint: Option<&Url>, key: &SecretString, secret: &SecretString, region: &str) -> Finding {
    let Some(url) = endpoint.cloned().or_else(|| of_region(region)) else { return Finding::unchecked("The region is none of AWS's.") };
    let signer = Signer { key, secret, region, service: "sts", at: Timestamp::now() };
    let Some(signature) = signer.sign(&Post { url: &url, body: BODY }) else { return Finding::unchecked("The address of AWS has no host.") };
    let request = outgoing
        .request(Method::POST, url)
        .header(header::CONTENT_TYPE, FORM)
        .header("x-amz-date", signature.date)
        .header(header::AUTHORIZATION, signature.authorization)
        .body(BODY);
    match outgoing.send(request).await {
        Ok(answer) => judge(&answer),
        Err(failure) => Finding::failed(WHO, failure),
    }
}

/// China's regions are a partition of their own.
fn of_region(region: &str) -> Option<Url> {
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    Url::parse(&format!("https://sts.{region}.amazonaws.com{suffix}/")).ok()
}

fn judge(answer: &Answer) -> Finding {
    let body = String::from_utf8_lossy(&answer.body);
    let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code.trim());
    // Its code is that of a wrong secret.
    let is_about_time = body.contains("Signature expired") || body.contains("Signature not yet current");
    match (answer.status, code) {
        (200, _) if body.contains("<GetCallerIdentityResult>") => Finding::works(WHO),
        (401 | 403, Some(_)) if is_about_time => Finding::unchecked("This server's clock is wrong, so AWS takes no signature of it. Set the clock."),
        (401 | 403, Some(code)) if REFUSALS.contains(&code) => Finding::refused(WHO),
        (status, _) => Finding::strange(WHO, status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key::TestOutcome;

    fn outcome(status: u16, body: &str) -> TestOutcome {
        judge(&Answer { status, body: body.as_bytes().to_vec() }).0
    }

    #[test]
    fn only_what_is_about_the_key_is_a_refusal() {
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
    fn each_region_has_its_own_address() {
        assert_eq!(of_region("eu-central-1").unwrap().as_str(), "https://sts.eu-central-1.amazonaws.com/");
        assert_eq!(of_region("cn-north-1").unwrap().as_str(), "https://sts.cn-north-1.amazonaws.com.cn/");
    }
}
