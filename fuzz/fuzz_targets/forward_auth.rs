//! The headers of forward-auth, from a proxy who proves itself: a line of the input each. Never an error of ours, never a key that is good.
#![no_main]

use axum::{
    body::Body,
    http::{HeaderValue, Request},
};
use fuzz::Desk;
use libfuzzer_sys::fuzz_target;

/// Those that it reads; the first line of the input is the first one's value.
const HEADERS: [&str; 8] = [
    "x-api-key",
    "authorization",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-forwarded-for",
    "x-original-uri",
    "x-original-method",
    "x-real-ip",
];

fuzz_target!(|input: &[u8]| {
    let desk = Desk::get();
    let mut request = Request::builder().uri("/api/v1/forward-auth?key_param=key").header("x-latchkey-caller", &desk.caller);
    for (name, line) in HEADERS.iter().cycle().zip(input.split(|byte| *byte == b'\n').take(64)) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            request = request.header(*name, value);
        }
    }
    let (status, _) = desk.ask(request.body(Body::empty()).expect("this is a request"));
    assert!(!status.is_server_error() && !status.is_success(), "{status}");
});
