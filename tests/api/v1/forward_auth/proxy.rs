//! A proxy with a configuration of docs/proxies, in front of a mock service.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use reqwest::{Client, Method, RequestBuilder, Response};
use tempfile::TempDir;

use super::header;
use crate::support::{eventually, services::RecordedRequest};

/// A proxy's process, which is killed on drop.
pub(super) struct Proxy {
    pub(super) url: String,
    pub(super) folder: TempDir,
    program: Option<Child>,
}

impl Proxy {
    /// An address and a folder for a proxy that is not started yet.
    pub(super) fn prepare() -> Self {
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { url: format!("http://{listen}"), folder: TempDir::new().unwrap(), program: None }
    }

    /// The path of the folder.
    pub(super) fn path(&self) -> String {
        self.folder.path().to_str().unwrap().to_owned()
    }

    /// Starts the program, which must stay in the foreground, and waits until it listens.
    pub(super) async fn run(mut self, mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let missing = format!("{} is not installed: run `cargo xtask setup`", command.get_program().display());
        self.program = Some(command.spawn().expect(&missing));
        let listen = bare(&self.url);
        eventually("the proxy listens", async || tokio::net::TcpStream::connect(&listen).await.is_ok()).await;
        self
    }

    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        Client::new().request(method, format!("{}{path}", self.url))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(program) = &mut self.program {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

/// A program. Debian installs proxies in /usr/sbin, which may be missing in `PATH`.
pub(super) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env("PATH", std::env::var("PATH").unwrap_or_default() + ":/usr/sbin");
    command
}

/// Host and port of a URL.
pub(super) fn bare(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

/// The documented configuration with replaced addresses and files.
pub(super) fn with_replacements(documented: &str, replacements: &[(&str, String)]) -> String {
    replacements.iter().fold(documented.to_owned(), |site, (old, new)| {
        assert_eq!(site.matches(old).count(), 1, "{old}");
        site.replace(old, new)
    })
}

/// The status that the client receives, and the code in the header.
pub(super) fn outcome(response: &Response) -> (u16, String) {
    (response.status().as_u16(), header(response, "x-latchkey-code").unwrap_or_default().to_owned())
}

pub(super) fn received_header<'a>(call: &'a RecordedRequest, name: &str) -> Option<&'a str> {
    assert!(call.headers.get_all(name).iter().count() <= 1, "{name}");
    call.headers.get(name).map(|value| value.to_str().unwrap())
}
