//! `/api`.

mod v1 {
    mod keys;
    mod listing;
    mod verify;
}
