//! One binary; the paths of its files mirror the addresses that they test.

mod admin;
mod api;
mod audit;
mod backup;
mod connection;
mod issued;
mod mail;
mod master_key;
mod matrix;
mod members;
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
