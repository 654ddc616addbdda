//! The request body of verify, from an authorized caller. There must be no server error and no valid key.
#![no_main]

use axum::{
    body::Body,
    http::{Method, Request},
};
use fuzz::TestServer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let server = TestServer::get();
    let request = Request::builder().method(Method::POST).uri("/api/v1/verify").header("x-api-key", &server.caller);
    let (status, body) = server.send(request.body(Body::from(input.to_vec())).expect("cannot build the request"));
    assert!(!status.is_server_error(), "{status}");
    assert!(!body.windows(12).any(|bytes| bytes == br#""valid":true"#), "a forged key was accepted");
});
