//! Server functions: the typed calls from page to server. Each one identifies the actor and calls a rule, which authorizes.
#![expect(missing_docs, reason = "`#[server]` generates a struct for the arguments of each function, with undocumented fields")]

pub mod account;
pub mod audit;
pub mod belongings;
pub mod billing;
#[cfg(feature = "ssr")]
mod context;
pub mod corpora;
pub mod credentials;
pub mod issued;
pub mod keys;
pub mod members;
pub mod notices;
pub mod organization;
pub mod profile;
pub mod projects;
pub mod providers;
pub mod requests;
pub mod roles;
pub mod templates;
