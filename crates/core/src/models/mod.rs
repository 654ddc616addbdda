//! Language models as the gateway calls them.

mod cache;
mod catalog;
mod echo;
mod failure;
pub(crate) mod price_table;
mod read;
#[cfg(test)]
mod tests;

pub use cache::CatalogCache;
pub use catalog::{Catalog, Route, Target};
pub use echo::record_echo;
pub(crate) use failure::remember_failure;
pub use failure::{CallFailure, has_failed, record_failure, record_success};
