//! Server functions: the typed calls from page to server. Each one identifies the actor and calls a rule, which authorizes.

pub mod access_requests;
pub mod account;
pub mod audit;
pub mod billing;
pub mod calls;
pub mod corpora;
pub mod credentials;
pub mod instances;
pub mod issued_keys;
pub mod key_templates;
pub mod keys;
pub mod members;
pub mod notifications;
pub mod organization;
pub mod overview;
pub mod profile;
pub mod project_resources;
pub mod projects;
pub mod providers;
#[cfg(feature = "ssr")]
mod request_context;
pub mod roles;
pub mod samples;
pub mod services;
