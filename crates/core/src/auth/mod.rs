//! Authentication of users: passwords, sessions, client addresses, and throttling of sign-ins.

pub mod password;
pub mod session;
pub mod throttle;
pub mod user_agent;
