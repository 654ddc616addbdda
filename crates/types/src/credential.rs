//! Requests for credentials, and validation of their fields. The page validates before it sends; the server validates again.

use serde::{Deserialize, Serialize};

use super::{
    error::Error,
    key::{RequestedExpiry, StorageProvider, TestResult},
    secret::TypedSecret,
};

/// Maximum length of an access key, a secret access key or a token, in characters.
pub const STORAGE_SECRET_MAX: usize = 512;
/// Maximum length of a general key, in characters.
pub const GENERAL_VALUE_MAX: usize = 4096;
/// Length of an AWS access key ID, in characters (IAM API Reference, `AccessKey`).
const AWS_KEY_LENGTH: std::ops::RangeInclusive<usize> = 16..=128;
const REGION_MAX: usize = 32;

/// Request to create an external key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateExternalKeyRequest {
    pub label: String,
    pub provider: StorageProvider,
    /// Access key ID, or token.
    pub key: TypedSecret,
    /// Secret access key; empty for providers without one.
    #[serde(default)]
    pub secret: TypedSecret,
    /// Empty for providers without regions.
    #[serde(default)]
    pub region: String,
    pub expiry: RequestedExpiry,
}

/// Request to replace the secrets of an external key. Its label and its provider stay.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReplaceExternalKeyRequest {
    /// Access key ID, or token.
    pub key: TypedSecret,
    /// Secret access key; empty for providers without one.
    #[serde(default)]
    pub secret: TypedSecret,
    /// Empty for providers without regions.
    #[serde(default)]
    pub region: String,
    pub expiry: RequestedExpiry,
}

/// Result of a credential test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestReport {
    pub tested: TestResult,
    /// Explanation for the user.
    pub detail: String,
}

/// Trims a secret and validates it.
///
/// # Errors
/// `Invalid` if it is empty, longer than `max` characters, or contains anything but printable ASCII without spaces.
pub fn secret<'a>(field: &str, typed: &'a str, max: usize) -> Result<&'a str, Error> {
    let secret = typed.trim();
    if secret.is_empty() {
        return Err(Error::invalid(field, "Enter the key as your provider shows it."));
    }
    if secret.chars().count() > max {
        return Err(Error::invalid(field, format!("Too long (max {max} characters). Paste only the key.")));
    }
    // The secret is sent in an HTTP header.
    if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::invalid(field, "Paste only the key, without spaces or line breaks."));
    }
    Ok(secret)
}

/// Validates an AWS access key ID, or a token of another storage provider.
pub fn storage_key<'a>(field: &str, typed: &'a str, provider: StorageProvider) -> Result<&'a str, Error> {
    let key = secret(field, typed, STORAGE_SECRET_MAX)?;
    let is_aws_key_id = AWS_KEY_LENGTH.contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if provider == StorageProvider::Aws && !is_aws_key_id {
        return Err(Error::invalid(field, "Enter an access key ID: 16 or more capital letters and digits, e.g. AKIA…."));
    }
    Ok(key)
}

/// Validates a region name.
pub fn region<'a>(field: &str, typed: &'a str) -> Result<&'a str, Error> {
    let region = typed.trim();
    if region.is_empty() {
        return Err(Error::invalid(field, "Enter a region, e.g. us-east-1."));
    }
    let is_valid = region.len() <= REGION_MAX && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if is_valid { Ok(region) } else { Err(Error::invalid(field, "Use lowercase letters, digits and hyphens, e.g. us-east-1.")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_trimmed_and_printable() {
        assert_eq!(secret("key", " sk-a/b+c=\n", 20).unwrap(), "sk-a/b+c=");
        assert!(secret("key", &"a".repeat(20), 20).is_ok());
        for bad in ["", " \t\n", "a b", "a\nb", "a\0b", "a\u{a0}b", "schlüssel", &"a".repeat(21)] {
            let error = secret("key", bad, 20).unwrap_err();
            assert_eq!(error.field_error().unwrap().0, "key");
            assert!(bad.trim().is_empty() || bad == "a b" || !error.to_string().contains(bad), "{error}");
        }
    }

    #[test]
    fn only_an_access_key_id_is_accepted_for_aws() {
        assert!(storage_key("key", "AKIAIOSFODNN7EXAMPLE", StorageProvider::Aws).is_ok());
        assert!(storage_key("key", "akiaiosfodnn7example", StorageProvider::Dnanexus).is_ok());
        for bad in ["akiaiosfodnn7example", "AKIA", "AKIAIOSFODNN7EXAMPLE/", &"A".repeat(129)] {
            assert!(storage_key("key", bad, StorageProvider::Aws).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_region_is_a_valid_host_name_label() {
        assert_eq!(region("region", " eu-central-1 ").unwrap(), "eu-central-1");
        for bad in ["", "EU", "a.b", "a/b", "a@b", "a:b", "a b", &"a".repeat(33)] {
            assert!(region("region", bad).is_err(), "{bad}");
        }
    }
}
