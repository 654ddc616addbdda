//! One binary; the paths of its files mirror the addresses that they test.

mod admin;
mod api;
mod matrix;
mod page;
mod roles;
mod serve;
mod support;
