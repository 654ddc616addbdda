//! Ids in a path.

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
    id::{Alias, ApiKey, Credential, Id, IdKind, Import, Model, Project, ProjectId, Provider, Receipt, Request, Sample, Service},
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

impl Addressed for Provider {
    const DESCRIPTION: &str = "The provider's id.";
}

impl Addressed for Model {
    const DESCRIPTION: &str = "The model's id.";
}

impl Addressed for Alias {
    const DESCRIPTION: &str = "The alias's id.";
}

impl Addressed for Project {
    const DESCRIPTION: &str = "The project's id.";
}

impl Addressed for Receipt {
    const DESCRIPTION: &str = "The receipt's id.";
}

impl Addressed for Service {
    const DESCRIPTION: &str = "The service's id.";
}

impl Addressed for Request {
    const DESCRIPTION: &str = "The call's id.";
}

impl Addressed for Sample {
    const DESCRIPTION: &str = "The sample's id.";
}

impl Addressed for Import {
    const DESCRIPTION: &str = "The import's id.";
}

impl<N: Addressed> IntoParams for PathId<N> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter::<N>("id")]
    }
}

fn parameter<N: Addressed>(name: &str) -> Parameter {
    let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
    parameter.description(Some(N::DESCRIPTION)).schema(Some(Id::<N>::schema())).build()
}

/// An object whose path is below that of its project.
pub(crate) trait InProject: Addressed {
    /// The name of its parameter in the path.
    const PARAMETER: &str;
}

impl InProject for Sample {
    const PARAMETER: &str = "sample";
}

impl InProject for Import {
    const PARAMETER: &str = "import";
}

/// Extractor: the ids of a project and of an object in it. A malformed id is reported as not found.
pub(crate) struct InProjectId<N>(pub(crate) ProjectId, pub(crate) Id<N>);

impl<N: InProject, S: Send + Sync> FromRequestParts<S> for InProjectId<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(segments): Path<Vec<(String, String)>> = Path::from_request_parts(parts, state).await.map_err(|_| Error::NotFound)?;
        let find = |name: &str| segments.iter().find(|(found, _)| found == name).map(|(_, value)| value).ok_or(Error::NotFound);
        let project = find("id")?.parse().map_err(|_| Error::NotFound)?;
        Ok(Self(project, find(N::PARAMETER)?.parse().map_err(|_| Error::NotFound)?))
    }
}

impl<N: InProject> IntoParams for InProjectId<N> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter::<Project>("id"), parameter::<N>(N::PARAMETER)]
    }
}
