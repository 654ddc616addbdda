//! Schemas of the values of providers and models.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema,
        schema::{KnownFormat, SchemaFormat, Type},
    },
};

use crate::{budget::TOKENS_MAX, provider::ApiStyle, provider_rules::UPSTREAM_NAME_MAX, validate::NAME_MAX};

/// The characters of names: visible ASCII without `*`, `?`, quotes and backslashes.
const NAME_CHARACTERS: &str = r"[!#-&()+->@-\[\]-_a-~]";

/// A price in US dollars for a million tokens.
pub(super) enum TokenPrice {}

/// The name of a model or of an alias.
pub(super) enum ModelName {}

/// The name that a provider uses for a model.
pub(super) enum UpstreamName {}

/// The name of a header in a request.
pub(super) enum HeaderName {}

/// A number of tokens.
pub(super) enum TokenLimit {}

macro_rules! schemas {
    ($($type:ty, $name:literal: $schema:expr;)*) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                $name.into()
            }
        }
    )*};
}

schemas! {
    ApiStyle, "ApiStyle": text().enum_values(Some(ApiStyle::ALL.map(ApiStyle::as_str))).description(Some("The API that a provider has."));
    TokenPrice, "TokenPrice": text().pattern(Some(r"^([0-9]{1,6}(\.[0-9]{0,9})?|\.[0-9]{1,9}|1000000)$"))
        .description(Some("US dollars for a million tokens, as a decimal number of at most nine decimal places."))
        .examples(["2.5"]);
    ModelName, "ModelName": text().pattern(Some(format!("^{NAME_CHARACTERS}{{1,{NAME_MAX}}}$"))).examples(["gpt-4o-mini"]);
    UpstreamName, "UpstreamName": text().pattern(Some(format!("^{NAME_CHARACTERS}{{0,{UPSTREAM_NAME_MAX}}}$"))).examples(["gpt-4o-mini"]);
    HeaderName, "HeaderName": text().pattern(Some("^[!#$%&'*+.^_`|~0-9A-Za-z-]{0,100}$")).examples(["api-key"]);
    TokenLimit, "TokenLimit": ObjectBuilder::new().schema_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(1_i64)).maximum(Some(TOKENS_MAX)).examples([128_000]);
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}
