//! One binary; the paths of its files mirror the addresses that they test.

mod admin;
mod api;
mod audit;
mod backup;
mod cli;
mod connection;
mod issued;
mod logs;
mod mail;
mod master_key;
mod matrix;
mod members;
mod metrics;
mod notices;
mod page;
mod profile;
mod projects;
mod providers;
mod requests;
mod roles;
mod serve;
mod support;
mod templates;
mod usage;
