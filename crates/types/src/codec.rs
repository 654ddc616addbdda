//! The protocol of the server functions, in JSON.

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use http::Method;
use serde::{Serialize, de::DeserializeOwned};
use server_fn::{
    ContentType, Decodes, Encodes, Format, FormatType, Http, Protocol,
    client::Client,
    codec::Post,
    error::{FromServerFnError, ServerFnErrorErr},
    request::ClientReq,
    response::ClientRes,
    server::Server,
};

/// `server_fn`'s protocol with JSON in both directions.
type JsonHttp = Http<Post<JsonText>, Post<JsonText>>;

/// JSON in the body of a POST request and of its response.
///
/// The server's side is that of `server_fn`. In the browser, sending and the handling of errors are one function: `server_fn` compiles them again
/// for each server function, 4 KB each.
pub struct Json;

impl<Input, Output, C, S, E> Protocol<Input, Output, C, S, E> for Json
where
    JsonHttp: Protocol<Input, Output, C, S, E>,
    Input: Serialize,
    Output: DeserializeOwned,
    C: Client<E>,
    S: Server<E>,
    E: FromServerFnError,
{
    const METHOD: Method = Method::POST;

    fn run_server<F, Fut>(request: S::Request, server_fn: F) -> impl Future<Output = Result<S::Response, E>> + Send
    where
        F: Fn(Input) -> Fut + Send,
        Fut: Future<Output = Result<Output, E>> + Send,
    {
        <JsonHttp as Protocol<Input, Output, C, S, E>>::run_server(request, server_fn)
    }

    fn run_client(path: &str, input: Input) -> impl Future<Output = Result<Output, E>> + Send {
        let response = send::<C, E>(path.to_owned(), serde_json::to_string(&input));
        async move {
            let text = response.await?;
            serde_json::from_str(&text).map_err(deserialization_error)
        }
    }
}

/// Sends a request and returns the body of the response.
fn send<C: Client<E>, E: FromServerFnError>(
    path: String,
    body: Result<String, serde_json::Error>,
) -> Pin<Box<dyn Future<Output = Result<String, E>> + Send>> {
    Box::pin(async move {
        let body = body.map_err(|error| E::from_server_fn_error(ServerFnErrorErr::Serialization(error.to_string())))?;
        let request = C::Request::try_new_post(&path, JsonText::CONTENT_TYPE, JsonText::CONTENT_TYPE, body)?;
        let response = C::send(request).await?;
        if (400..=599).contains(&response.status()) { Err(E::de(response.try_into_bytes().await?)) } else { response.try_into_string().await }
    })
}

fn deserialization_error<E: FromServerFnError>(error: serde_json::Error) -> E {
    E::from_server_fn_error(ServerFnErrorErr::Deserialization(error.to_string()))
}

/// JSON that is parsed from a string. The codec of `server_fn` parses bytes, but Leptos parses the data embedded in the HTML from a string:
/// a single parser saves 40 KB of WebAssembly.
pub struct JsonText;

impl ContentType for JsonText {
    const CONTENT_TYPE: &'static str = "application/json";
}

impl FormatType for JsonText {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for JsonText {
    type Error = serde_json::Error;

    fn encode(value: &T) -> Result<Bytes, Self::Error> {
        serde_json::to_string(value).map(Bytes::from)
    }
}

impl<T: DeserializeOwned> Decodes<T> for JsonText {
    type Error = serde_json::Error;

    fn decode(bytes: Bytes) -> Result<T, Self::Error> {
        let text = std::str::from_utf8(&bytes).map_err(serde::de::Error::custom)?;
        serde_json::from_str(text)
    }
}
