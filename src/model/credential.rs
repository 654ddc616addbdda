//! Credentials as the page asks for them, and what may be typed. The page asks before it sends, the rule asks again.

use serde::{Deserialize, Serialize};

use super::{
    fault::Fault,
    key::{Ends, StorageProvider, Tested},
    secret::TypedSecret,
};

/// The longest access key, token, or secret of one, in characters.
pub const STORAGE_SECRET_MAX: usize = 512;
/// The longest general key, in characters.
pub const GENERAL_VALUE_MAX: usize = 4096;
/// The shortest and the longest access key of AWS, in characters (IAM API Reference, `AccessKey`).
const AWS_KEY_LENGTH: std::ops::RangeInclusive<usize> = 16..=128;
const REGION_MAX: usize = 32;

/// A storage credential that somebody wants kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WantedStorage {
    /// What it is called.
    pub label: String,
    /// Whose files it opens.
    pub provider: StorageProvider,
    /// The access key, or the token.
    pub key: TypedSecret,
    /// The access key's secret; blank for providers that have none.
    #[serde(default)]
    pub secret: TypedSecret,
    /// The region; blank for providers that have none.
    #[serde(default)]
    pub region: String,
    /// When it ends.
    pub ends: Ends,
}

/// How a test of a credential went, and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestReport {
    /// How, and when.
    pub tested: Tested,
    /// A sentence for people.
    pub detail: String,
}

/// A secret without the blanks around it, or what is wrong with it.
///
/// # Errors
/// `Invalid` for one that is blank, longer than `max`, or has blanks or unprintable characters inside.
pub fn secret<'a>(field: &str, typed: &'a str, max: usize) -> Result<&'a str, Fault> {
    let secret = typed.trim();
    if secret.is_empty() {
        return Err(Fault::invalid(field, "Enter it as your provider shows it."));
    }
    if secret.chars().count() > max {
        return Err(Fault::invalid(field, format!("This is longer than {max} characters: paste the key alone.")));
    }
    // It travels in a header line, which takes no others.
    if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault::invalid(field, "Remove the blanks, line breaks and special characters inside: paste the key alone."));
    }
    Ok(secret)
}

/// An access key of AWS, or a token of another storage provider.
///
/// # Errors
/// `Invalid` for what can be none.
pub fn storage_key<'a>(field: &str, typed: &'a str, provider: StorageProvider) -> Result<&'a str, Fault> {
    let key = secret(field, typed, STORAGE_SECRET_MAX)?;
    let of_aws = AWS_KEY_LENGTH.contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if provider == StorageProvider::Aws && !of_aws {
        return Err(Fault::invalid(field, "An access key ID is 16 or more capital letters and digits, such as AKIA…."));
    }
    Ok(key)
}

/// A region's name.
///
/// # Errors
/// `Invalid` for what can be none.
pub fn region<'a>(field: &str, typed: &'a str) -> Result<&'a str, Fault> {
    let region = typed.trim();
    if region.is_empty() {
        return Err(Fault::invalid(field, "Enter a region, such as us-east-1."));
    }
    let shaped = region.len() <= REGION_MAX && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if shaped { Ok(region) } else { Err(Fault::invalid(field, "A region is small letters, digits and hyphens, such as us-east-1.")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_trimmed_and_has_nothing_odd_inside() {
        assert_eq!(secret("key", " sk-a/b+c=\n", 20).unwrap(), "sk-a/b+c=");
        assert!(secret("key", &"a".repeat(20), 20).is_ok());
        for bad in ["", " \t\n", "a b", "a\nb", "a\0b", "a\u{a0}b", "schlüssel", &"a".repeat(21)] {
            let fault = secret("key", bad, 20).unwrap_err();
            assert_eq!(fault.about_field().unwrap().0, "key");
            assert!(bad.trim().is_empty() || bad == "a b" || !fault.to_string().contains(bad), "{fault}");
        }
    }

    #[test]
    fn only_what_can_be_an_access_key_is_taken_for_aws() {
        assert!(storage_key("key", "AKIAIOSFODNN7EXAMPLE", StorageProvider::Aws).is_ok());
        assert!(storage_key("key", "akiaiosfodnn7example", StorageProvider::Dnanexus).is_ok());
        for bad in ["akiaiosfodnn7example", "AKIA", "AKIAIOSFODNN7EXAMPLE/", &"A".repeat(129)] {
            assert!(storage_key("key", bad, StorageProvider::Aws).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_region_can_be_part_of_a_host_name_and_no_more() {
        assert_eq!(region("region", " eu-central-1 ").unwrap(), "eu-central-1");
        for bad in ["", "EU", "a.b", "a/b", "a@b", "a:b", "a b", &"a".repeat(33)] {
            assert!(region("region", bad).is_err(), "{bad}");
        }
    }
}
