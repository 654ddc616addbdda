//! Why a command of the client could not do what it was asked.

/// What went wrong, in one sentence; the kind decides the exit code. Never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The key was judged, and is not valid. Everything that is to be said is said.
    #[error("the key is not valid")]
    NotValid,
    /// What was asked for can't be asked.
    #[error("{0}")]
    Usage(String),
    /// The server refused.
    #[error("{0}")]
    Refused(String),
    /// There was no answer, or none that can be used.
    #[error("{0}")]
    Away(String),
    /// Whoever read what is printed has gone.
    #[error("nobody reads what is printed")]
    Unread,
}

impl Trouble {
    /// A command line that can't be used.
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self::Usage(sentence.into())
    }

    /// The exit code that scripts go by.
    pub const fn exit_code(&self) -> u8 {
        match self {
            // As with other programs: `| head` is no failure.
            Self::Unread => 0,
            Self::NotValid => 1,
            Self::Usage(_) => 2,
            Self::Refused(_) => 3,
            Self::Away(_) => 4,
        }
    }

    /// Whether there is a sentence to say.
    pub const fn is_told(&self) -> bool {
        !matches!(self, Self::NotValid | Self::Unread)
    }
}
