//! The caller of a page or server function.

use latchkey_core::auth::session::{Device, Session};

/// The session and device of a page request, for the server functions.
#[derive(Clone)]
pub struct PageSession {
    pub session: Option<Session>,
    /// The session when the request began, if it was looked up again after a body that arrived late.
    pub earlier: Option<Session>,
    /// Client address and user agent.
    pub device: Device,
}
