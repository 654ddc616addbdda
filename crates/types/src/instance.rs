//! Running processes of Latchkey.

use serde::{Deserialize, Serialize};

use super::{id::InstanceId, time::Timestamp};

/// An instance that shares the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceRow {
    pub id: InstanceId,
    pub name: String,
    /// Of its program.
    pub version: String,
    pub started_at: Timestamp,
    pub lease: LeaseState,
    /// From the oldest change of its last read to the application of the changes; `None` without a lease.
    pub lag_ms: Option<i64>,
    /// Whether it is the one that responds.
    pub is_own: bool,
}

/// Whether an instance may accept keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeaseState {
    Held,
    Ended {
        at: Timestamp,
    },
    /// It is the only instance: the database is SQLite.
    NotNeeded,
}
