//! Sending of email through the configured SMTP server.

use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor, message::Mailbox};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;
use url::Url;

use super::message;
use crate::public_url::PublicUrl;
use latchkey_types::{net::is_loopback_host, notification::Notification};

/// Timeout of one server response, and of one delivery attempt.
const RESPONSE_LIMIT: Duration = Duration::from_secs(10);
const ATTEMPT_LIMIT: Duration = Duration::from_secs(20);

pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Result of a delivery attempt. The texts are logged and contain nothing of the message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SendOutcome {
    Sent,
    /// Permanent failure; not retried.
    Rejected(String),
    /// Temporary failure; retried later.
    Failed(String),
}

impl Mailer {
    /// `None` if no mail server is configured. Errors are messages for the operator and do not contain the password.
    pub fn new(smtp: Option<&SecretString>, from: Option<&str>) -> anyhow::Result<Option<Self>> {
        let smtp = smtp.filter(|smtp| !smtp.expose_secret().trim().is_empty());
        let from = from.map(str::trim).filter(|from| !from.is_empty());
        let (smtp, from) = match (smtp, from) {
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(anyhow!("--smtp requires a sender: set --mail-from, e.g. keys@example.com")),
            (None, Some(_)) => return Err(anyhow!("--mail-from requires a mail server: set --smtp")),
            (Some(smtp), Some(from)) => (smtp, from),
        };
        let from = from.parse().map_err(|_| anyhow!("--mail-from is not a valid address: use the form Latchkey <keys@example.com>"))?;
        Ok(Some(Self { transport: transport(smtp)?, from }))
    }

    pub(super) async fn send(&self, email: &str, name: &str, notice: &Notification, public_url: &PublicUrl) -> SendOutcome {
        let Some(message) = message::build(&self.from, email, name, notice, public_url) else {
            return SendOutcome::Rejected("the recipient's address is invalid".to_owned());
        };
        match timeout(ATTEMPT_LIMIT, self.transport.send(message)).await {
            Ok(Ok(_)) => SendOutcome::Sent,
            // The server's text may quote the message, so only the status code is logged.
            Ok(Err(error)) => match error.status() {
                Some(code) if error.is_permanent() && !is_about_session(code.into()) => {
                    SendOutcome::Rejected(format!("the mail server responded with {code}"))
                }
                Some(code) => SendOutcome::Failed(format!("the mail server responded with {code}")),
                None if error.is_timeout() => SendOutcome::Failed("the mail server timed out".to_owned()),
                None if error.is_tls() => SendOutcome::Failed("cannot establish a TLS connection to the mail server".to_owned()),
                None => SendOutcome::Failed("cannot connect to the mail server".to_owned()),
            },
            Err(_) => SendOutcome::Failed("the mail server timed out".to_owned()),
        }
    }
}

/// Whether a permanent error concerns authentication or TLS instead of the message; an operator can correct that, so the message is retried.
/// RFC 4954, section 6, and RFC 3207, section 4.
const fn is_about_session(code: u16) -> bool {
    matches!(code, 530 | 534 | 535 | 538)
}

/// Parses the server's URL. Errors do not quote it, since it contains the password.
fn transport(smtp: &SecretString) -> anyhow::Result<AsyncSmtpTransport<Tokio1Executor>> {
    const FORMAT: &str = "use the form --smtp smtp://USER:PASSWORD@HOST:587 or smtps://USER:PASSWORD@HOST:465";
    let mut url = Url::parse(smtp.expose_secret().trim()).ok().context(FORMAT)?;
    ensure!(matches!(url.scheme(), "smtp" | "smtps") && url.host_str().is_some_and(|host| !host.is_empty()), FORMAT);
    ensure!(matches!(url.path(), "" | "/") && url.fragment().is_none(), FORMAT);
    let is_plaintext = match url.query() {
        None => false,
        Some("tls=none") if url.scheme() == "smtp" => true,
        Some(_) => return Err(anyhow!("--smtp accepts no parameter except ?tls=none; {FORMAT}")),
    };
    ensure!(
        !is_plaintext || is_this_machine(&url),
        "--smtp with ?tls=none sends passwords and messages unencrypted: it is allowed only for a mail server on this machine"
    );
    url.set_query((!is_plaintext && url.scheme() == "smtp").then_some("tls=required"));
    let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.as_str()).map_err(|_| anyhow!(FORMAT))?;
    Ok(builder.timeout(Some(RESPONSE_LIMIT)).build())
}

/// The URL parser does not recognize IP addresses in non-special schemes, so the host is parsed here.
fn is_this_machine(url: &Url) -> bool {
    url.host_str().is_some_and(is_loopback_host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_configured(smtp: Option<&str>, from: Option<&str>) -> Result<bool, String> {
        Mailer::new(smtp.map(SecretString::from).as_ref(), from).map(|mailer| mailer.is_some()).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn requires_a_secure_connection() {
        let from = Some("Latchkey <keys@example.com>");
        assert_eq!(is_configured(None, None), Ok(false));
        assert_eq!(is_configured(Some(" "), Some("")), Ok(false), "empty variables are ignored");
        for valid in [
            "smtp://user:p%40ss@mail.example.com:587",
            "smtp://mail.example.com",
            "smtps://user:pass@mail.example.com:465",
            "smtp://127.0.0.1:1025?tls=none",
            "smtp://[::1]:1025?tls=none",
            "smtp://localhost?tls=none",
        ] {
            assert_eq!(is_configured(Some(valid), from), Ok(true), "{valid}");
        }
        for bad in [
            "",
            "mail.example.com:587",
            "http://user:hunter2@mail.example.com",
            "smtp://user:hunter2@mail.example.com?tls=none",
            "smtp://10.0.0.1:25?tls=none",
            "smtp://user:hunter2@127.0.0.1.example.com?tls=none",
            "smtp://user:hunter2@mail.example.com?tls=opportunistic",
            "smtps://user:hunter2@127.0.0.1?tls=none",
            "smtp://user:hunter2@mail.example.com/path",
            "smtp://user:hunter2@mail.example.com:99999",
            "smtp://",
        ] {
            let error = is_configured(Some(bad), from).expect_err(bad);
            assert!(!error.contains("hunter2") && error.contains("--smtp"), "{bad}: {error}");
        }
    }

    #[test]
    fn server_and_sender_require_each_other() {
        assert!(is_configured(Some("smtp://mail.example.com"), None).unwrap_err().contains("--mail-from"));
        assert!(is_configured(None, Some("keys@example.com")).unwrap_err().contains("--smtp"));
        for bad in ["keys", "keys@", "a@b\r\nBcc: c@d", "Latchkey keys@example.com"] {
            assert!(is_configured(Some("smtp://mail.example.com"), Some(bad)).is_err(), "{bad}");
        }
    }
}
