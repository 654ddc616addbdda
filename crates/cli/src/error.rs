//! Errors of the command-line client.

/// An error as one sentence without secrets. The variant determines the exit code.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The key, or the signature of a receipt, is not valid. That is already printed.
    #[error("not valid")]
    NotValid,
    /// Invalid command line or input.
    #[error("{0}")]
    Usage(String),
    /// The server rejected the request (4xx).
    #[error("{0}")]
    Rejected(String),
    /// No response, an unusable one, or 5xx.
    #[error("{0}")]
    Unavailable(String),
    /// The reader of standard output has closed the pipe.
    #[error("standard output is closed")]
    BrokenPipe,
}

impl CliError {
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    pub const fn exit_code(&self) -> u8 {
        match self {
            // `| head` is no failure, as with other programs.
            Self::BrokenPipe => 0,
            Self::NotValid => 1,
            Self::Usage(_) => 2,
            Self::Rejected(_) => 3,
            Self::Unavailable(_) => 4,
        }
    }

    /// Whether the error is printed.
    pub const fn is_printed(&self) -> bool {
        !matches!(self, Self::NotValid | Self::BrokenPipe)
    }
}
