//! The schema of an injection, whose fields depend on its type.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, OneOfBuilder, RefOr, Schema,
        schema::{AdditionalProperties, Type},
    },
};

use super::services::ServiceInjection;
use crate::service::InjectionKind;

const HEADER_NAME: &str = "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$";
const AWS_NAME: &str = "^[a-z0-9-]{1,40}$";

impl PartialSchema for ServiceInjection {
    fn schema() -> RefOr<Schema> {
        let kinds = InjectionKind::ALL.into_iter().fold(OneOfBuilder::new(), |kinds, kind| kinds.item(variant(kind)));
        kinds.description(Some("How the credential is added to a forwarded request.")).into()
    }
}

impl ToSchema for ServiceInjection {
    fn name() -> Cow<'static, str> {
        "ServiceInjection".into()
    }
}

/// An object with the fields of this type and no others.
fn variant(kind: InjectionKind) -> ObjectBuilder {
    let fields: &[(&str, &str, &str)] = match kind {
        InjectionKind::Bearer => &[],
        InjectionKind::Header => &[("name", HEADER_NAME, "X-Api-Key")],
        InjectionKind::Basic => &[("username", "^[ -9;-~]{0,100}$", "api")],
        InjectionKind::Query => &[("name", "^[A-Za-z0-9._~-]{1,100}$", "api_key")],
        InjectionKind::SigV4 => &[("service", AWS_NAME, "s3"), ("region", AWS_NAME, "us-east-1")],
    };
    let object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .title(Some(kind.as_str()))
        .property("type", text().enum_values(Some([kind.as_str()])))
        .required("type");
    fields.iter().fold(object, |object, (name, pattern, example)| {
        let object = object.property(*name, text().pattern(Some(*pattern)).examples([*example]));
        // The user name is empty by default.
        if kind == InjectionKind::Basic { object } else { object.required(*name) }
    })
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}
