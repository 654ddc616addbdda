//! The one client for calls of the REST API.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use reqwest::{Client as Http, Method, RequestBuilder, Response, StatusCode, header::HeaderValue, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{input, trouble::Trouble};
use crate::server::config::is_loopback;

/// How long a connection may take to stand.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long a whole call may take: a little more than the server gives itself.
const CALL_LIMIT: Duration = Duration::from_secs(35);

/// Where the server is, and who calls it.
#[derive(Debug, Clone, Args)]
pub struct ClientOptions {
    /// Where the server is
    #[arg(
        long,
        env = "LATCHKEY_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:3000",
        hide_env_values = true,
        global = true,
        help_heading = "Server"
    )]
    url: String,
    /// A file that holds the API key, or - for standard input [default: the key in `LATCHKEY_API_KEY`]
    #[arg(long, value_name = "PATH", global = true, help_heading = "Server")]
    api_key_file: Option<PathBuf>,
    /// Call over http without TLS though the server is on another machine: keys and secrets travel in clear
    #[arg(long, env = "LATCHKEY_ALLOW_HTTP", value_parser = clap::builder::FalseyValueParser::new(), hide_env_values = true, global = true, help_heading = "Server")]
    allow_http: bool,
    /// Print the API's JSON
    #[arg(long, global = true)]
    pub json: bool,
}

impl ClientOptions {
    /// Whether the API key takes standard input.
    pub fn reads_stdin(&self) -> bool {
        self.api_key_file.as_ref().is_some_and(|path| path.as_os_str() == "-")
    }

    fn api_key(&self) -> Result<SecretString, Trouble> {
        match &self.api_key_file {
            Some(path) => input::secret_from(path),
            None => input::from_environment("LATCHKEY_API_KEY")
                .ok_or_else(|| Trouble::usage("there is no API key: put it into LATCHKEY_API_KEY, or into a file that --api-key-file names")),
        }
    }

    fn base(&self) -> Result<Url, Trouble> {
        // What is given may hold a password, so it is not repeated.
        let wrong = || Trouble::usage("--url must be like https://keys.example.com");
        let mut url = Url::parse(&self.url).map_err(|_| wrong())?;
        let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
            return Err(wrong());
        }
        if url.scheme() == "http" && !is_loopback(&url) && !self.allow_http {
            return Err(Trouble::usage(
                "over http to another machine the API key and every secret travel in clear: give --url https://…, or say --allow-http",
            ));
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(url)
    }
}

/// Calls the API of one server with one key.
pub struct Client {
    http: Http,
    base: Url,
    key: HeaderValue,
}

/// What the API answered: the JSON as it came, and what it means.
pub struct Answer {
    /// As it came.
    pub text: String,
    /// The same, read; null for an answer without a body.
    pub json: Value,
}

/// The part of a refusal that is told.
#[derive(Deserialize)]
struct Problem {
    code: String,
    detail: String,
    field: Option<String>,
    request_id: Option<String>,
}

impl Client {
    /// A client for the server and with the key that the options name.
    ///
    /// # Errors
    /// [`Trouble::Usage`] when there is no key, or no address that can be called.
    pub fn new(options: &ClientOptions) -> Result<Self, Trouble> {
        let base = options.base()?;
        let key = options.api_key()?;
        let mut key = HeaderValue::from_str(key.expose_secret()).map_err(|_| Trouble::usage("the API key holds characters that no key has"))?;
        key.set_sensitive(true);
        let builder = Http::builder()
            .user_agent(concat!("latchkey/", env!("CARGO_PKG_VERSION")))
            // A redirect would take the keys along to another host.
            .redirect(Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .timeout(CALL_LIMIT);
        // A proxy for https sees nothing of what goes through it; one for http would see every secret.
        let builder = if base.scheme() == "http" { builder.no_proxy() } else { builder };
        let http = builder.build().map_err(|error| Trouble::Away(format!("https can't be spoken here: {error}")))?;
        Ok(Self { http, base, key })
    }

    /// Begins a call: `request(Method::GET, "keys")`. What is put into the path must be an id.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}api/v1/{path}", self.base);
        self.http.request(method, url).header("x-api-key", self.key.clone())
    }

    /// Makes a call and reads its whole answer.
    ///
    /// # Errors
    /// [`Trouble::Refused`] with the server's own words, [`Trouble::Away`].
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, Trouble> {
        let response = request.send().await.map_err(|error| self.away(&error))?;
        let status = response.status();
        let text = read(response).await.map_err(|error| self.away(&error))?;
        if !status.is_success() {
            return Err(self.refused(status, &text));
        }
        let json = if text.is_empty() { Some(Value::Null) } else { serde_json::from_str(&text).ok() };
        let json = json.ok_or_else(|| Trouble::Away(format!("what answers at {} is not Latchkey: it sends no JSON", self.base)))?;
        Ok(Answer { text, json })
    }

    fn away(&self, error: &reqwest::Error) -> Trouble {
        let what = if error.is_timeout() {
            "did not answer in time"
        } else if error.is_connect() {
            "can't be reached: is that the address, and does the server run?"
        } else {
            "broke off; whether it did what was asked is not known"
        };
        Trouble::Away(format!("{} {what}", self.base))
    }

    fn refused(&self, status: StatusCode, text: &str) -> Trouble {
        let sentence = match serde_json::from_str::<Problem>(text) {
            Ok(problem) => problem.sentence(),
            Err(_) if status.is_redirection() => format!("{} sends callers elsewhere: give the address that it names", self.base),
            Err(_) => format!("{} answers {status}", self.base),
        };
        if status.is_client_error() { Trouble::Refused(sentence) } else { Trouble::Away(sentence) }
    }
}

impl Problem {
    fn sentence(&self) -> String {
        let field = self.field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
        let request = self.request_id.as_ref().map(|id| format!(", {id}")).unwrap_or_default();
        format!("{field}{} ({}{request})", self.detail, self.code)
    }
}

async fn read(response: Response) -> Result<String, reqwest::Error> {
    Ok(String::from_utf8_lossy(&response.bytes().await?).into_owned())
}
