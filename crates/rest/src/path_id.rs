//! `{id}` in a path.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use serde::Deserialize;
use utoipa::{
    IntoParams, PartialSchema,
    openapi::{
        Required,
        path::{Parameter, ParameterBuilder, ParameterIn},
    },
};

use latchkey_http::problem::Problem;
use latchkey_types::{
    error::Error,
    id::{ApiKey, Credential, Id, IdKind, Project},
};

/// Extractor: the id in the path. A malformed id is reported as not found.
pub(crate) struct PathId<N>(pub(crate) Id<N>);

#[derive(Deserialize)]
struct Segment {
    id: String,
}

impl<N: IdKind, S: Send + Sync> FromRequestParts<S> for PathId<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(Segment { id }) = Path::from_request_parts(parts, state).await.map_err(|_| Error::NotFound)?;
        Ok(Self(id.parse().map_err(|_| Error::NotFound)?))
    }
}

/// An object with a path of its own.
pub(crate) trait Addressed: IdKind {
    const DESCRIPTION: &str;
}

impl Addressed for ApiKey {
    const DESCRIPTION: &str = "The key's id.";
}

impl Addressed for Credential {
    const DESCRIPTION: &str = "The credential's id.";
}

impl Addressed for Project {
    const DESCRIPTION: &str = "The project's id.";
}

impl<N: Addressed> IntoParams for PathId<N> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let parameter = ParameterBuilder::new().name("id").parameter_in(ParameterIn::Path).required(Required::True);
        vec![parameter.description(Some(N::DESCRIPTION)).schema(Some(Id::<N>::schema())).build()]
    }
}
