//! Cryptography: what a secret looks like, how it is digested, sealed and signed. No database in here.

pub mod aead;
pub mod key_format;
pub mod master_key;
pub mod project_token;
pub mod random;
pub mod random_token;
pub mod receipt_token;
pub mod signing_key;
