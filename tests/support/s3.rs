//! A part of S3's API on this machine, for what moto can't do: requests that wait, buckets in other regions, refusals, thousands of objects.
//! It does not check signatures; moto does.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use latchkey_program::config::ServeOptions;
use tokio::net::TcpListener;

use super::{
    services::allow_loopback,
    storage::{Gate, requested_range, respond},
};

/// The only bucket.
pub const BUCKET: &str = "sequences";
/// Objects on a page of a listing, as at S3.
const PAGE: usize = 1000;
const MODIFIED: (&str, &str) = ("Sat, 21 Nov 2026 10:00:00 GMT", "2026-11-21T10:00:00.000Z");

#[derive(Default)]
struct Bucket {
    /// Content and entity tag by key.
    objects: Mutex<BTreeMap<String, (Bytes, String)>>,
    /// What every request is answered instead, if set.
    refusal: Mutex<Option<Refusal>>,
    /// Requests for contents: key and first position.
    reads: Mutex<Vec<(String, usize)>>,
    refusals: AtomicUsize,
    gate: Gate,
}

#[derive(Clone, Copy)]
struct Refusal {
    status: StatusCode,
    code: &'static str,
    /// The region in which the bucket is.
    region: Option<&'static str>,
}

pub struct FakeS3 {
    pub url: String,
    pub gate: Gate,
    bucket: Arc<Bucket>,
}

impl FakeS3 {
    pub async fn start() -> Self {
        let bucket = Arc::<Bucket>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&bucket));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, gate: bucket.gate.clone(), bucket }
    }

    /// Lets a server read from this one.
    pub fn configure(&self, options: &mut ServeOptions) {
        allow_loopback(options);
        options.outgoing.aws_s3_url = Some(self.url.parse().unwrap());
    }

    /// Adds or replaces an object.
    pub fn put(&self, key: &str, content: Bytes) {
        let mut objects = self.bucket.objects.lock().unwrap();
        let version = objects.get(key).map_or(1, |(_, etag)| etag.trim_matches('"').len() + 1);
        objects.insert(key.to_owned(), (content, format!("\"{}\"", "e".repeat(version))));
    }

    pub fn delete(&self, key: &str) {
        self.bucket.objects.lock().unwrap().remove(key);
    }

    /// Answers every request with this error from now on.
    pub fn refuse(&self, status: u16, code: &'static str) {
        self.set_refusal(Some(Refusal { status: StatusCode::from_u16(status).unwrap(), code, region: None }));
    }

    /// The bucket is in this region, and requests for another one are redirected.
    pub fn move_to(&self, region: &'static str) {
        self.set_refusal(Some(Refusal { status: StatusCode::MOVED_PERMANENTLY, code: "PermanentRedirect", region: Some(region) }));
    }

    /// Answers requests again.
    pub fn accept(&self) {
        self.set_refusal(None);
    }

    fn set_refusal(&self, refusal: Option<Refusal>) {
        *self.bucket.refusal.lock().unwrap() = refusal;
    }

    /// Number of requests that were refused.
    pub fn refusals(&self) -> usize {
        self.bucket.refusals.load(Ordering::Relaxed)
    }

    /// Key and first position of the requests for contents since the last call, sorted.
    pub fn take_reads(&self) -> Vec<(String, usize)> {
        let mut reads = std::mem::take(&mut *self.bucket.reads.lock().unwrap());
        reads.sort();
        reads
    }
}

async fn answer(State(bucket): State<Arc<Bucket>>, request: Request) -> Response {
    if let Some(refused) = bucket.refused() {
        return refused;
    }
    let parts = request.into_parts().0;
    let path = decode(&parts.uri.path()[1..]);
    let (name, key) = path.split_once('/').unwrap_or((&path, ""));
    if name != BUCKET {
        return refuse(Refusal { status: StatusCode::NOT_FOUND, code: "NoSuchBucket", region: None });
    }
    if key.is_empty() {
        return bucket.list(parts.uri.query().unwrap_or_default());
    }
    bucket.read(key, &parts.headers).await
}

/// Replaces `%20` and the like.
fn decode(path: &str) -> String {
    // In a form, unlike in a path, a plus sign is a space.
    let form = format!("path={}", path.replace('+', "%2B"));
    url::form_urlencoded::parse(form.as_bytes()).next().unwrap().1.into_owned()
}

fn refuse(Refusal { status, code, region }: Refusal) -> Response {
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>Refused.</Message></Error>");
    let mut response = (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response();
    if let Some(region) = region {
        response.headers_mut().insert("x-amz-bucket-region", region.parse().unwrap());
    }
    response
}

impl Bucket {
    /// The response while requests are refused.
    fn refused(&self) -> Option<Response> {
        let refusal = *self.refusal.lock().unwrap();
        refusal.map(|refusal| {
            self.refusals.fetch_add(1, Ordering::Relaxed);
            refuse(refusal)
        })
    }

    /// `ListObjectsV2`.
    fn list(&self, query: &str) -> Response {
        let parameters: BTreeMap<String, String> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let parameter = |name: &str| parameters.get(name).map_or("", String::as_str);
        assert_eq!(parameter("encoding-type"), "url", "keys are always sent encoded here");
        let (prefix, after) = (parameter("prefix"), parameter("continuation-token"));
        let objects = self.objects.lock().unwrap();
        let mut matching = objects.iter().filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after).peekable();
        let (mut contents, mut last) = (String::new(), String::new());
        for (key, (content, etag)) in matching.by_ref().take(PAGE) {
            let (size, etag, modified) = (content.len(), etag.replace('"', "&quot;"), MODIFIED.1);
            let encoded: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
            write!(
                contents,
                "<Contents><Key>{encoded}</Key><LastModified>{modified}</LastModified><ETag>{etag}</ETag><Size>{size}</Size>\
                 <StorageClass>STANDARD</StorageClass></Contents>"
            )
            .unwrap();
            last.clone_from(key);
        }
        let is_truncated = matching.peek().is_some();
        let token = if is_truncated { format!("<NextContinuationToken>{last}</NextContinuationToken>") } else { String::new() };
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{BUCKET}</Name>\
             <EncodingType>url</EncodingType><MaxKeys>{PAGE}</MaxKeys><IsTruncated>{is_truncated}</IsTruncated>{contents}{token}</ListBucketResult>"
        );
        ([(header::CONTENT_TYPE, "application/xml")], body).into_response()
    }

    /// `GetObject`. The content and its tag are those of the moment at which the request passes the gate.
    async fn read(&self, key: &str, headers: &HeaderMap) -> Response {
        let first = requested_range(headers).map_or(0, |(first, _)| first);
        self.reads.lock().unwrap().push((key.to_owned(), first));
        self.gate.pass(first).await;
        if let Some(refused) = self.refused() {
            return refused;
        }
        let found = self.objects.lock().unwrap().get(key).cloned();
        let Some((content, etag)) = found else {
            return refuse(Refusal { status: StatusCode::NOT_FOUND, code: "NoSuchKey", region: None });
        };
        if headers.get(header::IF_MATCH).is_some_and(|tag| tag.to_str().unwrap().trim_matches('"') != etag.trim_matches('"')) {
            return refuse(Refusal { status: StatusCode::PRECONDITION_FAILED, code: "PreconditionFailed", region: None });
        }
        let mut response = respond(&content, headers);
        response.headers_mut().insert(header::ETAG, etag.parse().unwrap());
        response.headers_mut().insert(header::LAST_MODIFIED, MODIFIED.0.parse().unwrap());
        response
    }
}
