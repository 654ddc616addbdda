//! Why something was refused, in words that may be shown. Inner errors never travel: the server logs them.

use serde::{Deserialize, Serialize};
use server_fn::error::{FromServerFnError, ServerFnErrorErr};

use super::{permission::Permission, wire::JsonText};

/// A refusal, as the page and the API tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(from = "Told", into = "Told")]
pub enum Fault {
    /// A value that can't be taken; `field` is its name in the call.
    #[error("{message}")]
    Invalid {
        /// The value's name in the call.
        field: String,
        /// What is wrong, as a sentence.
        message: String,
    },
    /// A value that somebody else has already.
    #[error("{message}")]
    Conflict {
        /// The value's name in the call.
        field: String,
        /// What is wrong, as a sentence.
        message: String,
    },
    /// E-mail and password do not fit together; which of them is not said.
    #[error("Email or password is wrong.")]
    WrongCredentials,
    /// Nobody is signed in, or no longer.
    #[error("You are signed out. Sign in again.")]
    SignedOut,
    /// Signed in, but not allowed to.
    #[error("Your role does not allow this: it needs “{permission}”.")]
    Forbidden {
        /// The label of the permission that is missing.
        permission: String,
    },
    /// A key may not give another key more than it has itself.
    #[error("This key lacks the scope “{scope}”, so it can't give it to another.")]
    ScopeNotHeld {
        /// The scope.
        scope: String,
    },
    /// Not there, or not the caller's to know of.
    #[error("Not found. It may have been deleted.")]
    NotFound,
    /// What was to be changed is no longer what was seen of it.
    #[error("This was changed meanwhile. Read it again.")]
    Outdated,
    /// A list that was opened too long ago; open it again.
    #[error("This list was opened a while ago. Load it again.")]
    ListingGone,
    /// Too many tries.
    #[error("Too many tries. Wait {seconds} seconds and try again.")]
    Throttled {
        /// When to come back, in seconds.
        seconds: u64,
    },
    /// The call did not come from this site's own page.
    #[error("This request did not come from Latchkey's own page.")]
    ForeignOrigin,
    /// The call can't be read.
    #[error("The request could not be read.")]
    Malformed,
    /// The database does not answer.
    #[error("Latchkey can't reach its database right now. Nothing was changed. Try again.")]
    Unavailable,
    /// Our fault.
    #[error("Something went wrong on our side. Nothing was changed.")]
    Internal,
    /// The browser can't reach the server.
    #[error("Latchkey can't be reached. Check the connection and try again.")]
    Offline,
}

impl Fault {
    /// A value that can't be taken.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid { field: field.to_owned(), message: message.into() }
    }

    /// A value that is taken already.
    pub fn conflict(field: &str, message: impl Into<String>) -> Self {
        Self::Conflict { field: field.to_owned(), message: message.into() }
    }

    /// A permission that is missing.
    pub fn forbidden(permission: Permission) -> Self {
        Self::Forbidden { permission: permission.label().to_owned() }
    }

    /// Says that the value is one of a list's: `keys[2].name`.
    #[must_use]
    pub fn inside(self, list: &str, at: usize) -> Self {
        let within = |field: String| format!("{list}[{at}].{field}");
        match self {
            Self::Invalid { field, message } => Self::Invalid { field: within(field), message },
            Self::Conflict { field, message } => Self::Conflict { field: within(field), message },
            other => other,
        }
    }

    /// Says of a list's only value what [`Self::inside`] said of one among many.
    #[must_use]
    pub fn outside(self) -> Self {
        let bare = |field: String| field.rsplit_once('.').map_or(field.clone(), |(_, name)| name.to_owned());
        match self {
            Self::Invalid { field, message } => Self::Invalid { field: bare(field), message },
            Self::Conflict { field, message } => Self::Conflict { field: bare(field), message },
            other => other,
        }
    }

    /// The field that is meant and what is wrong with it, where it is about one.
    pub fn about_field(&self) -> Option<(&str, &str)> {
        match self {
            Self::Invalid { field, message } | Self::Conflict { field, message } => Some((field, message)),
            _ => None,
        }
    }

    /// The stable word for it, in the page's calls and in the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid",
            Self::Conflict { .. } => "conflict",
            Self::WrongCredentials => "wrong_credentials",
            Self::SignedOut => "signed_out",
            Self::Forbidden { .. } => "forbidden",
            Self::ScopeNotHeld { .. } => "insufficient_scope",
            Self::NotFound => "not_found",
            Self::Outdated => "precondition_failed",
            Self::ListingGone => "cursor_expired",
            Self::Throttled { .. } => "throttled",
            Self::ForeignOrigin => "foreign_origin",
            Self::Malformed => "malformed",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
            Self::Offline => "offline",
        }
    }

    /// The HTTP status that says the same.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Invalid { .. } => 422,
            Self::Conflict { .. } => 409,
            Self::WrongCredentials | Self::SignedOut => 401,
            Self::Forbidden { .. } | Self::ScopeNotHeld { .. } | Self::ForeignOrigin => 403,
            Self::NotFound => 404,
            Self::ListingGone => 410,
            Self::Outdated => 412,
            Self::Throttled { .. } => 429,
            Self::Malformed => 400,
            Self::Unavailable => 503,
            Self::Internal | Self::Offline => 500,
        }
    }
}

/// A fault as it travels. Flat, and not serde's tagged form of the enum: the code that reads that would be a tenth of the page.
#[derive(Serialize, Deserialize)]
struct Told {
    code: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    field: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seconds: Option<u64>,
}

impl From<Fault> for Told {
    fn from(fault: Fault) -> Self {
        let code = fault.code().to_owned();
        let (field, message, seconds) = match fault {
            Fault::Invalid { field, message } | Fault::Conflict { field, message } => (field, message, None),
            Fault::Forbidden { permission: message } | Fault::ScopeNotHeld { scope: message } => (String::new(), message, None),
            Fault::Throttled { seconds } => (String::new(), String::new(), Some(seconds)),
            _ => Default::default(),
        };
        Self { code, field, message, seconds }
    }
}

impl From<Told> for Fault {
    fn from(Told { code, field, message, seconds }: Told) -> Self {
        const PLAIN: &[Fault] = &[
            Fault::WrongCredentials,
            Fault::SignedOut,
            Fault::NotFound,
            Fault::Outdated,
            Fault::ListingGone,
            Fault::ForeignOrigin,
            Fault::Malformed,
            Fault::Unavailable,
            Fault::Offline,
        ];
        match code.as_str() {
            "invalid" => Self::Invalid { field, message },
            "conflict" => Self::Conflict { field, message },
            "forbidden" => Self::Forbidden { permission: message },
            "insufficient_scope" => Self::ScopeNotHeld { scope: message },
            "throttled" => Self::Throttled { seconds: seconds.unwrap_or_default() },
            code => PLAIN.iter().find(|fault| fault.code() == code).cloned().unwrap_or(Self::Internal),
        }
    }
}

/// What goes wrong on the way between page and server.
impl FromServerFnError for Fault {
    type Encoder = JsonText;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) => Self::Offline,
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) | ServerFnErrorErr::Deserialization(_) => Self::Malformed,
            _ => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_arrives_as_it_was_sent() {
        let (field, message) = ("name".to_owned(), "Enter a name.".to_owned());
        for fault in [
            Fault::Invalid { field: field.clone(), message: message.clone() },
            Fault::Conflict { field, message },
            Fault::WrongCredentials,
            Fault::SignedOut,
            Fault::forbidden(Permission::ViewKeys),
            Fault::ScopeNotHeld { scope: "verify".to_owned() },
            Fault::NotFound,
            Fault::Outdated,
            Fault::ListingGone,
            Fault::Throttled { seconds: 7 },
            Fault::ForeignOrigin,
            Fault::Malformed,
            Fault::Unavailable,
            Fault::Internal,
            Fault::Offline,
        ] {
            let sent = serde_json::to_string(&fault).unwrap();
            assert_eq!(serde_json::from_str::<Fault>(&sent).unwrap(), fault, "{sent}");
        }
    }
}
