//! `/api`.

mod v1 {
    mod corpora;
    mod credentials;
    mod import;
    mod keys;
    mod kinds;
    mod listing;
    mod project_keys;
    mod verify;
}
