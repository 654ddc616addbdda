//! Domain types shared by page and server. Contains no SQL and no browser code.

pub mod account;
pub mod audit;
pub mod billing;
pub mod corpus;
pub mod credential;
pub mod fault;
pub mod id;
pub mod import;
pub mod issued;
pub mod key;
pub mod limits;
pub mod listing;
pub mod money;
pub mod notice;
pub mod organization;
pub mod people;
pub mod permission;
pub mod policy;
pub mod project;
pub mod provider;
pub mod secret;
pub mod template;
pub mod text;
pub mod time;
pub mod wire;
