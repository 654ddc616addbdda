//! The command-line client for the REST API of a running server.

pub mod client;
pub mod completion;
pub mod error;
pub mod input;
pub mod keys;
pub mod models;
pub mod print;
pub mod receipts;
pub mod services;
pub mod table;
pub mod usage;
pub mod verify;

/// Help text about exit codes and secrets.
const AFTER_HELP: &str = "\
The API key comes from LATCHKEY_API_KEY or --api-key-file, never from an argument: other users of the machine can see those.

Exit codes:
  0  success; for verify: the key is VALID
  1  for verify: the key is not valid; for receipts: the signature is not valid
  2  invalid command line
  3  the server rejected the request (4xx)
  4  the server can't be reached or failed (5xx)";
