//! Bodies to begin with: those that the description gives, or else one made of the body's schema.

use serde_json::{Map, Value};

use super::document::{list, resolve};

/// How deep values may stand within each other: a schema may hold itself.
const DEPTH_MAX: usize = 6;

/// Bodies, as JSON in one line, each with what it is; none where the operation takes none.
pub fn of_body(root: &Value, body: &Value) -> Vec<(String, String)> {
    let Some(media) = body.get("content").and_then(|content| content.get("application/json")) else { return Vec::new() };
    let told = |(name, example): (&String, &Value)| {
        let summary = example["summary"].as_str().filter(|summary| !summary.is_empty());
        (summary.unwrap_or(name).to_owned(), example["value"].to_string())
    };
    let given: Vec<_> = media["examples"].as_object().into_iter().flatten().map(told).collect();
    if !given.is_empty() {
        return given;
    }
    let example = media.get("example").cloned().unwrap_or_else(|| of_schema(root, &media["schema"], DEPTH_MAX));
    vec![(String::new(), example.to_string())]
}

fn of_schema(root: &Value, schema: &Value, depth: usize) -> Value {
    let schema = resolve(root, schema);
    let given = ["example", "default", "const"].into_iter().find_map(|name| schema.get(name));
    if let Some(given) = given.or_else(|| list(&schema["examples"]).first()).or_else(|| list(&schema["enum"]).first()) {
        return given.clone();
    }
    if depth == 0 {
        return Value::Null;
    }
    let mut ways = list(&schema["oneOf"]).iter().chain(list(&schema["anyOf"])).map(|way| resolve(root, way));
    if let Some(way) = ways.find(|way| way["type"] != "null") {
        return of_schema(root, way, depth - 1);
    }
    match word(&schema["type"]) {
        "array" => Value::Array(vec![of_schema(root, &schema["items"], depth - 1)]),
        "string" => Value::String("…".to_owned()),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| Value::from(1)),
        "boolean" => Value::Bool(true),
        "null" => Value::Null,
        _ => object(root, schema, depth),
    }
}

/// An object with what it must have, or with all that it may have where it must have nothing.
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

/// The type; the first that is not null where there are more.
fn word(types: &Value) -> &str {
    let mut words = list(types).iter().chain(std::iter::once(types)).filter_map(Value::as_str);
    words.find(|word| *word != "null").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn example(media: Value, schemas: Value) -> Value {
        let root = json!({ "components": { "schemas": schemas } });
        let body = json!({ "content": { "application/json": media } });
        serde_json::from_str(&of_body(&root, &body)[0].1).unwrap()
    }

    #[test]
    fn the_given_example_is_taken() {
        assert_eq!(example(json!({ "example": { "a": 1 } }), json!({})), json!({ "a": 1 }));
        assert_eq!(example(json!({ "examples": { "first": { "value": [1] } } }), json!({})), json!([1]));
        assert_eq!(example(json!({ "schema": { "$ref": "#/components/schemas/A" } }), json!({ "A": { "examples": [7] } })), json!(7));
        let body = json!({ "content": { "application/json": { "examples": { "a": { "summary": "One", "value": 1 }, "b": { "value": 2 } } } } });
        let told = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(of_body(&Value::Null, &body), [told("One", "1"), told("b", "2")]);
        assert_eq!(of_body(&Value::Null, &Value::Null), []);
    }

    #[test]
    fn without_one_the_schema_says_what_there_must_be() {
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
        let made = example(json!({ "schema": schema }), schemas);
        assert_eq!(made, json!({ "name": "…", "kind": "client", "tags": [3], "inner": { "on": true } }));
    }

    #[test]
    fn a_schema_that_holds_itself_ends() {
        let schemas = json!({ "Tree": { "type": "object", "properties": { "below": { "$ref": "#/components/schemas/Tree" } } } });
        assert!(example(json!({ "schema": { "$ref": "#/components/schemas/Tree" } }), schemas).is_object());
    }
}
