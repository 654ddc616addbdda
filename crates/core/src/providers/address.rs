//! The base URL of a provider.

use url::Url;

use latchkey_types::error::Error;

/// The maximum length, in bytes.
const URL_MAX: usize = 2048;

/// Normalizes a base URL, without a trailing slash.
///
/// # Errors
/// `Invalid` unless it is an http or https URL of at most [`URL_MAX`] bytes without user, query and fragment.
pub(super) fn base_url(field: &str, typed: &str) -> Result<String, Error> {
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
        return Err(invalid("Remove user and password from the URL. Link a general key instead."));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("Remove the query (“?”) or fragment (“#”) from the URL."));
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

    #[test]
    fn urls_are_normalized() {
        for same in ["https://api.openai.com/v1", " HTTPS://API.openai.com:443/v1/ ", "https://api.openai.com/a/../v1//"] {
            assert_eq!(base_url("base_url", same).unwrap(), "https://api.openai.com/v1", "{same}");
        }
        assert_eq!(base_url("base_url", "http://10.0.0.1:8080/").unwrap(), "http://10.0.0.1:8080");
    }

    #[test]
    fn invalid_urls_are_rejected() {
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
            assert!(base_url("base_url", bad).is_err(), "{bad}");
        }
    }
}
