//! Samples of projects: files that are imported from a disk or from a storage provider, and stored as they are.

pub mod imports;
mod list;
pub mod source;
pub mod store;
#[cfg(test)]
mod tests;
pub mod worker;

pub use list::{SampleContent, content, delete, get, list};

/// Why nothing more is stored.
const FULL_DISK: &str = "Less than 5 % of the disk is free.";
