//! Example bodies: taken from the `OpenAPI` document, or generated from the schema.

use serde_json::{Map, Value};

use super::json::{list, options, resolve, type_name};

/// Limits nesting: a schema may refer to itself.
const DEPTH_MAX: usize = 6;

/// Example bodies as (name, JSON on one line); empty if the operation takes no body.
pub(super) fn body_examples(root: &Value, body: &Value) -> Vec<(String, String)> {
    let Some(media) = body.get("content").and_then(|content| content.get("application/json")) else { return Vec::new() };
    let named = |(name, example): (&String, &Value)| {
        let summary = example["summary"].as_str().filter(|summary| !summary.is_empty());
        (summary.unwrap_or(name).to_owned(), example["value"].to_string())
    };
    let examples: Vec<_> = media["examples"].as_object().into_iter().flatten().map(named).collect();
    if !examples.is_empty() {
        return examples;
    }
    let example = media.get("example").cloned().unwrap_or_else(|| of_schema(root, &media["schema"], DEPTH_MAX));
    vec![(String::new(), example.to_string())]
}

fn of_schema(root: &Value, schema: &Value, depth: usize) -> Value {
    let schema = resolve(root, schema);
    let value = ["example", "default", "const"].into_iter().find_map(|name| schema.get(name));
    if let Some(value) = value.or_else(|| list(&schema["examples"]).first()).or_else(|| list(&schema["enum"]).first()) {
        return value.clone();
    }
    if depth == 0 {
        return Value::Null;
    }
    if let Some(schema) = options(schema).map(|option| resolve(root, option)).find(|schema| schema["type"] != "null") {
        return of_schema(root, schema, depth - 1);
    }
    match type_name(&schema["type"]) {
        "array" => Value::Array(vec![of_schema(root, &schema["items"], depth - 1)]),
        "string" => Value::String("…".to_owned()),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| Value::from(1)),
        "boolean" => Value::Bool(true),
        "null" => Value::Null,
        _ => object(root, schema, depth),
    }
}

/// An object with its required properties, or with all properties if none is required.
fn object(root: &Value, schema: &Value, depth: usize) -> Value {
    let mut members = Map::new();
    for part in list(&schema["allOf"]) {
        if let Value::Object(more) = of_schema(root, part, depth - 1) {
            members.extend(more);
        }
    }
    let required = list(&schema["required"]);
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        if required.is_empty() || required.iter().any(|one| one == name) {
            members.insert(name.clone(), of_schema(root, member, depth - 1));
        }
    }
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn example(media: Value, schemas: Value) -> Value {
        let root = json!({ "components": { "schemas": schemas } });
        let body = json!({ "content": { "application/json": media } });
        serde_json::from_str(&body_examples(&root, &body)[0].1).unwrap()
    }

    #[test]
    fn example_of_the_document_is_used() {
        assert_eq!(example(json!({ "example": { "a": 1 } }), json!({})), json!({ "a": 1 }));
        assert_eq!(example(json!({ "examples": { "first": { "value": [1] } } }), json!({})), json!([1]));
        assert_eq!(example(json!({ "schema": { "$ref": "#/components/schemas/A" } }), json!({ "A": { "examples": [7] } })), json!(7));
        let body = json!({ "content": { "application/json": { "examples": { "a": { "summary": "One", "value": 1 }, "b": { "value": 2 } } } } });
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(body_examples(&Value::Null, &body), [pair("One", "1"), pair("b", "2")]);
        assert_eq!(body_examples(&Value::Null, &Value::Null), []);
    }

    #[test]
    fn example_is_generated_from_required_properties() {
        let schema = json!({
            "type": "object",
            "required": ["name", "kind", "tags", "inner"],
            "properties": {
                "name": { "type": "string" },
                "kind": { "enum": ["client", "agent"] },
                "tags": { "type": "array", "items": { "type": ["null", "integer"], "minimum": 3 } },
                "inner": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Inner" }] },
                "left": { "type": "string" },
            },
        });
        let schemas = json!({ "Inner": { "allOf": [{ "type": "object", "properties": { "on": { "type": "boolean" } } }] } });
        let generated = example(json!({ "schema": schema }), schemas);
        assert_eq!(generated, json!({ "name": "…", "kind": "client", "tags": [3], "inner": { "on": true } }));
    }

    #[test]
    fn recursive_schema_terminates() {
        let schemas = json!({ "Tree": { "type": "object", "properties": { "below": { "$ref": "#/components/schemas/Tree" } } } });
        assert!(example(json!({ "schema": { "$ref": "#/components/schemas/Tree" } }), schemas).is_object());
    }
}
