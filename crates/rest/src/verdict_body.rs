//! The JSON body of a verdict.

use std::{borrow::Cow, sync::LazyLock};

use serde::Serialize;
use serde_json::value::RawValue;

use latchkey_types::{
    id::{KeyId, ProjectId, RequestId},
    key_kind::KeyKind,
    time::Timestamp,
};
use latchkey_verify::{CachedKey, Verdict, VerdictCode};

/// Renders a verdict. All key fields are null if the code is [`VerdictCode::NotFound`].
pub fn render(verdict: &Verdict) -> String {
    static NO_KEY: LazyLock<Box<str>> = LazyLock::new(|| KeyFields::default().members());
    let key_fields = verdict.key().map_or(Cow::Borrowed(&**NO_KEY), |key| key.body_or_render(|key| KeyFields::of(key).members()));
    object(verdict.is_valid(), verdict.code, &key_fields, verdict.request_id)
}

fn object(is_valid: bool, code: VerdictCode, key_fields: &str, request_id: RequestId) -> String {
    let (valid, code, id) = (if is_valid { "true" } else { "false" }, code.as_str(), request_id.text());
    ["{\"valid\":", valid, ",\"code\":\"", code, "\",", key_fields, ",\"request_id\":\"", &id, "\"}"].concat()
}

/// The key's part of a verdict. It changes only with the key, so it is kept for keys that are used more than once.
#[derive(Default, Serialize)]
struct KeyFields<'a> {
    key_id: Option<KeyId>,
    name: Option<&'a str>,
    kind: Option<KeyKind>,
    customer_id: Option<i64>,
    external_id: Option<&'a str>,
    metadata: Option<&'a RawValue>,
    scopes: Option<&'a [String]>,
    corpora: Option<&'a [i64]>,
    project_id: Option<ProjectId>,
    role: Option<&'a str>,
    /// RFC 3339.
    expires_at: Option<String>,
}

impl<'a> KeyFields<'a> {
    fn of(key: &'a CachedKey) -> Self {
        let project = key.project_grant();
        Self {
            key_id: Some(key.id),
            name: Some(&key.name),
            kind: Some(key.kind),
            customer_id: Some(key.creator.customer_id),
            external_id: key.external_id(),
            metadata: key.metadata(),
            scopes: Some(key.scopes()),
            corpora: Some(key.corpora()),
            project_id: project.map(|access| access.project),
            role: project.and_then(|access| access.role.as_deref()),
            expires_at: key.lifecycle().expires_at.map(Timestamp::rfc3339),
        }
    }

    /// The members of the JSON object, without the braces.
    fn members(&self) -> Box<str> {
        let json = serde_json::to_string(self).expect("strings and numbers serialize to JSON");
        json[1..json.len() - 1].into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn body_is_json_with_every_field() {
        let id = RequestId::unordered();
        let key = KeyFields { name: Some("a \"name\"\n"), ..KeyFields::default() };
        for (code, fields, name) in
            [(VerdictCode::Valid, key.members(), json!("a \"name\"\n")), (VerdictCode::NotFound, KeyFields::default().members(), Value::Null)]
        {
            let body: Value = serde_json::from_str(&object(code == VerdictCode::Valid, code, &fields, id)).unwrap();
            assert_eq!((&body["valid"], &body["code"]), (&json!(code == VerdictCode::Valid), &json!(code.as_str())));
            assert_eq!((&body["name"], &body["request_id"]), (&name, &json!(id)));
            assert_eq!(body.as_object().unwrap().len(), 14);
        }
    }
}
