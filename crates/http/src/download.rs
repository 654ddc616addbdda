//! Downloads of samples, whole or a range of bytes (RFC 9110, section 14). They are attachments, which browsers neither show nor run.

use std::{fmt::Write, ops::Range};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::problem::Problem;
use latchkey_core::{
    Core,
    actor::Actor,
    samples::{self, SampleContent},
};
use latchkey_types::{
    error::Error,
    id::{ProjectId, SampleId},
};

/// The content of a sample, or the range in `Range` and `If-Range` of the request. Needs *View Project*, in the organization and in the project.
///
/// # Errors
/// 416 `range_not_satisfiable`; those of [`samples::content`].
pub async fn sample(core: &Core, actor: &Actor, project: ProjectId, id: SampleId, request: &HeaderMap) -> Result<Response, Problem> {
    let row = samples::get(core, actor, project, id).await?;
    let size = u64::try_from(row.size).map_err(|_| Error::Internal)?;
    let Some(range) = requested_range(request, size).filter(|_| is_current(request, &row.sha256)) else {
        return respond(StatusCode::OK, samples::content(core, actor, project, id, None).await?, size);
    };
    if range.is_empty() {
        let detail = format!("The range begins after the end of the content, which has {size} bytes.");
        let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", detail);
        return Ok(([(header::CONTENT_RANGE, format!("bytes */{size}"))], problem).into_response());
    }
    let content_range = format!("bytes {}-{}/{size}", range.start, range.end - 1);
    let length = range.end - range.start;
    let mut response = respond(StatusCode::PARTIAL_CONTENT, samples::content(core, actor, project, id, Some(range)).await?, length)?;
    response.headers_mut().insert(header::CONTENT_RANGE, content_range.parse().map_err(|_| Error::Internal)?);
    Ok(response)
}

/// A response with this many bytes of the content.
fn respond(status: StatusCode, content: SampleContent, length: u64) -> Result<Response, Problem> {
    let fixed = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "sandbox"),
        (header::ACCEPT_RANGES, "bytes"),
        (header::CACHE_CONTROL, "no-store"),
        // Disables response buffering in nginx, which would write the content to its disk.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let disposition = HeaderValue::try_from(attachment(&content.name)).map_err(|_| Error::Internal)?;
    let tag = HeaderValue::try_from(entity_tag(&content.sha256)).map_err(|_| Error::Internal)?;
    let own = [(header::CONTENT_DISPOSITION, disposition), (header::ETAG, tag), (header::CONTENT_LENGTH, length.into())];
    Ok((status, fixed, own, Body::from_stream(content.stream)).into_response())
}

/// The requested range of content of this size; empty if it is outside of the content. `None` for the whole content: without a range, with several
/// ranges, and for invalid ranges, which may be ignored (section 14.2).
fn requested_range(request: &HeaderMap, size: u64) -> Option<Range<u64>> {
    let mut values = request.get_all(header::RANGE).iter();
    let value = values.next().filter(|_| values.next().is_none())?.to_str().ok()?;
    let (unit, range) = value.split_once('=')?;
    let (first, last) = range.trim().split_once('-').filter(|_| unit.trim().eq_ignore_ascii_case("bytes"))?;
    // `parse` would also accept a sign.
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    if first.is_empty() {
        return Some(size.saturating_sub(number(last)?)..size);
    }
    let start = number(first)?;
    let end = if last.is_empty() { u64::MAX } else { number(last)?.saturating_add(1) };
    (start < end).then(|| start.min(size)..end.min(size))
}

/// Whether `If-Range` is absent or the tag of this content. A date never matches, because responses have no date.
fn is_current(request: &HeaderMap, sha256: &str) -> bool {
    request.get(header::IF_RANGE).is_none_or(|tag| tag.as_bytes() == entity_tag(sha256).as_bytes())
}

fn entity_tag(sha256: &str) -> String {
    format!("\"{sha256}\"")
}

/// `Content-Disposition` with the name of the file (RFC 6266). The name is untrusted, so only harmless ASCII characters are not encoded.
fn attachment(name: &str) -> String {
    let name: String = name.chars().map(|c| if is_misleading(c) { '_' } else { c }).collect();
    let ascii: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ' ') { c } else { '_' }).collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-') {
            encoded.push(byte.into());
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

/// Path separators, control characters, and those that change the direction of text, which can disguise the extension.
fn is_misleading(c: char) -> bool {
    c.is_control() || matches!(c, '/' | '\\' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(values: &[&str]) -> Option<Range<u64>> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::RANGE, value.parse().unwrap());
        }
        requested_range(&headers, 10)
    }

    #[test]
    fn one_range_is_served() {
        for (value, expected) in [
            ("bytes=0-0", 0..1),
            ("bytes=2-4", 2..5),
            ("Bytes = 5-", 5..10),
            ("bytes=3-18446744073709551615", 3..10),
            ("bytes=-4", 6..10),
            ("bytes=-40", 0..10),
            // Nothing of these is in the content.
            ("bytes=10-12", 10..10),
            ("bytes=10-", 10..10),
            ("bytes=-0", 10..10),
        ] {
            assert_eq!(range(&[value]), Some(expected), "{value}");
        }
        for ignored in ["bytes=1-2,4-5", "bytes=5-2", "bytes=+1-2", "items=0-1", "bytes", "bytes=-", "bytes=a-b", ""] {
            assert_eq!(range(&[ignored]), None, "{ignored}");
        }
        assert_eq!((range(&[]), range(&["bytes=0-1", "bytes=2-3"])), (None, None));
    }

    #[test]
    fn a_range_is_served_only_of_the_same_content() {
        let current = |tag: Option<&str>| {
            let headers = tag.map(|tag| (header::IF_RANGE, tag.parse().unwrap())).into_iter().collect();
            is_current(&headers, "ab")
        };
        assert!(current(None) && current(Some("\"ab\"")));
        assert!(!current(Some("\"cd\"")) && !current(Some("W/\"ab\"")) && !current(Some("Sat, 21 Nov 2026 10:00:00 GMT")));
    }

    #[test]
    fn the_name_of_a_file_can_not_leave_its_parameter() {
        for (name, expected) in [
            ("a-1.fastq.gz", "attachment; filename=\"a-1.fastq.gz\"; filename*=UTF-8''a-1.fastq.gz"),
            ("run 1/Blüte.txt", "attachment; filename=\"run 1_Bl_te.txt\"; filename*=UTF-8''run%201_Bl%C3%BCte.txt"),
            ("a\u{202e}b", "attachment; filename=\"a_b\"; filename*=UTF-8''a_b"),
            ("a\"; b=\r\n\\..", "attachment; filename=\"a__ b____..\"; filename*=UTF-8''a%22%3B%20b%3D___.."),
        ] {
            assert_eq!(attachment(name), expected);
        }
    }
}
