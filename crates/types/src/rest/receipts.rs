//! `/api/v1/receipts`.

use serde::{Deserialize, Serialize};

use super::values::Rfc3339;
use crate::{
    id::{InstanceId, ReceiptId},
    receipt::ReceiptSummary,
};

/// The proof of when a revocation became effective on which instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Receipt {
    pub id: ReceiptId,
    pub change: ReceiptChange,
    pub committed_at: Rfc3339,
    /// Since when every instance has enforced the change.
    pub effective_at: Rfc3339,
    /// Milliseconds from the commit until the change was effective, measured with a clock that is never set.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub took_ms: i64,
    /// The instances that accepted keys when the change was committed.
    pub instances: Vec<ReceiptInstance>,
    /// The same, signed: a JWS in compact form, which the public keys at `/.well-known/latchkey-receipts.json` verify.
    pub jws: String,
}

impl Receipt {
    pub fn summary(&self) -> ReceiptSummary {
        ReceiptSummary::new(self.id, &self.instances, self.took_ms)
    }
}

impl ReceiptSummary {
    pub fn new(id: ReceiptId, instances: &[ReceiptInstance], took_ms: i64) -> Self {
        let count = |has_confirmed: bool| {
            let count = instances.iter().filter(|instance| instance.confirmed_at.is_some() == has_confirmed).count();
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        Self { id, instances: count(true), ended: count(false), ms: took_ms }
    }
}

/// A change that took access away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReceiptChange {
    /// As in the audit log.
    #[cfg_attr(feature = "openapi", schema(example = "key.deleted"))]
    pub action: String,
    pub objects: Vec<ReceiptObject>,
}

/// An object that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReceiptObject {
    #[cfg_attr(feature = "openapi", schema(example = "key"))]
    pub kind: String,
    #[cfg_attr(feature = "openapi", schema(example = "key_01a1f0b75c8d7f3aa6c1d0e5b4938271"))]
    pub id: String,
}

/// An instance, and since when it has not accepted what was revoked. It has one of the two times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReceiptInstance {
    pub id: InstanceId,
    pub name: String,
    /// When it had applied the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub confirmed_at: Option<Rfc3339>,
    /// When its lease had ended: from then on it accepts no key until it has read all changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub lease_ended_at: Option<Rfc3339>,
}
