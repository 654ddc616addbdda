//! The server: the rules, the store under them and the two ways in, the page's calls and the public API.

pub mod accounts;
pub mod actor;
pub mod admin;
pub mod assets;
pub mod audit;
pub mod auth;
pub mod config;
pub mod data;
pub mod keyring;
pub mod keys;
pub mod listing;
pub mod pages;
pub mod random;
pub mod rest;
pub mod router;
pub mod security;
pub mod serve;
pub mod state;
pub mod store;
pub mod telemetry;
pub mod token;
pub mod verify;
