//! Why a source could not be listed, or a file could not be read.

use crate::http_client::HttpError;
use latchkey_types::{error::Error, sample::SampleSource};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourceError {
    /// The bucket or project does not exist, or the key has no access to it.
    NoContainer,
    /// The bucket is in this region, if the response names it.
    OtherRegion(Option<String>),
    KeyRejected,
    /// Signatures are rejected because this server's clock is wrong.
    ClockWrong,
    Http(HttpError),
    /// An unexpected status.
    Status(u16),
    /// The file is not the one that was listed.
    Changed,
    Missing,
    /// The key has no access to the file.
    NoAccess,
    /// The file is in a storage class that must be restored before reading.
    Archived,
    /// The file is still being written.
    NotReady,
    /// The object key cannot be the path of a URL.
    UnusableName,
}

impl From<HttpError> for SourceError {
    fn from(error: HttpError) -> Self {
        Self::Http(error)
    }
}

impl SourceError {
    /// Whether a repeated request can succeed.
    pub(crate) const fn is_temporary(&self) -> bool {
        match self {
            Self::Http(error) => matches!(error, HttpError::Unreachable | HttpError::Timeout | HttpError::InvalidResponse),
            Self::Status(status) => *status == 429 || *status >= 500,
            _ => false,
        }
    }

    /// Whether all other files of the job would fail too.
    pub(crate) const fn concerns_all_files(&self) -> bool {
        match self {
            Self::NoContainer | Self::OtherRegion(_) | Self::KeyRejected | Self::ClockWrong => true,
            Self::Http(error) => matches!(error, HttpError::Unreachable | HttpError::BlockedAddress | HttpError::Unencrypted),
            _ => false,
        }
    }

    /// A sentence for the user.
    pub(crate) fn sentence(&self, source: SampleSource) -> String {
        let label = source.label();
        match self {
            Self::NoContainer => format!("There is no {} of this name, or the key has no access to it.", container(source)),
            Self::OtherRegion(region) => {
                let region = region.as_ref().map(|region| format!(" ({region})")).unwrap_or_default();
                format!("The bucket is in another region{region}. Replace your external key with one for that region.")
            }
            Self::KeyRejected => format!("{label} rejects the external key. Replace it."),
            Self::ClockWrong => format!("This server's clock is wrong, so {label} rejects its signatures. Set the clock and try again."),
            Self::Http(error) => format!("{label} {error}"),
            Self::Status(status) => format!("{label} responded with status {status}. Try again later."),
            Self::Changed => "The file changed during the import. Start a new import.".to_owned(),
            Self::Missing => "The file no longer exists at the source.".to_owned(),
            Self::NoAccess => "The key has no access to the file.".to_owned(),
            Self::Archived => format!("The file is archived. Restore it at {label} first."),
            Self::NotReady => "The file is still being written at the source. Retry when it is closed.".to_owned(),
            Self::UnusableName => "The file's name has “.” or “..” as a part, so it can't be requested. Rename it at the source.".to_owned(),
        }
    }

    /// The error of a listing, at the field that caused it.
    pub(super) fn into_listing_error(self, source: SampleSource) -> Error {
        // Errors about a file concern the container here, because no file was requested.
        let error = if matches!(self, Self::Missing | Self::NoAccess) { Self::NoContainer } else { self };
        let field = if matches!(error, Self::NoContainer | Self::OtherRegion(_)) { "query.container" } else { "query.source" };
        Error::invalid(field, error.sentence(source))
    }
}

const fn container(source: SampleSource) -> &'static str {
    match source {
        SampleSource::Dnanexus => "project",
        SampleSource::Local | SampleSource::Aws => "bucket",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_a_listing_are_about_their_field() {
        for (error, field, message) in [
            (SourceError::NoAccess, "query.container", "There is no bucket of this name, or the key has no access to it."),
            (
                SourceError::OtherRegion(Some("eu-west-1".to_owned())),
                "query.container",
                "The bucket is in another region (eu-west-1). Replace your external key with one for that region.",
            ),
            (SourceError::KeyRejected, "query.source", "AWS S3 rejects the external key. Replace it."),
            (SourceError::Http(HttpError::Timeout), "query.source", "AWS S3 did not respond in time. Try again later."),
        ] {
            assert_eq!(error.into_listing_error(SampleSource::Aws), Error::invalid(field, message));
        }
        let of_dnanexus = SourceError::Missing.into_listing_error(SampleSource::Dnanexus);
        assert_eq!(of_dnanexus, Error::invalid("query.container", "There is no project of this name, or the key has no access to it."));
    }

    #[test]
    fn only_interruptions_are_temporary() {
        for (error, is_temporary, concerns_all) in [
            (SourceError::Status(503), true, false),
            (SourceError::Status(429), true, false),
            (SourceError::Status(400), false, false),
            (SourceError::Http(HttpError::InvalidResponse), true, false),
            (SourceError::Http(HttpError::Unreachable), true, true),
            (SourceError::Http(HttpError::BlockedAddress), false, true),
            (SourceError::Changed, false, false),
            (SourceError::KeyRejected, false, true),
        ] {
            assert_eq!((error.is_temporary(), error.concerns_all_files()), (is_temporary, concerns_all), "{error:?}");
        }
    }
}
