//! The command-line client: what people and scripts do over the REST API of a running server.

pub mod client;
pub mod completion;
pub mod input;
pub mod keys;
pub mod print;
pub mod table;
pub mod trouble;
pub mod verify;

/// What `--help` says about exit codes and secrets.
const AFTER_HELP: &str = "\
The API key comes from LATCHKEY_API_KEY or --api-key-file, never from an argument: everybody on the machine sees those.

Exit codes:
  0  done; of verify: the key is VALID
  1  of verify alone: the key was judged and is not valid
  2  the command line can't be used
  3  the server refused (4xx)
  4  the server or the network can't be reached, or failed (5xx)";
