//! Who brings the mail: the operator's SMTP server.

use std::{net::IpAddr, time::Duration};

use anyhow::{Context, anyhow, ensure};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor, message::Mailbox};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;
use url::Url;

use super::letter;
use crate::{
    model::notice::Notice,
    server::config::{MailOptions, PublicUrl},
};

/// How long the server may take for one answer, and for all of one mail.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const TRY_LIMIT: Duration = Duration::from_secs(20);

/// Sends mail.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// What came of a try. Why it failed is told in words that hold nothing of the mail.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The server took it.
    Sent,
    /// Another try would fail too.
    Refused(String),
    /// Another try may not.
    Failed(String),
}

impl Mailer {
    /// What the operator said of mail; `None` where nothing was said.
    ///
    /// # Errors
    /// A sentence for the operator, without the password.
    pub fn new(options: &MailOptions) -> anyhow::Result<Option<Self>> {
        let smtp = options.smtp.as_ref().filter(|smtp| !smtp.expose_secret().trim().is_empty());
        let from = options.mail_from.as_deref().map(str::trim).filter(|from| !from.is_empty());
        let (smtp, from) = match (smtp, from) {
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(anyhow!("--smtp is given, but not from whom: give --mail-from, such as keys@example.com")),
            (None, Some(_)) => return Err(anyhow!("--mail-from is given, but no mail server: give --smtp too")),
            (Some(smtp), Some(from)) => (smtp, from),
        };
        let from = from.parse().map_err(|_| anyhow!("--mail-from is no address: give one like Latchkey <keys@example.com>"))?;
        Ok(Some(Self { transport: transport(smtp)?, from }))
    }

    /// Sends a notice to somebody.
    pub(super) async fn send(&self, email: &str, name: &str, notice: &Notice, public_url: &PublicUrl) -> Outcome {
        let Some(message) = letter::write(&self.from, email, name, notice, public_url) else {
            return Outcome::Refused("the address of its reader is none".to_owned());
        };
        match timeout(TRY_LIMIT, self.transport.send(message)).await {
            Ok(Ok(_)) => Outcome::Sent,
            // What the server says may quote the mail: its number is enough.
            Ok(Err(error)) => match error.status() {
                Some(code) if error.is_permanent() && !is_about_us(code.into()) => Outcome::Refused(format!("the mail server answered {code}")),
                Some(code) => Outcome::Failed(format!("the mail server answered {code}")),
                None if error.is_timeout() => Outcome::Failed("the mail server took too long".to_owned()),
                None if error.is_tls() => Outcome::Failed("no secure connection to the mail server could be made".to_owned()),
                None => Outcome::Failed("the mail server could not be talked to".to_owned()),
            },
            Err(_) => Outcome::Failed("the mail server took too long".to_owned()),
        }
    }
}

/// Whether an answer is about how we came, and not about the mail: the password was changed, say, and will be put right. RFC 4954, section 6,
/// and RFC 3207, section 4.
const fn is_about_us(code: u16) -> bool {
    matches!(code, 530 | 534 | 535 | 538)
}

/// Reads the server's URL. Nothing of it is quoted, since it holds the password.
fn transport(smtp: &SecretString) -> anyhow::Result<AsyncSmtpTransport<Tokio1Executor>> {
    const LIKE: &str = "give --smtp as smtp://USER:PASSWORD@HOST:587 or smtps://USER:PASSWORD@HOST:465";
    let mut url = Url::parse(smtp.expose_secret().trim()).ok().context(LIKE)?;
    ensure!(matches!(url.scheme(), "smtp" | "smtps") && url.host_str().is_some_and(|host| !host.is_empty()), LIKE);
    ensure!(matches!(url.path(), "" | "/") && url.fragment().is_none(), LIKE);
    let is_bare = match url.query() {
        None => false,
        Some("tls=none") if url.scheme() == "smtp" => true,
        Some(_) => return Err(anyhow!("--smtp takes nothing behind the host but ?tls=none; {LIKE}")),
    };
    ensure!(
        !is_bare || is_this_machine(&url),
        "--smtp with ?tls=none sends passwords and mail in the clear: it is for a server on this machine alone"
    );
    url.set_query((!is_bare && url.scheme() == "smtp").then_some("tls=required"));
    let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.as_str()).map_err(|_| anyhow!(LIKE))?;
    Ok(builder.timeout(Some(ANSWER_LIMIT)).build())
}

/// Addresses in such a URL are not told apart from names by its parser.
fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(smtp: Option<&str>, from: Option<&str>) -> Result<bool, String> {
        let options = MailOptions { smtp: smtp.map(SecretString::from), mail_from: from.map(ToOwned::to_owned) };
        Mailer::new(&options).map(|mailer| mailer.is_some()).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn mail_is_sent_by_servers_that_are_reached_securely() {
        let from = Some("Latchkey <keys@example.com>");
        assert_eq!(made(None, None), Ok(false));
        assert_eq!(made(Some(" "), Some("")), Ok(false), "variables that are empty say nothing");
        for good in [
            "smtp://user:p%40ss@mail.example.com:587",
            "smtp://mail.example.com",
            "smtps://user:pass@mail.example.com:465",
            "smtp://127.0.0.1:1025?tls=none",
            "smtp://[::1]:1025?tls=none",
            "smtp://localhost?tls=none",
        ] {
            assert_eq!(made(Some(good), from), Ok(true), "{good}");
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
            let refused = made(Some(bad), from).expect_err(bad);
            assert!(!refused.contains("hunter2") && refused.contains("--smtp"), "{bad}: {refused}");
        }
    }

    #[test]
    fn both_are_given_or_neither() {
        assert!(made(Some("smtp://mail.example.com"), None).unwrap_err().contains("--mail-from"));
        assert!(made(None, Some("keys@example.com")).unwrap_err().contains("--smtp"));
        for bad in ["keys", "keys@", "a@b\r\nBcc: c@d", "Latchkey keys@example.com"] {
            assert!(made(Some("smtp://mail.example.com"), Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_password_is_nowhere_to_be_read() {
        let options = MailOptions { smtp: Some("smtp://user:hunter2@mail.example.com".into()), mail_from: None };
        assert!(!format!("{options:?}").contains("hunter2"));
    }
}
