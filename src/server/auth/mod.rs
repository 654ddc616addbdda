//! Who calls: passwords, sessions, and how often one may try.

pub mod address;
pub mod agent;
pub mod password;
pub mod session;
pub mod throttle;
pub mod token;
