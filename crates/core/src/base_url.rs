//! The base URL of a provider, a service, or the upstream of a corpus.

use url::Url;

use super::http_client::HttpClient;
use latchkey_types::error::Error;

/// The maximum length, in bytes.
const URL_MAX: usize = 2048;

/// Normalizes a base URL, without a trailing slash.
///
/// # Errors
/// `Invalid` unless it is an http or https URL of at most [`URL_MAX`] bytes without user, query and fragment, to which a key may be sent.
pub fn base_url(client: &HttpClient, field: &str, typed: &str) -> Result<String, Error> {
    let invalid = |message: &str| Error::invalid(field, message);
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(invalid("Enter a URL, e.g. https://api.openai.com/v1."));
    }
    let malformed = || invalid("Enter a URL that begins with https:// or http://, e.g. https://api.openai.com/v1.");
    let url = Url::parse(typed).map_err(|_| malformed())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(malformed());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("Remove user and password from the URL. Link a stored key instead."));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("Remove the query (“?”) or fragment (“#”) from the URL."));
    }
    if !client.may_send_keys_to(&url) {
        return Err(invalid("Use https://: a key is sent unencrypted only to networks that the operator allows with --allow-outgoing."));
    }
    let normalized = url.as_str().trim_end_matches('/');
    if normalized.len() > URL_MAX {
        return Err(invalid("This URL is too long."));
    }
    Ok(normalized.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_client::OutgoingNetworks;

    fn client(allowed: &[&str]) -> HttpClient {
        let allowed = allowed.iter().map(|network| network.parse().unwrap()).collect();
        HttpClient::new(OutgoingNetworks { allowed, denied: Vec::new() }).unwrap()
    }

    fn read(client: &HttpClient, typed: &str) -> Result<String, Error> {
        base_url(client, "base_url", typed)
    }

    #[test]
    fn urls_are_normalized() {
        let client = client(&[]);
        for same in ["https://api.openai.com/v1", " HTTPS://API.openai.com:443/v1/ ", "https://api.openai.com/a/../v1//"] {
            assert_eq!(read(&client, same).unwrap(), "https://api.openai.com/v1", "{same}");
        }
        assert_eq!(read(&client, "http://10.0.0.1:8080/").unwrap(), "http://10.0.0.1:8080");
    }

    #[test]
    fn public_hosts_need_https() {
        let (standard, internal) = (client(&[]), client(&["10.0.0.0/8"]));
        for public in ["http://1.1.1.1/v1", "http://[2606:4700::1111]/", "http://api.openai.com/v1", "HTTP://0x01010101/", "http://localhost.test"] {
            assert!(read(&standard, public).is_err(), "{public}");
        }
        for private in ["http://127.0.0.1:11434", "http://[::1]:11434", "http://192.168.1.2/v1", "http://localhost:11434", "http://ollama.localhost"]
        {
            assert!(read(&standard, private).is_ok(), "{private}");
        }
        // A name is resolved when it is called; only an address in an allowed network is then called without TLS.
        assert!(read(&internal, "http://ollama.internal:11434").is_ok());
        assert!(read(&client(&["1.1.1.0/24"]), "http://1.1.1.1/v1").is_ok());
        assert!(read(&internal, "http://1.1.1.1/v1").is_err());
    }

    #[test]
    fn invalid_urls_are_rejected() {
        let client = client(&[]);
        let long = format!("https://a/{}", "b".repeat(URL_MAX));
        for bad in [
            "",
            "a",
            "api.openai.com/v1",
            "ftp://a",
            "file:///etc/passwd",
            "https://",
            "https://u:p@a",
            "https://u@a",
            "https://a?b",
            "https://a#b",
            "javascript:alert(1)",
            &long,
        ] {
            assert!(read(&client, bad).is_err(), "{bad}");
        }
    }
}
