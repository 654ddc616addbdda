//! The address of a provider.

use url::Url;

use crate::model::fault::Fault;

/// The longest address, in bytes.
const URL_MAX: usize = 2048;

/// An address in its one spelling, without a slash at its end, or what is wrong with it.
///
/// # Errors
/// `Invalid` for what is no http or https URL, is too long, or has a user, a query or a fragment.
pub fn base_url(field: &str, typed: &str) -> Result<String, Fault> {
    let invalid = |message: &str| Fault::invalid(field, message);
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(invalid("Enter an address, such as https://api.openai.com/v1."));
    }
    let malformed = || invalid("Enter an address that begins with https:// or http://, such as https://api.openai.com/v1.");
    let url = Url::parse(typed).map_err(|_| malformed())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(malformed());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("Leave user and password out of the address. Link a general key instead."));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("Leave out what follows “?” or “#”."));
    }
    let address = url.as_str().trim_end_matches('/');
    if address.len() > URL_MAX {
        return Err(invalid("This address is too long."));
    }
    Ok(address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        for same in ["https://api.openai.com/v1", " HTTPS://API.openai.com:443/v1/ ", "https://api.openai.com/a/../v1//"] {
            assert_eq!(base_url("base_url", same).unwrap(), "https://api.openai.com/v1", "{same}");
        }
        assert_eq!(base_url("base_url", "http://10.0.0.1:8080/").unwrap(), "http://10.0.0.1:8080");
    }

    #[test]
    fn what_is_no_address_is_refused() {
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
