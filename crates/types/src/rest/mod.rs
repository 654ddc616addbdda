//! Requests and responses of the REST API, as the server and its clients use them.
//!
//! The server rejects unknown fields of requests. Clients ignore unknown fields of responses, so that they work with a newer server.

pub mod corpora;
pub mod credentials;
pub mod keys;
pub mod models;
pub mod page;
pub mod projects;
#[cfg(feature = "openapi")]
mod provider_schema;
pub mod providers;
pub mod receipts;
pub mod samples;
#[cfg(feature = "openapi")]
mod schema;
#[cfg(feature = "openapi")]
mod service_schema;
pub mod services;
pub mod usage;
pub mod values;
pub mod verify;
pub mod whoami;

use serde::{Deserialize, Deserializer};

/// Distinguishes a null field from a missing one.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Whether a field has its default value, so that a request can omit it.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
