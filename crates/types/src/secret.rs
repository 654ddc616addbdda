//! Secrets sent between page and server. Their `Debug` output is redacted, and the server zeroizes them on drop.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A secret sent to a user who is allowed to see it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevealedSecret(String);

impl RevealedSecret {
    pub const fn new(secret: String) -> Self {
        Self(secret)
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// A secret that a user entered.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TypedSecret(String);

impl TypedSecret {
    pub const fn new(typed: String) -> Self {
        Self(typed)
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

macro_rules! redact {
    ($($secret:ident),*) => {$(
        impl fmt::Debug for $secret {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($secret), "(…)"))
            }
        }

        impl Drop for $secret {
            fn drop(&mut self) {
                #[cfg(not(target_arch = "wasm32"))]
                zeroize::Zeroize::zeroize(&mut self.0);
            }
        }
    )*};
}

redact!(RevealedSecret, TypedSecret);
