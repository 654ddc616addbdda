//! Errors of the command-line client.

/// An error as one sentence without secrets. The variant determines the exit code.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The key is not valid. The verdict is already printed.
    #[error("the key is not valid")]
    NotValid,
    /// Invalid command line or input.
    #[error("{0}")]
    Usage(String),
    /// The server rejected the request (4xx).
    #[error("{0}")]
    Refused(String),
    /// No response, an unusable one, or 5xx.
    #[error("{0}")]
    Away(String),
    /// The reader of standard output has closed the pipe.
    #[error("standard output is closed")]
    Unread,
}

impl Trouble {
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    pub const fn exit_code(&self) -> u8 {
        match self {
            // `| head` is no failure, as with other programs.
            Self::Unread => 0,
            Self::NotValid => 1,
            Self::Usage(_) => 2,
            Self::Refused(_) => 3,
            Self::Away(_) => 4,
        }
    }

    /// Whether the error is printed.
    pub const fn is_told(&self) -> bool {
        !matches!(self, Self::NotValid | Self::Unread)
    }
}
