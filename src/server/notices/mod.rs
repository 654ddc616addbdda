//! The rules for notices: who is told what.

use super::store::{self, Tx, notices::NewNotice};
use crate::model::{fault::Fault, id::UserId};

/// Tells people, in the transaction that they are told of.
///
/// # Errors
/// `Unavailable`.
pub async fn tell(tx: &mut Tx, people: &[UserId], notice: &NewNotice) -> Result<(), Fault> {
    for person in people {
        store::notices::insert(tx, *person, notice).await?;
    }
    Ok(())
}
