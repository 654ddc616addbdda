//! Secrets on their way between page and server. None of them prints.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A secret on its way to the one who may see it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevealedSecret(String);

impl RevealedSecret {
    /// Takes a secret that is meant to be shown.
    pub const fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The secret itself, to show or to copy.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// A secret that somebody typed, on its way to where it is kept.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TypedSecret(String);

impl TypedSecret {
    /// Takes what was typed.
    pub const fn new(typed: String) -> Self {
        Self(typed)
    }

    /// What was typed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

macro_rules! prints_nothing {
    ($($secret:ident),*) => {$(
        impl fmt::Debug for $secret {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($secret), "(…)"))
            }
        }

        impl Drop for $secret {
            fn drop(&mut self) {
                #[cfg(feature = "ssr")]
                zeroize::Zeroize::zeroize(&mut self.0);
            }
        }
    )*};
}

prints_nothing!(RevealedSecret, TypedSecret);
