//! The browser of a user, by its `User-Agent` header.

use http::{HeaderMap, header};

/// In characters.
const MAX_LENGTH: usize = 256;

/// From specific to general, because most browsers also name those further below.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

/// From specific to general, because phones also name the desktop system that theirs derives from.
const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// The `User-Agent` header without control characters, truncated to 256 characters.
pub fn of(headers: &HeaderMap) -> String {
    let value = headers.get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    value.map(|value| value.chars().filter(|c| !c.is_control()).take(MAX_LENGTH).collect()).unwrap_or_default()
}

/// A readable form, such as “Chrome on Linux”.
pub fn display_name(agent: &str) -> String {
    let find = |table: &[(&str, &'static str)]| table.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    match (find(BROWSERS), find(SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "Unknown browser".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_recognized_by_their_own_name() {
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        for (agent, words) in [
            (format!("Mozilla/5.0 (X11; Linux x86_64) {webkit} Chrome/141.0.0.0 Safari/537.36"), "Chrome on Linux"),
            (format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {webkit} Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0"), "Edge on Windows"),
            (format!("Mozilla/5.0 (Linux; Android 10; K) {webkit} Chrome/141.0.0.0 Mobile Safari/537.36"), "Chrome on Android"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:144.0) Gecko/20100101 Firefox/144.0".to_owned(), "Firefox on macOS"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1"
                    .to_owned(),
                "Safari on iPhone",
            ),
            ("curl/7.88.1".to_owned(), "curl"),
            (String::new(), "Unknown browser"),
            ("<script>".to_owned(), "Unknown browser"),
        ] {
            assert_eq!(display_name(&agent), words, "{agent}");
        }
    }

    #[test]
    fn stored_agent_is_short_and_printable() {
        let headers = |value: &[u8]| [(header::USER_AGENT, value.try_into().unwrap())].into_iter().collect::<HeaderMap>();
        assert_eq!(of(&headers(&[b'a'; 300])).len(), MAX_LENGTH);
        assert_eq!(of(&headers(b"a\tb")), "ab");
        assert_eq!(of(&HeaderMap::new()), "");
    }
}
