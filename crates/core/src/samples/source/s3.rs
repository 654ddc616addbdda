//! Amazon S3: `ListObjectsV2`, and `GetObject` with ranges. Requests are not made with `object_store`, whose paths exclude valid keys such
//! as `a//b`, and whose prefixes end at a slash.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>

use std::{ops::Range, time::SystemTime};

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use reqwest::{
    Method, Request, Response, StatusCode,
    header::{HeaderMap, HeaderValue, IF_MATCH, RANGE},
};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::{LISTING_MAX, RemoteFile, SourceError, content_of, matches::Matches, range_header};
use crate::{
    http_client::{HttpClient, HttpError, read_body},
    sigv4::Signer,
};
use latchkey_types::{
    rest::values::Rfc3339,
    sample::{SourceFile, SourceListing},
};

/// Characters that the canonical form of a query encodes.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Characters that the canonical form of a path encodes.
const IN_PATH: &AsciiSet = &IN_QUERY.remove(b'/');
/// Largest body of an error, in bytes.
const ERROR_MAX: usize = 64 * 1024;
const BUCKET_REGION: &str = "x-amz-bucket-region";

pub(crate) struct S3 {
    client: HttpClient,
    /// The endpoint, without a slash at its end.
    endpoint: String,
    signer: Signer,
}

/// A page of a listing.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    contents: Vec<Object>,
    #[serde(default)]
    encoding_type: String,
    #[serde(default)]
    is_truncated: bool,
    next_continuation_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Object {
    key: String,
    size: i64,
    #[serde(rename = "ETag", default)]
    etag: String,
    #[serde(default)]
    last_modified: String,
}

impl S3 {
    /// `endpoint` is `None` for that of the region.
    pub(super) fn new(client: HttpClient, endpoint: Option<&Url>, key: SecretString, secret: SecretString, region: String) -> Self {
        let endpoint = endpoint.map_or_else(|| endpoint_of(&region), |url| url.as_str().trim_end_matches('/').to_owned());
        Self { client, endpoint, signer: Signer::new(&key, &secret, "s3", &region) }
    }

    pub(super) async fn list(&self, bucket: &str, prefix: &str, mut matches: Matches<'_>) -> Result<SourceListing, SourceError> {
        let mut token: Option<String> = None;
        loop {
            let page = self.page(bucket, prefix, token.as_deref()).await?;
            let is_encoded = page.encoding_type == "url";
            let files = page.contents.into_iter().filter_map(|object| file(object, is_encoded, prefix));
            // Consoles show an empty object of such a name as a folder.
            let files = files.filter(|file| file.size > 0 || !file.location.ends_with('/'));
            matches.add_page(files.map(|file| (file, true))).await;
            token = page.next_continuation_token.filter(|_| page.is_truncated);
            if token.is_none() || matches.is_full() {
                return Ok(matches.finish());
            }
        }
    }

    async fn page(&self, bucket: &str, prefix: &str, token: Option<&str>) -> Result<Page, SourceError> {
        let encoded = |text: &str| utf8_percent_encode(text, IN_QUERY).to_string();
        let token = token.map(|token| format!("continuation-token={}&", encoded(token))).unwrap_or_default();
        let query = format!("{token}encoding-type=url&list-type=2&max-keys=1000&prefix={}", encoded(prefix));
        let url = Url::parse(&format!("{}/{bucket}?{query}", self.endpoint)).map_err(|_| SourceError::NoContainer)?;
        let response = self.client.transfer(self.request(url)?).await?;
        if response.status() != StatusCode::OK {
            return Err(failure_of(response).await);
        }
        let body = read_body(response, LISTING_MAX).await?;
        let text = str::from_utf8(&body).map_err(|_| HttpError::InvalidResponse)?;
        Ok(quick_xml::de::from_str(text).map_err(|_| HttpError::InvalidResponse)?)
    }

    pub(super) async fn read(&self, file: &RemoteFile<'_>, range: &Range<i64>) -> Result<Bytes, SourceError> {
        let mut request = self.request(self.url_of(file.container, file.location)?)?;
        request.headers_mut().insert(RANGE, range_header(range));
        if let Ok(etag) = HeaderValue::from_str(file.etag)
            && !file.etag.is_empty()
        {
            request.headers_mut().insert(IF_MATCH, etag);
        }
        let response = self.client.transfer(request).await?;
        if response.status().is_success() { content_of(response, file.size, range).await } else { Err(failure_of(response).await) }
    }

    /// The URL of an object.
    ///
    /// # Errors
    /// `UnusableName` if the URL standard resolves a part of the key, because another object would be read.
    fn url_of(&self, bucket: &str, key: &str) -> Result<Url, SourceError> {
        let path = format!("/{bucket}/{}", utf8_percent_encode(key, IN_PATH));
        let url = Url::parse(&format!("{}{path}", self.endpoint)).map_err(|_| SourceError::UnusableName)?;
        if url.path().ends_with(&path) { Ok(url) } else { Err(SourceError::UnusableName) }
    }

    /// A signed GET request.
    fn request(&self, url: Url) -> Result<Request, SourceError> {
        let mut headers = HeaderMap::new();
        self.signer.sign(&Method::GET, &url, &mut headers, &[], SystemTime::now()).ok_or(SourceError::UnusableName)?;
        let mut request = Request::new(Method::GET, url);
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// Regions in China use another domain.
fn endpoint_of(region: &str) -> String {
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("https://s3.{region}.amazonaws.com{suffix}")
}

/// A listed object; `None` if its key is not valid UTF-8.
fn file(object: Object, is_encoded: bool, prefix: &str) -> Option<SourceFile> {
    let Object { key, size, etag, last_modified } = object;
    // A space is encoded as a plus sign, as in forms.
    let location = if is_encoded { percent_decode_str(&key.replace('+', " ")).decode_utf8().ok()?.into_owned() } else { key };
    let modified_at = last_modified.parse().ok().map(|Rfc3339(time)| time);
    Some(SourceFile { name: name_of(&location, prefix).to_owned(), location, size, etag, modified_at })
}

/// The name of an object: its key after the prefix or, if nothing follows it, after the last slash.
pub(crate) fn name_of<'a>(key: &'a str, prefix: &str) -> &'a str {
    match key.strip_prefix(prefix) {
        Some(name) if !name.is_empty() => name,
        _ => key.rsplit('/').next().unwrap_or(key),
    }
}

/// What a response other than a success means.
async fn failure_of(response: Response) -> SourceError {
    let status = response.status().as_u16();
    let region = response.headers().get(BUCKET_REGION).and_then(|region| region.to_str().ok()).map(str::to_owned);
    match read_body(response, ERROR_MAX).await {
        Ok(body) => interpret(status, region, &String::from_utf8_lossy(&body)),
        Err(HttpError::TooLarge) => SourceError::Status(status),
        Err(error) => error.into(),
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
fn interpret(status: u16, region: Option<String>, body: &str) -> SourceError {
    let code = element(body, "Code").unwrap_or_default();
    match (status, code) {
        (301 | 307, _) | (400, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => {
            let region = region.or_else(|| element(body, "Region").map(str::to_owned));
            SourceError::OtherRegion(region.filter(|region| region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')))
        }
        (_, "RequestTimeTooSkewed") => SourceError::ClockWrong,
        (401 | 403, _) if body.contains("Signature expired") || body.contains("Signature not yet current") => SourceError::ClockWrong,
        (401 | 403, "AuthFailure" | "InvalidAccessKeyId" | "InvalidClientTokenId" | "SignatureDoesNotMatch" | "UnrecognizedClientException") => {
            SourceError::KeyRejected
        }
        (_, "InvalidObjectState") => SourceError::Archived,
        (_, "NoSuchBucket" | "InvalidBucketName") => SourceError::NoContainer,
        (404, _) => SourceError::Missing,
        (412 | 416, _) => SourceError::Changed,
        (401 | 403, _) => SourceError::NoAccess,
        (status, _) => SourceError::Status(status),
    }
}

/// The text of the first element of this name.
fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_client::OutgoingNetworks;

    fn s3(endpoint: Option<&str>) -> S3 {
        let (key, secret) = ("AKIAIOSFODNN7EXAMPLE".to_owned().into(), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned().into());
        let endpoint = endpoint.map(|url| Url::parse(url).unwrap());
        S3::new(HttpClient::new(OutgoingNetworks::default()).unwrap(), endpoint.as_ref(), key, secret, "us-east-1".to_owned())
    }

    #[test]
    fn every_key_has_its_own_url_or_none() {
        let s3 = s3(None);
        for (key, path) in [("a b+c&d?e#f%.fastq", "a%20b%2Bc%26d%3Fe%23f%25.fastq"), ("/a//b/", "/a//b/"), ("ä/…", "%C3%A4/%E2%80%A6")] {
            assert_eq!(s3.url_of("genomes", key).unwrap().as_str(), format!("https://s3.us-east-1.amazonaws.com/genomes/{path}"));
        }
        for key in ["../other/key", "a/../b", "a/./b", ".", ".."] {
            assert_eq!(s3.url_of("genomes", key), Err(SourceError::UnusableName), "{key}");
        }
        assert_eq!(self::s3(Some("http://127.0.0.1:5000/")).url_of("genomes", "a").unwrap().as_str(), "http://127.0.0.1:5000/genomes/a");
        assert_eq!(endpoint_of("cn-north-1"), "https://s3.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn a_listing_is_parsed() {
        let page: Page = quick_xml::de::from_str(
            r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>genomes</Name><Prefix>runs/</Prefix><KeyCount>2</KeyCount>
            <MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
            <Contents><Key>runs/a+b%2Bc.fastq</Key><LastModified>2026-11-21T10:00:00.000Z</LastModified><ETag>&quot;abc-2&quot;</ETag>
            <Size>5368709120</Size><StorageClass>STANDARD</StorageClass></Contents>
            <Contents><Key>runs/</Key><Size>0</Size></Contents>
            <NextContinuationToken>1/x=</NextContinuationToken></ListBucketResult>"#,
        )
        .unwrap();
        assert_eq!((page.is_truncated, page.next_continuation_token.as_deref()), (true, Some("1/x=")));
        let files: Vec<SourceFile> = page.contents.into_iter().filter_map(|object| file(object, true, "runs/")).collect();
        let first = &files[0];
        assert_eq!((first.name.as_str(), first.location.as_str()), ("a b+c.fastq", "runs/a b+c.fastq"));
        assert_eq!((first.size, first.etag.as_str()), (5_368_709_120, "\"abc-2\""));
        assert_eq!(first.modified_at.map(|time| time.0), Some(1_795_255_200_000));
        let empty: Page = quick_xml::de::from_str("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>").unwrap();
        assert!(empty.contents.is_empty() && empty.next_continuation_token.is_none());
    }

    #[test]
    fn a_name_is_the_key_after_the_prefix() {
        for (key, prefix, name) in [
            ("runs/1/a.bam", "runs/", "1/a.bam"),
            ("runs/1/a.bam", "", "runs/1/a.bam"),
            ("runs/1/a.bam", "runs/1/a.", "bam"),
            ("runs/1/a.bam", "runs/1/a.bam", "a.bam"),
        ] {
            assert_eq!(name_of(key, prefix), name);
        }
    }

    #[test]
    fn errors_are_told_apart() {
        let of = |status: u16, code: &str| interpret(status, None, &format!("<Error><Code>{code}</Code><Region>eu-west-1</Region></Error>"));
        assert_eq!(interpret(301, Some("eu-central-1".to_owned()), ""), SourceError::OtherRegion(Some("eu-central-1".to_owned())));
        assert_eq!(interpret(301, Some("<b>".to_owned()), ""), SourceError::OtherRegion(None));
        assert_eq!(of(400, "AuthorizationHeaderMalformed"), SourceError::OtherRegion(Some("eu-west-1".to_owned())));
        for (status, code, expected) in [
            (403, "InvalidAccessKeyId", SourceError::KeyRejected),
            (403, "SignatureDoesNotMatch", SourceError::KeyRejected),
            (403, "RequestTimeTooSkewed", SourceError::ClockWrong),
            (403, "AccessDenied", SourceError::NoAccess),
            (403, "InvalidObjectState", SourceError::Archived),
            (404, "NoSuchBucket", SourceError::NoContainer),
            (404, "NoSuchKey", SourceError::Missing),
            (412, "PreconditionFailed", SourceError::Changed),
            (416, "InvalidRange", SourceError::Changed),
            (503, "SlowDown", SourceError::Status(503)),
        ] {
            assert_eq!(of(status, code), expected, "{code}");
        }
    }
}
