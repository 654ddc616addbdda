//! Toasts about changes that take access away.

use latchkey_types::receipt::WithReceipt;
use latchkey_ui::toast::ToastText;

/// A message about a change; with a receipt, also since when it is effective.
pub(crate) fn receipt_text<T>(message: impl Into<String>, changed: &WithReceipt<T>) -> ToastText {
    ToastText::new(message, changed.receipt.map(|receipt| receipt.sentence()))
}
