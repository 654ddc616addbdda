//! `/api`.

mod v1 {
    mod bad_input;
    mod budgets;
    mod corpora;
    mod credentials;
    mod documents;
    mod etag;
    mod forward_auth;
    mod idempotency;
    mod import;
    mod keys;
    mod kinds;
    mod limits;
    mod listing;
    mod malformed;
    mod models;
    mod openapi;
    mod project_keys;
    mod providers;
    mod public_keys;
    mod receipts;
    mod schemathesis;
    mod verify;
    mod whoami;
}
