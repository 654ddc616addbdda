//! The request body of the model gateway, with a valid key but without any model: the first byte of the input selects the API, the rest is the body.
//! There must be no server error and no success.
#![no_main]

use axum::{
    body::Body,
    http::{Method, Request},
};
use fuzz::TestServer;
use libfuzzer_sys::fuzz_target;

const PATHS: [&str; 6] = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/messages", "/v1/messages/count_tokens"];

fuzz_target!(|input: &[u8]| {
    let Some((selected, body)) = input.split_first() else { return };
    let server = TestServer::get();
    let path = PATHS[usize::from(*selected) % PATHS.len()];
    let request = Request::builder().method(Method::POST).uri(path).header("x-api-key", &server.agent);
    let (status, _) = server.send(request.body(Body::from(body.to_vec())).expect("cannot build the request"));
    assert!(!status.is_server_error() && !status.is_success(), "{status}");
});
