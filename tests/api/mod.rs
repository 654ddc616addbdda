//! `/api`.

mod v1 {
    mod corpora;
    mod import;
    mod keys;
    mod kinds;
    mod listing;
    mod verify;
}
