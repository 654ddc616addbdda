//! Domain types shared by page and server. Contains no SQL and no browser code.

pub mod access;
pub mod account;
pub mod audit;
pub mod audit_action;
pub mod billing;
#[cfg(feature = "server-fn")]
pub mod codec;
pub mod corpus;
pub mod credential;
#[cfg(feature = "sqlx")]
mod database;
pub mod error;
pub mod id;
pub mod issued_key;
pub mod key;
pub mod key_kind;
pub mod key_template;
pub mod limits;
pub mod listing;
pub mod member;
pub mod money;
pub mod names;
pub mod net;
pub mod notification;
pub mod organization;
pub mod overview;
pub mod permission;
pub mod project;
pub mod provider;
#[cfg(not(target_arch = "wasm32"))]
pub mod rest;
pub mod secret;
pub mod secret_import;
pub mod time;
pub mod validate;
