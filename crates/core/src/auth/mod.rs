//! Authentication of users: passwords, sessions, known devices, and throttling of sign-ins.

pub mod device_cookie;
pub mod password;
pub mod session;
pub mod throttle;
pub mod user_agent;
