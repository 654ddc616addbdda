//! The program: configuration, serving, sessions and server-side rendering, admin commands.

pub mod admin;
mod assets;
mod background_tasks;
mod compression;
pub mod config;
mod connection;
pub mod data_dir;
mod docs;
mod events;
mod log_buffer;
mod migrate_to;
mod page_auth;
mod playground;
pub mod router;
mod samples;
mod security_headers;
pub mod serve;
pub mod telemetry;
