//! Language models as the gateway calls them.

mod cache;
mod catalog;
mod failure;
pub(crate) mod price_table;
mod read;
#[cfg(test)]
mod tests;

pub use cache::CatalogCache;
pub use catalog::{Catalog, Route, Target};
pub use failure::{CallFailure, record_failure, record_success};
