//! The typed calls between page and server. Each one authorises, calls the rule and answers.
#![expect(missing_docs, reason = "`#[server]` makes a struct of each function's arguments and documents none of its fields")]

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
