//! Integration tests in one binary. The files are laid out like the URLs that they test.
#![allow(unreachable_pub, reason = "modules of one test binary share their helpers")]

mod access_requests;
mod admin;
mod api;
mod audit;
mod backup;
mod changes;
mod cli;
mod connections;
mod corpora;
mod credential_check;
mod getting_started;
mod in_flight;
mod issued_keys;
mod key_templates;
mod logs;
mod mail;
mod master_key;
mod matrix;
mod members;
mod metrics;
mod notifications;
mod overview;
mod pages;
mod profile;
mod projects;
mod providers;
mod query_plans;
mod roles;
mod samples;
mod serve;
mod services;
mod sign_in;
mod support;
mod usage;
mod v2;
