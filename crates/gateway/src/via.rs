//! Recognizes requests that come back because a base URL leads to this server, by the header `Via` (RFC 9110, section 7.6.3).

use std::{
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
};

use axum::http::{HeaderMap, HeaderValue, header::VIA};

/// This process. The name is random, so that a request may pass through several installations.
static OWN: LazyLock<HeaderValue> = LazyLock::new(|| {
    let name = format!("1.1 latchkey-{:016x}", RandomState::new().hash_one(()));
    HeaderValue::try_from(name).expect("letters and digits are valid in a header")
});

/// The value to add to a request that is sent to a service or an upstream.
pub(crate) fn own() -> HeaderValue {
    OWN.clone()
}

/// Whether this process has sent the request.
pub(crate) fn is_own(headers: &HeaderMap) -> bool {
    let own = OWN.as_bytes();
    headers.get_all(VIA).iter().any(|value| value.as_bytes().windows(own.len()).any(|part| part == own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_comes_back_is_recognized() {
        let mut headers = HeaderMap::new();
        assert!(!is_own(&headers));
        headers.append(VIA, HeaderValue::from_static("1.1 latchkey-0000"));
        assert!(!is_own(&headers));
        headers.append(VIA, HeaderValue::try_from(format!("1.0 proxy, {}, 1.1 other", own().to_str().unwrap())).unwrap());
        assert!(is_own(&headers));
    }
}
