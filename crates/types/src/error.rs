//! The application error. Its messages are safe to show to users; internal causes are only logged on the server.

use serde::{Deserialize, Serialize};
#[cfg(feature = "server-fn")]
use server_fn::error::{FromServerFnError, ServerFnErrorErr};

#[cfg(feature = "server-fn")]
use super::codec::JsonText;
use super::permission::Permission;

/// Why a request failed, for the page and the REST API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(from = "ErrorBody", into = "ErrorBody")]
pub enum Error {
    /// A field has an invalid value.
    #[error("{message}")]
    Invalid {
        /// Name of the field in the request.
        field: String,
        /// What is wrong and what to do, as a sentence.
        message: String,
    },
    /// A field conflicts with existing data, such as a name that is already in use.
    #[error("{message}")]
    Conflict {
        /// Name of the field in the request.
        field: String,
        /// What is wrong and what to do, as a sentence.
        message: String,
    },
    /// Deliberately does not say whether the email address or the password is wrong.
    #[error("Incorrect email or password.")]
    WrongCredentials,
    /// There is no session, or it has ended.
    #[error("You are signed out. Sign in again.")]
    SignedOut,
    /// The API key of the request was revoked, or has expired, since the request began.
    #[error("This API key is no longer valid. Nothing was changed.")]
    InvalidApiKey,
    /// The user's role lacks a permission.
    #[error("You need the permission “{permission}”.")]
    Forbidden {
        /// Label of the missing permission.
        permission: String,
    },
    /// A key cannot grant a scope that it does not have.
    #[error("This key lacks the scope “{scope}” and can't grant it.")]
    ScopeNotHeld { scope: String },
    /// The object does not exist, or the caller must not learn that it exists.
    #[error("Not found. It may have been deleted.")]
    NotFound,
    /// The object was changed since the caller read it.
    #[error("Someone else changed this. Reload and try again.")]
    Outdated,
    /// The cursor of a list has expired.
    #[error("This list is out of date. Reload it.")]
    ListingGone,
    #[error("Too many attempts. Try again in {seconds} seconds.")]
    Throttled {
        /// Time until the next attempt is allowed, in seconds.
        seconds: u64,
    },
    /// The request comes from another origin.
    #[error("This request did not come from the Latchkey page.")]
    ForeignOrigin,
    /// The request cannot be parsed.
    #[error("The request could not be parsed.")]
    Malformed,
    /// The database is not reachable.
    #[error("Latchkey can't reach its database right now. Nothing was changed. Try again.")]
    Unavailable,
    /// The database did not confirm the commit of a change.
    #[error("It is not certain whether the change was made. Check before you repeat it.")]
    Uncertain,
    /// An internal error; its cause is in the log.
    #[error("Something went wrong on the server. Nothing was changed.")]
    Internal,
    #[error("Latchkey can't be reached. Check the connection and try again.")]
    Offline,
    /// The response is not one of this version of Latchkey.
    #[error("Something between you and Latchkey answered instead, such as a proxy, a VPN or a sign-in page. Reload the page.")]
    ForeignResponse,
}

impl Error {
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid { field: field.to_owned(), message: message.into() }
    }

    pub fn conflict(field: &str, message: impl Into<String>) -> Self {
        Self::Conflict { field: field.to_owned(), message: message.into() }
    }

    pub fn forbidden(permission: Permission) -> Self {
        Self::Forbidden { permission: permission.label().to_owned() }
    }

    /// Prefixes the field with its list and index: `keys[2].name`.
    #[must_use]
    pub fn with_index(self, list: &str, index: usize) -> Self {
        let prefixed = |field: String| format!("{list}[{index}].{field}");
        match self {
            Self::Invalid { field, message } => Self::Invalid { field: prefixed(field), message },
            Self::Conflict { field, message } => Self::Conflict { field: prefixed(field), message },
            other => other,
        }
    }

    /// Removes the prefix that [`Self::with_index`] added, for a request with a single item.
    #[must_use]
    pub fn without_index(self) -> Self {
        let bare = |field: String| field.rsplit_once('.').map_or(field.clone(), |(_, name)| name.to_owned());
        match self {
            Self::Invalid { field, message } => Self::Invalid { field: bare(field), message },
            Self::Conflict { field, message } => Self::Conflict { field: bare(field), message },
            other => other,
        }
    }

    /// Name of the field and message, for an error about a field.
    pub fn field_error(&self) -> Option<(&str, &str)> {
        match self {
            Self::Invalid { field, message } | Self::Conflict { field, message } => Some((field, message)),
            _ => None,
        }
    }

    /// Stable error code, for the page and the REST API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid",
            Self::Conflict { .. } => "conflict",
            Self::WrongCredentials => "wrong_credentials",
            Self::SignedOut => "signed_out",
            Self::InvalidApiKey => "invalid_api_key",
            Self::Forbidden { .. } => "forbidden",
            Self::ScopeNotHeld { .. } => "insufficient_scope",
            Self::NotFound => "not_found",
            Self::Outdated => "precondition_failed",
            Self::ListingGone => "cursor_expired",
            Self::Throttled { .. } => "throttled",
            Self::ForeignOrigin => "foreign_origin",
            Self::Malformed => "malformed",
            Self::Unavailable => "unavailable",
            Self::Uncertain => "uncertain",
            Self::Internal => "internal",
            Self::Offline => "offline",
            Self::ForeignResponse => "foreign_response",
        }
    }

    pub const fn status(&self) -> u16 {
        match self {
            Self::Invalid { .. } => 422,
            Self::Conflict { .. } => 409,
            Self::WrongCredentials | Self::SignedOut | Self::InvalidApiKey => 401,
            Self::Forbidden { .. } | Self::ScopeNotHeld { .. } | Self::ForeignOrigin => 403,
            Self::NotFound => 404,
            Self::ListingGone => 410,
            Self::Outdated => 412,
            Self::Throttled { .. } => 429,
            Self::Malformed => 400,
            Self::Unavailable | Self::Uncertain => 503,
            Self::Internal | Self::Offline | Self::ForeignResponse => 500,
        }
    }
}

/// JSON form of the error. Flat instead of serde's tagged enum, whose deserializer would be a tenth of the WebAssembly binary.
#[derive(Serialize, Deserialize)]
struct ErrorBody {
    code: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    field: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seconds: Option<u64>,
}

impl From<Error> for ErrorBody {
    fn from(error: Error) -> Self {
        let code = error.code().to_owned();
        let (field, message, seconds) = match error {
            Error::Invalid { field, message } | Error::Conflict { field, message } => (field, message, None),
            Error::Forbidden { permission: message } | Error::ScopeNotHeld { scope: message } => (String::new(), message, None),
            Error::Throttled { seconds } => (String::new(), String::new(), Some(seconds)),
            _ => Default::default(),
        };
        Self { code, field, message, seconds }
    }
}

impl From<ErrorBody> for Error {
    fn from(ErrorBody { code, field, message, seconds }: ErrorBody) -> Self {
        const PLAIN: &[Error] = &[
            Error::WrongCredentials,
            Error::SignedOut,
            Error::InvalidApiKey,
            Error::NotFound,
            Error::Outdated,
            Error::ListingGone,
            Error::ForeignOrigin,
            Error::Malformed,
            Error::Unavailable,
            Error::Uncertain,
            Error::Offline,
            Error::ForeignResponse,
        ];
        match code.as_str() {
            "invalid" => Self::Invalid { field, message },
            "conflict" => Self::Conflict { field, message },
            "forbidden" => Self::Forbidden { permission: message },
            "insufficient_scope" => Self::ScopeNotHeld { scope: message },
            "throttled" => Self::Throttled { seconds: seconds.unwrap_or_default() },
            code => PLAIN.iter().find(|error| error.code() == code).cloned().unwrap_or(Self::Internal),
        }
    }
}

/// Maps transport errors of server functions.
#[cfg(feature = "server-fn")]
impl FromServerFnError for Error {
    type Encoder = JsonText;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) => Self::Offline,
            // The server deserializes requests, the browser responses.
            ServerFnErrorErr::Deserialization(_) if cfg!(target_arch = "wasm32") => Self::ForeignResponse,
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) | ServerFnErrorErr::Deserialization(_) => Self::Malformed,
            _ => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_round_trips() {
        let (field, message) = ("name".to_owned(), "Enter a name.".to_owned());
        for error in [
            Error::Invalid { field: field.clone(), message: message.clone() },
            Error::Conflict { field, message },
            Error::WrongCredentials,
            Error::SignedOut,
            Error::InvalidApiKey,
            Error::forbidden(Permission::ViewKeys),
            Error::ScopeNotHeld { scope: "verify".to_owned() },
            Error::NotFound,
            Error::Outdated,
            Error::ListingGone,
            Error::Throttled { seconds: 7 },
            Error::ForeignOrigin,
            Error::Malformed,
            Error::Unavailable,
            Error::Uncertain,
            Error::Internal,
            Error::Offline,
            Error::ForeignResponse,
        ] {
            let sent = serde_json::to_string(&error).unwrap();
            assert_eq!(serde_json::from_str::<Error>(&sent).unwrap(), error, "{sent}");
        }
    }
}
