//! Entity tags of responses and conditional requests (RFC 9110, sections 8.8.3 and 13.1).

use std::collections::BTreeMap;

use axum::{
    Json as JsonResponse,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::{
    IntoParams, IntoResponses, PartialSchema, ToSchema,
    openapi::{
        self, Content, Header, HeaderBuilder, ObjectBuilder, Ref, RefOr, Required, ResponseBuilder, Schema, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
    },
};

use latchkey_core::etag::{self, IfMatch};
use latchkey_http::problem::Problem;
use latchkey_types::{
    error::Error,
    id::ProviderId,
    key::KeyRow,
    provider::{AliasRow, ModelRow, ProviderRow},
    rest::{
        credentials::Credential,
        keys::Key,
        models::{Alias, Model},
        providers::Provider,
        services::Service,
    },
    service::ServiceRow,
};

/// Maximum number of attempts to change the given fields of an object that is changed concurrently.
const ATTEMPTS: usize = 5;

/// An object of the rules with an entity tag.
pub(crate) trait TaggedRow {
    fn id(&self) -> String;
    fn tag(&self) -> String;
}

impl TaggedRow for KeyRow {
    fn id(&self) -> String {
        self.id.to_string()
    }

    fn tag(&self) -> String {
        etag::of_key(self)
    }
}

impl TaggedRow for ServiceRow {
    fn id(&self) -> String {
        self.id.to_string()
    }

    fn tag(&self) -> String {
        etag::of_service(self)
    }
}

impl TaggedRow for ProviderRow {
    fn id(&self) -> String {
        self.id.to_string()
    }

    fn tag(&self) -> String {
        etag::of_provider(self)
    }
}

/// A model and its provider.
impl TaggedRow for (ProviderId, ModelRow) {
    fn id(&self) -> String {
        self.1.id.to_string()
    }

    fn tag(&self) -> String {
        etag::of_model(&self.1)
    }
}

impl TaggedRow for AliasRow {
    fn id(&self) -> String {
        self.id.to_string()
    }

    fn tag(&self) -> String {
        etag::of_alias(self)
    }
}

/// The attempts to change the given fields of an object, each from its current state. A concurrent change of other fields is not overwritten:
/// it makes an attempt fail with `Outdated`, and the next one follows.
pub(crate) struct Attempts<'a> {
    if_match: &'a IfMatch,
    left: usize,
}

impl<'a> Attempts<'a> {
    pub(crate) const fn new(if_match: &'a IfMatch) -> Self {
        Self { if_match, left: ATTEMPTS }
    }

    /// The condition of the next attempt: that the object has not changed since it was read.
    ///
    /// # Errors
    /// `Outdated` if the object does not fulfil the caller's condition, or after too many attempts.
    pub(crate) fn next(&mut self, current: &impl TaggedRow) -> Result<IfMatch, Error> {
        let tag = current.tag();
        let is_expected = !matches!(self.if_match, IfMatch::OneOf(tags) if !tags.contains(&tag));
        self.left = self.left.checked_sub(1).filter(|_| is_expected).ok_or(Error::Outdated)?;
        Ok(IfMatch::OneOf(vec![tag]))
    }
}

/// Such an object, as responses contain it.
pub(crate) trait Resource: Sized {
    type Row: TaggedRow + Into<Self>;
    /// Path of its collection.
    const COLLECTION: &str;
}

impl Resource for Key {
    type Row = KeyRow;
    const COLLECTION: &str = "/api/v1/keys";
}

impl Resource for Credential {
    type Row = KeyRow;
    const COLLECTION: &str = "/api/v1/credentials";
}

impl Resource for Service {
    type Row = ServiceRow;
    const COLLECTION: &str = "/api/v1/services";
}

impl Resource for Provider {
    type Row = ProviderRow;
    const COLLECTION: &str = "/api/v1/providers";
}

impl Resource for Model {
    type Row = (ProviderId, ModelRow);
    const COLLECTION: &str = "/api/v1/models";
}

impl Resource for Alias {
    type Row = AliasRow;
    const COLLECTION: &str = "/api/v1/aliases";
}

/// A response body with its entity tag.
pub(crate) struct Tagged<View> {
    view: View,
    tag: String,
}

impl<View: Resource> Tagged<View> {
    fn new(row: View::Row) -> Self {
        let tag = row.tag();
        Self { view: row.into(), tag }
    }
}

macro_rules! tagged_from {
    ($($row:ty),*) => {$(
        impl<View: Resource<Row = $row>> From<$row> for Tagged<View> {
            fn from(row: $row) -> Self {
                Self::new(row)
            }
        }
    )*};
}

tagged_from!(KeyRow, ServiceRow, ProviderRow, (ProviderId, ModelRow), AliasRow);

impl<View: Serialize> IntoResponse for Tagged<View> {
    fn into_response(self) -> Response {
        ([(header::ETAG, self.tag)], JsonResponse(self.view)).into_response()
    }
}

impl<View: ToSchema> IntoResponses for Tagged<View> {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        let response = described::<View>().header("ETag", text_header("For `If-Match`."));
        BTreeMap::from([("200".to_owned(), response.build().into())])
    }
}

/// A response with a new or rotated object in its body, and with the object's URL and entity tag.
pub(crate) struct Located<const STATUS: u16, Body> {
    body: Body,
    location: String,
    tag: String,
}

impl<const STATUS: u16, Body> Located<STATUS, Body> {
    pub(crate) fn new<View: Resource>(row: View::Row, body: impl FnOnce(View) -> Body) -> Self {
        let (location, tag) = (format!("{}/{}", View::COLLECTION, row.id()), row.tag());
        Self { body: body(row.into()), location, tag }
    }
}

impl<const STATUS: u16, Body: Serialize> IntoResponse for Located<STATUS, Body> {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(STATUS).expect("the status is a constant in the range of statuses");
        // The body can contain a secret.
        let headers = [(header::LOCATION, self.location), (header::ETAG, self.tag), (header::CACHE_CONTROL, "no-store".to_owned())];
        (status, headers, JsonResponse(self.body)).into_response()
    }
}

impl<const STATUS: u16, Body: ToSchema> IntoResponses for Located<STATUS, Body> {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        let response = described::<Body>().header("ETag", text_header("For `If-Match`."));
        let response = response.header("Location", text_header("The URL of the object."));
        BTreeMap::from([(STATUS.to_string(), response.build().into())])
    }
}

/// A JSON response, described by the doc comment of its type.
fn described<Body: ToSchema>() -> ResponseBuilder {
    let description = match Body::schema() {
        RefOr::T(Schema::Object(object)) => object.description,
        _ => None,
    };
    let body = Content::new(Some(Ref::from_schema_name(Body::name())));
    ResponseBuilder::new().description(description.unwrap_or_default()).content("application/json", body)
}

fn text_header(description: &str) -> Header {
    HeaderBuilder::new().schema(Some(String::schema())).description(Some(description)).build()
}

/// The request's `If-Match` header.
pub(crate) struct Precondition(pub(crate) IfMatch);

impl<S: Sync> FromRequestParts<S> for Precondition {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(text) = joined(&parts.headers, &header::IF_MATCH)? else { return Ok(Self(IfMatch::Unconditional)) };
        if text.trim() == "*" {
            return Ok(Self(IfMatch::Exists));
        }
        let tags = etag::parse_list(&text).ok_or_else(|| malformed(&header::IF_MATCH))?;
        // `If-Match` uses strong comparison: a weak tag never matches (section 13.1.1).
        let strong = tags.into_iter().filter(|listed| !listed.is_weak).map(|listed| listed.tag.to_owned());
        Ok(Self(IfMatch::OneOf(strong.collect())))
    }
}

/// The syntax of `If-Match`.
const IF_MATCH_PATTERN: &str = r#"^(\*|(W/)?"[!#-~]*"([ \t]*,[ \t]*(W/)?"[!#-~]*")*)$"#;

impl IntoParams for Precondition {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let tags = ObjectBuilder::new().schema_type(Type::String).pattern(Some(IF_MATCH_PATTERN));
        let description = "Applies the change only if one of these entity tags is current; `*` matches any.";
        let parameter = ParameterBuilder::new().name("If-Match").parameter_in(ParameterIn::Header).required(Required::False);
        vec![parameter.description(Some(description)).schema(Some(tags)).build()]
    }
}

/// 304 with these headers if `If-None-Match` of the request matches the body; else the body.
pub(crate) fn not_modified_or<const N: usize>(request: &HeaderMap, headers: [(HeaderName, &str); N], body: Vec<u8>) -> Response {
    let tag = etag::of(&body);
    let headers = (headers, [(header::ETAG, tag.as_str())]);
    if matches_tag(request, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Whether `If-None-Match` matches this tag, with quotes, by weak comparison (section 13.1.2). A malformed header matches nothing.
pub fn matches_tag(request: &HeaderMap, tag: &str) -> bool {
    let Ok(Some(text)) = joined(request, &header::IF_NONE_MATCH) else { return false };
    text.trim() == "*" || etag::parse_list(&text).is_some_and(|tags| tags.iter().any(|listed| listed.tag == tag))
}

/// The values of a repeated header, joined by commas.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Problem> {
    let values: Vec<&str> = headers.get_all(name).iter().map(|value| value.to_str().map_err(|_| malformed(name))).collect::<Result<_, _>>()?;
    Ok((!values.is_empty()).then(|| values.join(",")))
}

fn malformed(name: &HeaderName) -> Problem {
    let header = if *name == header::IF_MATCH { "If-Match" } else { "If-None-Match" };
    Problem::new(StatusCode::BAD_REQUEST, "malformed", format!("{header} must be * or a list of quoted entity tags.")).with_field(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_matches_in_every_valid_form() {
        let matches = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::IF_NONE_MATCH, value.parse().unwrap());
            }
            matches_tag(&headers, "\"a\"")
        };
        for values in [&["*"][..], &[" * "], &["\"a\""], &["W/\"a\""], &["\"b\", \"a\""], &["\"b\",W/\"a\" "], &["\"b\"", "\"a\""]] {
            assert!(matches(values), "{values:?}");
        }
        for values in [&[][..], &[""], &["a"], &["\"b\""], &["w/\"a\""], &["\"ab\""], &["\"*\""], &["W/"], &["\"b\"", "a"]] {
            assert!(!matches(values), "{values:?}");
        }
    }
}
