//! Request bodies: received within limits of size and time, and parsed as JSON. Errors name the field that is wrong and never repeat its value.

use std::{
    future::pending,
    pin::{Pin, pin},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody, to_bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header::EXPECT},
};
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, error::Category};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};

use super::problem::Problem;

/// How long a client may take to send the body, and how long a large body waits for others to be processed.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest request body, in bytes.
pub const BODY_MAX: usize = 64 * 1024;

/// The largest body of a batch request, in bytes.
pub const LARGE_BODY_MAX: usize = 8 * 1024 * 1024;

/// Bodies over [`BODY_MAX`] that are received and processed at the same time, in bytes.
const LARGE_BODIES_MAX: usize = 8 * LARGE_BODY_MAX;
static LARGE_BODIES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(LARGE_BODIES_MAX)));

/// Maximum size of all parts of files that are received and processed at the same time, in bytes.
const PARTS_MAX: usize = 4 * LARGE_BODY_MAX;
static PARTS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(PARTS_MAX)));
/// A client that sends no data for this time may not hold the reservation of its part.
const PART_IDLE_LIMIT: Duration = Duration::from_secs(10);

/// How much of a body that is too large is read and discarded before the response, and for how long. A connection that is closed with unread
/// data is reset, and the client would not get the response.
const DISCARDED_MAX: usize = 256 * 1024;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(1);

/// The body parsed as JSON, for routes whose body was received before their handler. The content type is ignored: requests are authenticated
/// by a header that a cross-site page cannot send.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        parse(&received(request.into_body()).await?).map(Self)
    }
}

/// A complete request body.
#[derive(Debug)]
pub struct Received {
    /// A large body counts as being processed until the last clone is dropped.
    pub bytes: Bytes,
    /// Whether it was not yet complete when it was first read: the caller may have lost their permissions since they were checked.
    pub is_late: bool,
}

/// The lowest average rate at which a body may arrive, from the end of the first period in which something arrives.
#[derive(Debug, Clone, Copy)]
pub struct MinimumRate {
    /// In each period.
    pub bytes: usize,
    pub period: Duration,
}

/// Limits of one kind of body.
pub struct BodyLimits<'a> {
    /// In bytes.
    pub max: usize,
    /// Within which the body must arrive.
    pub time: Duration,
    /// The longest pause before and within the body.
    pub idle: Duration,
    /// Of large bodies: slow ones must not take the room for long.
    pub rate: Option<MinimumRate>,
    /// For how long a large body waits for others to be processed.
    pub wait: Duration,
    /// Bodies over [`BODY_MAX`] that are received and processed at the same time, in bytes.
    pub room: &'a Arc<Semaphore>,
}

/// Reads the whole body of a request with these headers, of at most `max` bytes.
///
/// # Errors
/// 413 `too_large`, 408 `too_slow`, 400 `malformed`; 503 `unavailable` if too many large bodies are being processed.
pub async fn read(headers: &HeaderMap, body: Body, max: usize) -> Result<Received, Problem> {
    let limits = BodyLimits { max, time: BODY_TIMEOUT, idle: BODY_TIMEOUT, rate: None, wait: BODY_TIMEOUT, room: &LARGE_BODIES };
    read_within(headers, body, &limits).await
}

/// Like [`read`], for a part of a file, which must arrive within `limit` and without long interruptions. The number of concurrent parts is
/// limited separately, so that slow uploads do not block other large requests.
///
/// # Errors
/// Those of [`read`].
pub async fn read_part(headers: &HeaderMap, body: Body, max: usize, limit: Duration) -> Result<Received, Problem> {
    read_within(headers, body, &BodyLimits { max, time: limit, idle: PART_IDLE_LIMIT, rate: None, wait: limit, room: &PARTS }).await
}

/// Like [`read`], within other limits.
///
/// # Errors
/// Those of [`read`].
pub async fn read_within(headers: &HeaderMap, mut body: Body, limits: &BodyLimits<'_>) -> Result<Received, Problem> {
    let max = limits.max;
    let announced = body.size_hint();
    if announced.lower() > max as u64 {
        // A client that waits for `100 Continue` has sent nothing yet, and reading would ask for the body.
        if !headers.contains_key(EXPECT) {
            discard(body).await;
        }
        return Err(too_large(max));
    }
    let permit = match bytes_to_reserve(announced.exact(), max) {
        Some(bytes) => Some(reserve(bytes, limits).await?),
        None => None,
    };
    let mut is_late = permit.is_some();
    let collected = {
        let arrived = AtomicUsize::new(0);
        let observed = Limited::new(&mut body, max).map_frame(|frame| {
            arrived.fetch_add(frame.data_ref().map_or(0, Bytes::len), Ordering::Relaxed);
            frame
        });
        let mut collecting = pin!(observed.collect());
        // The body has usually arrived with the headers: skip the timer then.
        if let Some(collected) = collecting.as_mut().now_or_never() {
            Some(collected)
        } else {
            is_late = true;
            let rate = limits.rate.filter(|_| permit.is_some());
            let arriving = async {
                tokio::select! {
                    biased;
                    collected = unless_idle(collecting, &arrived, limits.idle) => collected,
                    () = until_too_slow(&arrived, rate) => None,
                }
            };
            timeout(limits.time, arriving).await.ok().flatten()
        }
    };
    match collected {
        Some(Ok(collected)) => Ok(Received { bytes: counted(collected.to_bytes(), permit), is_late }),
        Some(Err(error)) if error.is::<LengthLimitError>() => {
            discard(body).await;
            Err(too_large(max))
        }
        None => Err(too_slow(limits)),
        Some(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "malformed", "The request body is incomplete.")),
    }
}

/// The output of `collecting`; `None` if nothing arrives for `limit`, or for up to twice this time.
async fn unless_idle<F: Future>(mut collecting: Pin<&mut F>, arrived: &AtomicUsize, limit: Duration) -> Option<F::Output> {
    loop {
        let earlier = arrived.load(Ordering::Relaxed);
        match timeout(limit, collecting.as_mut()).await {
            Ok(output) => return Some(output),
            Err(_) if arrived.load(Ordering::Relaxed) == earlier => return None,
            Err(_) => {}
        }
    }
}

/// Ends when less has arrived than the rate requires; never without a rate.
async fn until_too_slow(arrived: &AtomicUsize, rate: Option<MinimumRate>) {
    let Some(rate) = rate else { return pending().await };
    let mut required = 0_usize;
    loop {
        sleep(rate.period).await;
        let bytes = arrived.load(Ordering::Relaxed);
        if bytes < required {
            return;
        }
        if bytes > 0 {
            required = required.saturating_add(rate.bytes);
        }
    }
}

fn too_slow(limits: &BodyLimits<'_>) -> Problem {
    let rate = limits.rate.map(|rate| format!(" A large one must have at least {} KiB in {} seconds.", rate.bytes / 1024, rate.period.as_secs()));
    let detail = format!("Timed out reading the request body. Send it within {} seconds.{}", limits.time.as_secs(), rate.unwrap_or_default());
    Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", detail)
}

/// The bytes of a body that [`read`] has received before.
///
/// # Errors
/// 400 `malformed`.
pub async fn received(body: Body) -> Result<Bytes, Problem> {
    let incomplete = |_| Problem::new(StatusCode::BAD_REQUEST, "malformed", "The request body is incomplete.");
    to_bytes(body, LARGE_BODY_MAX).await.map_err(incomplete)
}

/// `None` for a body that cannot be large. One of unknown size is expected to be of the largest.
fn bytes_to_reserve(announced: Option<u64>, max: usize) -> Option<u32> {
    let size = announced.unwrap_or(max as u64);
    (size > BODY_MAX as u64).then(|| u32::try_from(size).unwrap_or(u32::MAX))
}

async fn reserve(bytes: u32, limits: &BodyLimits<'_>) -> Result<OwnedSemaphorePermit, Problem> {
    let overloaded =
        || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Too many large requests are in progress. Nothing was changed. Try again.");
    timeout(limits.wait, Arc::clone(limits.room).acquire_many_owned(bytes)).await.ok().and_then(Result::ok).ok_or_else(overloaded)
}

/// A large body and its permit, which is released with it.
struct Counted {
    bytes: Bytes,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The bytes, with the permit of a large body. What was reserved beyond its size is released.
fn counted(bytes: Bytes, permit: Option<OwnedSemaphorePermit>) -> Bytes {
    let Some(mut permit) = permit else { return bytes };
    let unused = permit.num_permits().saturating_sub(bytes.len());
    drop(permit.split(unused));
    Bytes::from_owner(Counted { bytes, _permit: permit })
}

async fn discard(body: Body) {
    let mut rest = Limited::new(body, DISCARDED_MAX);
    let _ = timeout(DISCARD_TIMEOUT, async { while let Some(Ok(_)) = rest.frame().await {} }).await;
}

/// The error for a body larger than `max` bytes.
pub fn too_large(max: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("The request body is larger than {max} bytes."))
}

/// Deserializes a part of an already parsed body.
///
/// # Errors
/// 422 `invalid` with the path of the field.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| wrong_field(&error.path().to_string(), &error.inner().to_string()))
}

/// Parses a body. An error names the field that is wrong, never its value, which may be a secret.
///
/// # Errors
/// 400 `malformed` for invalid JSON; 422 `invalid` with the path of the field.
pub fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    let malformed = || Problem::new(StatusCode::BAD_REQUEST, "malformed", "The request body is not valid JSON.");
    // serde would accept an array for a struct, with the values in field order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(wrong_field(".", ""));
    }
    // Tracking the path doubles the parse time, so it is done only after a failure.
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| match error.inner().classify() {
        Category::Data => wrong_field(&error.path().to_string(), &error.inner().to_string()),
        Category::Io | Category::Syntax | Category::Eof => malformed(),
    })?;
    deserializer.end().map_err(|_| malformed())?;
    Ok(value)
}

fn wrong_field(path: &str, message: &str) -> Problem {
    let quoted = |rest: &str| rest.split('`').nth(1).unwrap_or_default().chars().take(100).collect::<String>();
    let (field, detail) = if let Some(rest) = message.strip_prefix("missing field ") {
        (quoted(rest), "This field is required.")
    } else if let Some(rest) = message.strip_prefix("unknown field ") {
        (quoted(rest), "Unknown field.")
    } else {
        (path.to_owned(), "Invalid type or value.")
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail).with_field(field)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{Stream, StreamExt, stream};

    use super::*;

    /// A body without an announced size, and how many of its frames were read.
    fn chunked(frame: Bytes, frames: usize) -> (Body, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let reads = Arc::clone(&count);
        let frames = stream::iter((0..frames).map(move |_| {
            reads.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(frame.clone())
        }));
        (Body::from_stream(frames), count)
    }

    #[tokio::test]
    async fn a_body_that_arrives_with_the_headers_is_not_late() {
        assert!(!read(&HeaderMap::new(), Body::from("{}"), BODY_MAX).await.unwrap().is_late);
        let mut is_waiting = true;
        let delayed = stream::poll_fn(move |context| {
            if std::mem::take(&mut is_waiting) {
                context.waker().wake_by_ref();
                return std::task::Poll::Pending;
            }
            std::task::Poll::Ready(None::<Result<Bytes, Infallible>>)
        });
        assert!(read(&HeaderMap::new(), Body::from_stream(delayed), BODY_MAX).await.unwrap().is_late);
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_partly_discarded() {
        let (body, reads) = chunked(Bytes::from(vec![b' '; 32 * 1024]), 1000);
        assert_eq!(read(&HeaderMap::new(), body, BODY_MAX).await.unwrap_err().status(), 413);
        let discarded = reads.load(Ordering::Relaxed) * 32 * 1024 - BODY_MAX;
        assert!((DISCARDED_MAX..=DISCARDED_MAX + 64 * 1024).contains(&discarded), "{discarded}");
        assert_eq!(read(&HeaderMap::new(), Body::from(vec![b' '; BODY_MAX + 1]), BODY_MAX).await.unwrap_err().status(), 413);
    }

    #[tokio::test]
    async fn large_bodies_share_a_limit_and_small_ones_do_not() {
        let large = Bytes::from(vec![b' '; LARGE_BODY_MAX]);
        let (headers, mut held) = (HeaderMap::new(), Vec::new());
        for _ in 0..LARGE_BODIES_MAX / LARGE_BODY_MAX {
            held.push(read(&headers, Body::from(large.clone()), LARGE_BODY_MAX).await.unwrap().bytes);
        }
        let mut waiting = Box::pin(read(&headers, chunked(Bytes::from_static(b"{}"), 1).0, LARGE_BODY_MAX));
        assert!(waiting.as_mut().now_or_never().is_none(), "every byte is reserved");
        assert!(read(&headers, Body::from("{}"), LARGE_BODY_MAX).await.is_ok(), "a small body is not counted");
        held.pop();
        let small = waiting.await.unwrap();
        assert!(small.is_late);
        assert_eq!(LARGE_BODIES.available_permits(), LARGE_BODY_MAX - small.bytes.len(), "only what is used stays reserved");
    }

    #[tokio::test]
    async fn parts_of_files_have_a_limit_and_a_time_of_their_own() {
        let part = Bytes::from(vec![b' '; LARGE_BODY_MAX]);
        let (headers, mut held) = (HeaderMap::new(), Vec::new());
        let read = |limit| read_part(&headers, Body::from(part.clone()), LARGE_BODY_MAX, limit);
        for _ in 0..PARTS_MAX / LARGE_BODY_MAX {
            held.push(read(BODY_TIMEOUT).await.unwrap().bytes);
        }
        assert_eq!(read(Duration::from_millis(1)).await.unwrap_err().status(), 503, "every byte is reserved");
        held.pop();
        assert!(read(BODY_TIMEOUT).await.is_ok());
        let endless = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        let problem = read_part(&headers, endless, BODY_MAX, Duration::from_millis(1)).await.unwrap_err();
        assert_eq!((problem.status(), problem.code()), (408, "too_slow"));
    }

    const IDLE: Duration = Duration::from_millis(200);

    /// As many pieces, four in the time of [`IDLE`], and then nothing more.
    fn pieces(count: usize, piece: &'static [u8]) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(0, move |sent| async move {
            if sent == count {
                pending::<()>().await;
            }
            sleep(IDLE / 4).await;
            Some((Ok(Bytes::from_static(piece)), sent + 1))
        })
    }

    #[tokio::test]
    async fn an_idle_body_ends_before_a_slow_one() {
        let limits = BodyLimits { max: BODY_MAX, time: Duration::from_mins(1), idle: IDLE, rate: None, wait: Duration::ZERO, room: &PARTS };
        let read = async |body: Body| read_within(&HeaderMap::new(), body, &limits).await;
        let slow = Body::from_stream(pieces(usize::MAX, b"a").take(12));
        assert_eq!(read(slow).await.unwrap().bytes.len(), 12, "it takes longer than the idle limit");
        assert_eq!(read(Body::from_stream(pieces(2, b"a"))).await.unwrap_err().code(), "too_slow");
    }

    #[tokio::test]
    async fn a_large_body_must_arrive_at_the_minimum_rate() {
        let rate = Some(MinimumRate { bytes: 1024, period: IDLE });
        let room = Arc::new(Semaphore::new(2 * BODY_MAX));
        let read = async |max: usize, piece: &'static [u8]| {
            let limits = BodyLimits { max, time: Duration::from_mins(1), idle: Duration::from_mins(1), rate, wait: Duration::ZERO, room: &room };
            read_within(&HeaderMap::new(), Body::from_stream(pieces(usize::MAX, piece).take(16)), &limits).await
        };
        assert_eq!(read(2 * BODY_MAX, &[b' '; 4096]).await.unwrap().bytes.len(), 16 * 4096);
        let problem = read(2 * BODY_MAX, b"a").await.unwrap_err();
        assert_eq!((problem.status(), problem.code()), (408, "too_slow"));
        assert_eq!(room.available_permits(), 2 * BODY_MAX, "the room is free again");
        assert_eq!(read(BODY_MAX, b"a").await.unwrap().bytes.len(), 16, "a small body takes no room");
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Payload {
        #[expect(dead_code, reason = "only deserialized")]
        key: String,
    }

    #[test]
    fn an_error_names_the_field_but_not_its_value() {
        for (body, field) in [(r#"{"key": 12345}"#, "key"), ("{}", "key"), (r#"{"key":"a","extra":"12345"}"#, "extra"), (r#"["12345"]"#, ".")] {
            let problem = serde_json::to_string(&parse::<Payload>(body.as_bytes()).unwrap_err()).unwrap();
            assert!(problem.contains(&format!(r#""field":"{field}""#)) && !problem.contains("12345"), "{body}: {problem}");
        }
    }

    #[test]
    fn invalid_json_is_malformed() {
        for body in ["", "{", r#"{"key":"a"} x"#, "\u{FEFF}{}"] {
            let problem = serde_json::to_string(&parse::<Payload>(body.as_bytes()).unwrap_err()).unwrap();
            assert!(problem.contains("malformed"), "{problem}");
        }
    }
}
