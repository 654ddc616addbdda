//! The forms in which a server may repeat a secret.

use std::fmt::Write as _;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use zeroize::Zeroizing;

use super::MASKED_MIN;

/// A form of a secret.
type Form = Zeroizing<Vec<u8>>;

/// Percent-encodes everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Same as JavaScript's `encodeURIComponent`.
const COMPONENT: &AsciiSet = &RESERVED.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');
/// Same as JavaScript's `encodeURI`.
const URI: &AsciiSet = &COMPONENT
    .remove(b';')
    .remove(b',')
    .remove(b'/')
    .remove(b'?')
    .remove(b':')
    .remove(b'@')
    .remove(b'&')
    .remove(b'=')
    .remove(b'+')
    .remove(b'$')
    .remove(b'#');

/// All distinct forms: the secret itself, in hexadecimal, in base64, percent-encoded, and escaped for JSON and HTML.
pub(super) fn of(secret: &[u8]) -> Vec<Form> {
    let mut forms = vec![secret.to_vec(), hex::encode(secret).into(), hex::encode_upper(secret).into()];
    forms.extend(base64(secret));
    forms.extend(percent_encoded(secret));
    if let Ok(text) = str::from_utf8(secret) {
        forms.extend(json(text).into_iter().chain(html(text)).map(String::into_bytes));
    }
    let mut forms: Vec<Form> = forms.into_iter().map(Zeroizing::new).collect();
    forms.sort_unstable_by(|one, other| one.as_slice().cmp(other.as_slice()));
    forms.dedup_by(|one, other| one.as_slice() == other.as_slice());
    forms.retain(|form| form.len() >= MASKED_MIN);
    forms
}

/// For each position of the secret within a group of three bytes, the characters that depend only on the secret.
fn base64(secret: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..3_usize).flat_map(move |before| {
        let bytes = Zeroizing::new([&[0; 2][..before], secret].concat());
        // A character encodes 6 bits, so the first characters can also contain bits of the preceding bytes.
        let first = (before * 8).div_ceil(6);
        let end = bytes.len() * 8 / 6;
        [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)].map(|text| {
            let text = Zeroizing::new(text);
            text.as_bytes()[first..end].to_vec()
        })
    })
}

fn percent_encoded(secret: &[u8]) -> Vec<Vec<u8>> {
    let all: String = secret.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02X}");
        text
    });
    let some = [NON_ALPHANUMERIC, RESERVED, COMPONENT, URI].map(|set| percent_encode(secret, set).to_string());
    let form = some[1].replace("%20", "+");
    let upper: Vec<String> = some.into_iter().chain([all, form]).collect();
    let lower: Vec<String> = upper.iter().map(|text| with_lower_digits(text)).collect();
    upper.into_iter().chain(lower).map(String::into_bytes).collect()
}

/// Converts the hexadecimal digits after each `%` to lower case.
fn with_lower_digits(text: &str) -> String {
    let mut digits = 0;
    let lower = |letter: char| {
        let is_digit = digits > 0;
        digits = if letter == '%' { 2 } else { digits - i32::from(is_digit) };
        if is_digit { letter.to_ascii_lowercase() } else { letter }
    };
    text.chars().map(lower).collect()
}

/// Characters that JSON encoders escape as `\u…` although JSON does not require it.
const JSON_ESCAPED: [fn(char) -> bool; 4] = [
    |_| false,
    // Go.
    |letter| matches!(letter, '<' | '>' | '&'),
    // PHP and Python.
    |letter| !letter.is_ascii(),
    // .NET.
    |letter| !letter.is_ascii() || matches!(letter, '<' | '>' | '&' | '\'' | '+' | '"' | '`'),
];

fn json(text: &str) -> Vec<String> {
    let escaped = |is_escaped: fn(char) -> bool| json_with(text, is_escaped);
    let some: Vec<String> = JSON_ESCAPED.into_iter().map(escaped).collect();
    let slashes = some.iter().map(|text| text.replace('/', r"\/")).collect::<Vec<_>>();
    let all = json_with(text, |_| true);
    let upper = some.iter().chain([&all]).map(|text| with_upper_escapes(text)).collect::<Vec<_>>();
    some.into_iter().chain(slashes).chain([all]).chain(upper).collect()
}

fn json_with(text: &str, is_escaped: fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len() * 2);
    for letter in text.chars() {
        match letter {
            letter if is_escaped(letter) => unicode_escape(&mut escaped, letter),
            '"' | '\\' => escaped.extend(['\\', letter]),
            '\n' => escaped.push_str(r"\n"),
            '\r' => escaped.push_str(r"\r"),
            '\t' => escaped.push_str(r"\t"),
            letter if letter < ' ' => unicode_escape(&mut escaped, letter),
            letter => escaped.push(letter),
        }
    }
    escaped
}

fn unicode_escape(escaped: &mut String, letter: char) {
    for unit in letter.encode_utf16(&mut [0; 2]) {
        let _ = write!(escaped, "\\u{unit:04x}");
    }
}

/// Converts the hexadecimal digits after each `\u` to upper case.
fn with_upper_escapes(text: &str) -> String {
    let mut parts = text.split(r"\u");
    let mut upper = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(4).unwrap_or((part, ""));
        upper.push_str(r"\u");
        upper.push_str(&digits.to_ascii_uppercase());
        upper.push_str(rest);
    }
    upper
}

fn html(text: &str) -> [String; 3] {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let quoted = escaped.replace('"', "&quot;");
    [quoted.replace('\'', "&#39;"), quoted.replace('\'', "&#x27;"), escaped]
}
