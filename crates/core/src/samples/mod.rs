//! Samples of projects: files that are imported from a disk or from a storage provider, and stored unchanged.

pub mod imports;
mod list;
pub mod source;
pub mod store;
#[cfg(test)]
mod tests;
pub mod worker;

pub use list::{SampleContent, content, delete, get, list};

/// The error if too little of the disk is free. The rest is reserved, so that revocations can be stored.
const FULL_DISK: &str = "Less than 5 % of the server's disk is free. Contact its operator.";
