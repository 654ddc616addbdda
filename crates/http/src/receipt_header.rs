//! `X-Latchkey-Receipt`: the response header that names the receipts of what a request has revoked.

use axum::http::{HeaderName, HeaderValue};
use latchkey_types::receipt::{RECEIPT_HEADER, ReceiptSummary};

pub const RECEIPT: HeaderName = HeaderName::from_static(RECEIPT_HEADER);

/// The value of the header; `None` without receipts.
pub fn value_of(receipts: &[ReceiptSummary]) -> Option<HeaderValue> {
    let ids: Vec<String> = receipts.iter().map(|receipt| receipt.id.to_string()).collect();
    HeaderValue::try_from(ids.join(", ")).ok().filter(|value| !value.is_empty())
}
