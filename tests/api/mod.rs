//! `/api`.

mod v1 {
    mod corpora;
    mod credentials;
    mod import;
    mod keys;
    mod kinds;
    mod limits;
    mod listing;
    mod malformed;
    mod project_keys;
    mod verify;
}
