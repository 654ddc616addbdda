//! The body of verify, sent by a caller who may: never an error of ours, never a key that is good.
#![no_main]

use axum::{
    body::Body,
    http::{Method, Request},
};
use fuzz::Desk;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let desk = Desk::get();
    let request = Request::builder().method(Method::POST).uri("/api/v1/verify").header("x-api-key", &desk.caller);
    let (status, body) = desk.ask(request.body(Body::from(input.to_vec())).expect("this is a request"));
    assert!(!status.is_server_error(), "{status}");
    assert!(!body.windows(12).any(|bytes| bytes == br#""valid":true"#), "a made-up key is good");
});
