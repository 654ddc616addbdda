//! Forward-auth request headers from an authenticated proxy, one per line of the input. There must be no server error and no valid key.
#![no_main]

use axum::{
    body::Body,
    http::{HeaderValue, Request},
};
use fuzz::TestServer;
use libfuzzer_sys::fuzz_target;

/// The headers that forward-auth reads, in the order of the input's lines.
const HEADERS: [&str; 8] =
    ["x-api-key", "authorization", "x-forwarded-uri", "x-forwarded-method", "x-forwarded-for", "x-original-uri", "x-original-method", "x-real-ip"];

fuzz_target!(|input: &[u8]| {
    let server = TestServer::get();
    let mut request = Request::builder().uri("/api/v1/forward-auth?key_param=key").header("x-latchkey-caller", &server.caller);
    for (name, line) in HEADERS.iter().cycle().zip(input.split(|byte| *byte == b'\n').take(64)) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            request = request.header(*name, value);
        }
    }
    let (status, _) = server.send(request.body(Body::empty()).expect("cannot build the request"));
    assert!(!status.is_server_error() && !status.is_success(), "{status}");
});
