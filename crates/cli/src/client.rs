//! Client of the REST API.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use reqwest::{Client as Http, Method, RequestBuilder, Response, StatusCode, header::HeaderValue, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use url::Url;

use super::{error::CliError, input, print};
use latchkey_types::{
    id::ReceiptId,
    net::is_loopback_host,
    receipt::{RECEIPT_HEADER, ReceiptSummary},
    rest::receipts::Receipt,
};

/// Maximum time to establish a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Maximum time for a request and its response: slightly more than the server's own limit.
const CALL_LIMIT: Duration = Duration::from_secs(35);

/// Options for server address and API key.
#[derive(Debug, Clone, Args)]
pub struct ClientOptions {
    /// URL of the server
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
    /// File with the API key, or - for standard input [default: `LATCHKEY_API_KEY`]
    #[arg(long, value_name = "PATH", global = true, help_heading = "Server")]
    api_key_file: Option<PathBuf>,
    /// Allow http without TLS to another machine: keys and secrets are sent unencrypted
    #[arg(long, env = "LATCHKEY_ALLOW_HTTP", value_parser = clap::builder::FalseyValueParser::new(), hide_env_values = true, global = true, help_heading = "Server")]
    allow_http: bool,
    /// Print the JSON response of the API
    #[arg(long, global = true)]
    pub json: bool,
}

impl ClientOptions {
    /// Whether the API key is read from standard input.
    pub fn reads_stdin(&self) -> bool {
        self.api_key_file.as_ref().is_some_and(|path| path.as_os_str() == "-")
    }

    fn api_key(&self) -> Result<SecretString, CliError> {
        match &self.api_key_file {
            Some(path) => input::read_secret(path),
            None => input::from_environment("LATCHKEY_API_KEY")
                .ok_or_else(|| CliError::usage("no API key: set LATCHKEY_API_KEY, or pass a file with --api-key-file")),
        }
    }

    fn base(&self) -> Result<Url, CliError> {
        // The URL can contain a password, so the message does not repeat it.
        let invalid = || CliError::usage("--url must be a URL such as https://keys.example.com");
        let mut url = Url::parse(&self.url).map_err(|_| invalid())?;
        let has_only_base = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !has_only_base {
            return Err(invalid());
        }
        if url.scheme() == "http" && !url.host_str().is_some_and(is_loopback_host) && !self.allow_http {
            return Err(CliError::usage(
                "http sends the API key and all secrets unencrypted to another machine: use --url https://…, or add --allow-http",
            ));
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(url)
    }
}

/// Client for one server and one API key.
pub struct Client {
    http: Http,
    base: Url,
    key: HeaderValue,
}

/// Response of the API.
pub struct ApiResponse {
    /// The unchanged response body: JSON, or empty.
    pub text: String,
    /// The ids of the receipts of what the request revoked, separated by commas.
    receipts: Option<String>,
}

impl ApiResponse {
    /// Reads the body. Fields that this version does not know are ignored.
    ///
    /// # Errors
    /// [`CliError::Unavailable`] for a different body. The message does not repeat any of it: it can contain a secret.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, CliError> {
        serde_json::from_str(&self.text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            CliError::Unavailable(format!(
                "can't read the server's response (line {line}, column {column}): use --json, or the client of its version"
            ))
        })
    }
}

/// The fields of an RFC 9457 problem that are printed.
#[derive(Deserialize)]
struct Problem {
    code: String,
    detail: String,
    field: Option<String>,
    request_id: Option<String>,
}

impl Client {
    /// # Errors
    /// [`CliError::Usage`] if the key is missing or the URL is invalid.
    pub fn new(options: &ClientOptions) -> Result<Self, CliError> {
        let base = options.base()?;
        let key = options.api_key()?;
        let mut key = HeaderValue::from_str(key.expose_secret()).map_err(|_| CliError::usage("the API key contains invalid characters"))?;
        key.set_sensitive(true);
        let builder = Http::builder()
            .user_agent(concat!("latchkey/", env!("CARGO_PKG_VERSION")))
            // A redirect would send the keys to another host.
            .redirect(Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .timeout(CALL_LIMIT);
        // A proxy tunnels https, but would see every secret sent over http.
        let builder = if base.scheme() == "http" { builder.no_proxy() } else { builder };
        let http = builder.build().map_err(|error| CliError::Unavailable(format!("TLS is not available: {error}")))?;
        Ok(Self { http, base, key })
    }

    /// Builds a request: `request(Method::GET, "keys")`. The path is not escaped: only ids may be inserted into it.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}api/v1/{path}", self.base);
        self.http.request(method, url).header("x-api-key", self.key.clone())
    }

    /// Sends a request and reads the whole response.
    ///
    /// # Errors
    /// [`CliError::Rejected`] with the server's message for 4xx, [`CliError::Unavailable`] otherwise.
    pub async fn send(&self, request: RequestBuilder) -> Result<ApiResponse, CliError> {
        let response = request.send().await.map_err(|error| self.transport_error(&error))?;
        let status = response.status();
        let receipts = response.headers().get(RECEIPT_HEADER).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
        let text = read(response).await.map_err(|error| self.transport_error(&error))?;
        if !status.is_success() {
            return Err(self.rejection(status, &text));
        }
        if !text.is_empty() && serde_json::from_str::<IgnoredAny>(&text).is_err() {
            return Err(CliError::Unavailable(format!("the server at {} is not Latchkey: its response is not JSON", self.base)));
        }
        Ok(ApiResponse { text, receipts })
    }

    /// Since when a change is effective. `None` if it took no access away, or if this API key must not read receipts.
    pub async fn receipt(&self, response: &ApiResponse) -> Option<ReceiptSummary> {
        // All are effective when the last one is.
        let id: ReceiptId = response.receipts.as_deref()?.rsplit(", ").next()?.parse().ok()?;
        let response = self.send(self.request(Method::GET, &format!("receipts/{id}"))).await.ok()?;
        Some(response.read::<Receipt>().ok()?.summary())
    }

    /// Prints since when a change is effective, if it took access away.
    pub async fn print_receipt(&self, response: &ApiResponse) {
        if let Some(receipt) = self.receipt(response).await {
            print::status(&receipt.sentence());
        }
    }

    fn transport_error(&self, error: &reqwest::Error) -> CliError {
        let problem = if error.is_timeout() {
            "did not respond in time"
        } else if error.is_connect() {
            "can't be reached: check the URL and whether the server is running"
        } else {
            "closed the connection; the request may or may not have been processed"
        };
        CliError::Unavailable(format!("{} {problem}", self.base))
    }

    fn rejection(&self, status: StatusCode, text: &str) -> CliError {
        let message = match serde_json::from_str::<Problem>(text) {
            Ok(problem) => problem.message(),
            Err(_) if status.is_redirection() => format!("{} redirects: use the URL that it redirects to", self.base),
            Err(_) => format!("{} responded with {status}", self.base),
        };
        if status.is_client_error() { CliError::Rejected(message) } else { CliError::Unavailable(message) }
    }
}

impl Problem {
    fn message(&self) -> String {
        let field = self.field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
        let request = self.request_id.as_ref().map(|id| format!(", {id}")).unwrap_or_default();
        format!("{field}{} ({}{request})", self.detail, self.code)
    }
}

async fn read(response: Response) -> Result<String, reqwest::Error> {
    Ok(String::from_utf8_lossy(&response.bytes().await?).into_owned())
}
