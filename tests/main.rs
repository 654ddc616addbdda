//! One binary; the paths of its files mirror the addresses that they test.

mod admin;
mod api;
mod connection;
mod master_key;
mod page;
mod providers;
mod serve;
mod support;
mod usage;
