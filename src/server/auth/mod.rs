//! Authentication of users: passwords, sessions, client addresses, and throttling of sign-ins.

pub mod address;
pub mod agent;
pub mod password;
pub mod session;
pub mod throttle;
pub mod token;
