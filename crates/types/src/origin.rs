//! Origins of web pages: scheme, host and port.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::error::Error;

/// Maximum number of allowed origins of a key.
pub const ALLOWED_ORIGINS_MAX: usize = 100;
/// Maximum length of a scheme, in characters.
const SCHEME_MAX: usize = 32;
/// Maximum length of a host name, in characters.
const HOST_MAX: usize = 253;
/// Maximum length of a label of a host name, in characters.
const LABEL_MAX: usize = 63;

/// The normal form of an origin, as browsers send it in the header `Origin`: in lower case, without a default port. `None` if the text is not
/// an origin, such as the header value `null`. Host names with non-ASCII letters must be in their ASCII form (Punycode).
pub fn parse_origin(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme))?;
    let default_port = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let (host, port) = split_port(authority)?;
    let host = parse_host(host)?;
    Some(match port.filter(|port| Some(*port) != default_port) {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    })
}

/// Apps and browser extensions have schemes of their own.
fn is_scheme(text: &str) -> bool {
    text.len() <= SCHEME_MAX
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.'))
}

/// Separates the port from the host. `None` if there is an invalid one.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    // The colons of an IPv6 address are in brackets.
    let brackets = authority.rfind(']').map_or(0, |end| end + 1);
    let Some(colon) = authority[brackets..].find(':') else { return Some((authority, None)) };
    let (host, port) = (&authority[..brackets + colon], &authority[brackets + colon + 1..]);
    let is_number = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse::<u16>().ok().filter(|port| is_number && *port > 0)?;
    Some((host, Some(port)))
}

fn parse_host(host: &str) -> Option<String> {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().ok().map(|address| format!("[{address}]"));
    }
    let is_character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| (1..=LABEL_MAX).contains(&label.len()) && label.bytes().all(is_character);
    if host.len() > HOST_MAX || !host.split('.').all(is_label) {
        return None;
    }
    // As in URLs, a host that ends with a number is an address.
    let ends_with_number = host.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    if ends_with_number { host.parse::<Ipv4Addr>().ok().map(|address| address.to_string()) } else { Some(host.to_owned()) }
}

/// Validates the allowed origins of a key. Returns them in their normal form, distinct, in the given order. A slash at the end is ignored.
///
/// # Errors
/// `Invalid` at `allowed_origins`, or at the first invalid entry, such as `allowed_origins[0]`.
pub fn allowed_origins(origins: &[String]) -> Result<Vec<String>, Error> {
    if origins.len() > ALLOWED_ORIGINS_MAX {
        return Err(Error::invalid("allowed_origins", format!("Use at most {ALLOWED_ORIGINS_MAX} origins.")));
    }
    let mut distinct = Vec::with_capacity(origins.len());
    for (index, typed) in origins.iter().enumerate() {
        let typed = typed.trim();
        let origin = parse_origin(typed.strip_suffix('/').unwrap_or(typed)).ok_or_else(|| invalid_origin(index))?;
        if !distinct.contains(&origin) {
            distinct.push(origin);
        }
    }
    Ok(distinct)
}

/// The error of an entry of the list.
fn invalid_origin(index: usize) -> Error {
    Error::invalid(&format!("allowed_origins[{index}]"), "Must be an origin without a path, e.g. https://example.com or http://localhost:8080.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_spelling() {
        for (text, origin) in [
            ("https://example.com", "https://example.com"),
            ("HTTPS://Example.COM:443", "https://example.com"),
            ("http://example.com:80", "http://example.com"),
            ("http://example.com:443", "http://example.com:443"),
            ("https://a-b.xn--bcher-kva.example:08443", "https://a-b.xn--bcher-kva.example:8443"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[2001:DB8:0::1]", "http://[2001:db8::1]"),
            ("http://[::1]:80", "http://[::1]"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh"),
        ] {
            assert_eq!(parse_origin(text).as_deref(), Some(origin), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_origins() {
        let long = format!("https://{}.example", "a".repeat(LABEL_MAX + 1));
        for text in [
            "",
            "null",
            "*",
            "example.com",
            "//example.com",
            "://example.com",
            "https://",
            "https://*.example.com",
            "https://example.com/",
            "https://example.com/path",
            "https://example.com?a",
            "https://example.com#a",
            "https://user@example.com",
            "https://example.com:",
            "https://example.com:0",
            "https://example.com:+80",
            "https://example.com:65536",
            "https://example.com:80:80",
            "https://example..com",
            "https://example.com.",
            "https://bücher.example",
            "https://1.2.3",
            "https://256.1.1.1",
            "https://[::1",
            "https://[::1]x",
            "https://[1.2.3.4]",
            " https://example.com",
            "https://example.com https://example.org",
            "1http://example.com",
            &long,
        ] {
            assert_eq!(parse_origin(text), None, "{text}");
        }
    }

    #[test]
    fn a_list_of_origins_is_normalized() {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let typed = list(&[" https://Example.com/ ", "https://example.com:443", "http://localhost:8080"]);
        assert_eq!(allowed_origins(&typed), Ok(list(&["https://example.com", "http://localhost:8080"])));
        assert_eq!(allowed_origins(&[]), Ok(Vec::new()));
        for bad in ["", "example.com", "https://example.com/a", "https://example.com//", "null"] {
            let error = allowed_origins(&list(&["https://example.com", bad])).unwrap_err();
            assert_eq!(error.field_error().unwrap().0, "allowed_origins[1]", "{bad}");
        }
        let many: Vec<_> = (0..=ALLOWED_ORIGINS_MAX).map(|n| format!("https://{n}.example")).collect();
        assert_eq!(allowed_origins(&many).unwrap_err().field_error().unwrap().0, "allowed_origins");
        assert_eq!(allowed_origins(&many[1..]).map(|origins| origins.len()), Ok(ALLOWED_ORIGINS_MAX));
    }
}
