//! The fields of request bodies, from their schemas. No browser API, so that unit tests can run natively.

use serde_json::Value;

use super::json::{alternatives, list, options, resolve, string, type_name, words};

/// Objects in objects are described down to this depth, because a schema may refer to itself.
const DEPTH_MAX: usize = 2;

/// Larger bounds only mean that a number has 64 bits.
const BOUND_MAX: i64 = 1_000_000_000_000_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyField {
    /// With the path to it: `rate_limits[].name`.
    pub name: String,
    pub kind: String,
    pub required: bool,
    /// One line of Markdown.
    pub description: String,
}

/// One of the objects that a body can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyForm {
    /// Distinguishes it from the others; empty if there is only one.
    pub title: String,
    pub fields: Vec<BodyField>,
}

/// Empty if the operation takes no body, or one without fields.
pub(super) fn body_forms(root: &Value, body: &Value) -> Vec<BodyForm> {
    let schema = &body["content"]["application/json"]["schema"];
    let form = |schema: &Value| {
        let mut fields = Vec::new();
        add_fields(root, schema, "", Depth { left: DEPTH_MAX, may_require: true }, &mut fields);
        BodyForm { title: string(schema, "title"), fields }
    };
    alternatives(root, schema).into_iter().map(form).filter(|form| !form.fields.is_empty()).collect()
}

#[derive(Clone, Copy)]
struct Depth {
    left: usize,
    /// False if the value can also be another object, in which a required field may be optional.
    may_require: bool,
}

/// Adds the fields of an object, the required ones first.
fn add_fields(root: &Value, object: &Value, prefix: &str, depth: Depth, fields: &mut Vec<BodyField>) {
    for part in list(&object["allOf"]) {
        add_fields(root, resolve(root, part), prefix, depth, fields);
    }
    let is_required = |name: &str| depth.may_require && list(&object["required"]).iter().any(|required| required == name);
    let properties = object["properties"].as_object().into_iter().flatten();
    let (required, optional): (Vec<_>, Vec<_>) = properties.partition(|(name, _)| is_required(name));
    for (name, schema) in required.into_iter().chain(optional) {
        let path = format!("{prefix}{name}");
        let values: Vec<_> = alternatives(root, schema).into_iter().filter(|value| !is_always_empty(value)).collect();
        // Fields of several objects have the same meaning in each.
        if let Some(value) = values.first().filter(|_| fields.iter().all(|field| field.name != path)) {
            let description = description(root, schema, value);
            fields.push(BodyField { name: path.clone(), kind: kind(root, value), required: is_required(name), description });
            add_inner_fields(root, &values, &path, depth, fields);
        }
    }
}

/// Adds the fields of objects, and of the objects in arrays.
fn add_inner_fields(root: &Value, values: &[&Value], path: &str, depth: Depth, fields: &mut Vec<BodyField>) {
    let Some(left) = depth.left.checked_sub(1) else { return };
    for value in values {
        let (objects, prefix) = match value.get("items") {
            Some(items) => (alternatives(root, items), format!("{path}[].")),
            None => (vec![*value], format!("{path}.")),
        };
        let may_require = values.len() == 1 && objects.len() == 1;
        for object in objects {
            add_fields(root, object, &prefix, Depth { left, may_require }, fields);
        }
    }
}

/// Whether a field exists only for uniformity: its only value is empty.
fn is_always_empty(schema: &Value) -> bool {
    schema["maxItems"] == 0 || schema["maxLength"] == 0
}

fn kind(root: &Value, schema: &Value) -> String {
    match type_name(&schema["type"]) {
        "array" => match alternatives(root, &schema["items"]).first().map(|items| kind(root, items)) {
            Some(items) if items != "any" => format!("array of {items}"),
            _ => "array".to_owned(),
        },
        "" if schema.get("properties").is_some() => "object".to_owned(),
        "" if schema["enum"][0].is_array() => "array".to_owned(),
        "" if schema["enum"][0].is_string() => "string".to_owned(),
        "" => "any".to_owned(),
        name => name.to_owned(),
    }
}

/// The description of a field, with its values or its range, or an example.
fn description(root: &Value, field: &Value, value: &Value) -> String {
    let items = resolve(root, &value["items"]);
    let described = std::iter::once(field).chain(options(field)).chain([value, items]);
    let text = described.map(|schema| string(schema, "description")).find(|text| !text.is_empty());
    let limits = [value, items].into_iter().find_map(|schema| values(schema).or_else(|| range(schema)));
    let parts: Vec<_> = text.into_iter().chain(limits).collect();
    if parts.is_empty() { example(value).unwrap_or_default() } else { parts.join(" ") }
}

fn values(schema: &Value) -> Option<String> {
    match &words(schema)[..] {
        [] => None,
        [only] => Some(format!("Must be `{only}`.")),
        all => Some(format!("One of `{}`.", all.join("`, `"))),
    }
}

fn range(schema: &Value) -> Option<String> {
    let (minimum, maximum) = (schema["minimum"].as_i64()?, schema["maximum"].as_i64()?);
    (maximum < BOUND_MAX && minimum > -BOUND_MAX).then(|| format!("{minimum} to {maximum}."))
}

fn example(schema: &Value) -> Option<String> {
    let example = schema.get("example").or_else(|| list(&schema["examples"]).first())?;
    let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
    Some(format!("Example: `{text}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn forms(schema: Value, schemas: Value) -> Vec<BodyForm> {
        let root = json!({ "components": { "schemas": schemas } });
        body_forms(&root, &json!({ "content": { "application/json": { "schema": schema } } }))
    }

    fn lines(form: &BodyForm) -> Vec<String> {
        let line = |field: &BodyField| format!("{}{}: {}; {}", field.name, if field.required { "!" } else { "" }, field.kind, field.description);
        form.fields.iter().map(line).collect()
    }

    #[test]
    fn fields_have_type_and_description() {
        let schema = json!({
            "type": "object",
            "required": ["name"],
            "properties": {
                "days": { "oneOf": [{ "$ref": "#/components/schemas/Days", "description": "Null for never." }, { "type": "null" }] },
                "name": { "$ref": "#/components/schemas/Name" },
                "refill": { "type": ["string", "null"], "enum": ["daily", "monthly", null] },
                "scopes": { "type": "array", "items": { "type": "string", "enum": ["read", "write"] } },
                "unused": { "type": "array", "items": {}, "maxItems": 0 },
                "nothing": { "type": "null" },
            },
        });
        let schemas = json!({
            "Days": { "type": "integer", "minimum": 1, "maximum": 3650 },
            "Name": { "type": "string", "examples": ["nightly build"] },
        });
        let forms = forms(schema, schemas);
        assert_eq!((forms.len(), forms[0].title.as_str()), (1, ""));
        assert_eq!(
            lines(&forms[0]),
            [
                "name!: string; Example: `nightly build`",
                "days: integer; Null for never. 1 to 3650.",
                "refill: string; One of `daily`, `monthly`.",
                "scopes: array of string; One of `read`, `write`.",
            ]
        );
    }

    #[test]
    fn objects_in_fields_are_described() {
        let limit = json!({ "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } } });
        let schema = json!({
            "type": "object",
            "properties": {
                "rate_limits": { "type": "array", "items": limit },
                "credits": { "oneOf": [
                    { "type": "null" },
                    { "properties": { "remaining": { "type": "integer" } }, "required": ["remaining"] },
                    { "properties": { "remaining": { "type": "integer" }, "refill": { "enum": ["daily"] } } },
                ] },
            },
        });
        let lines = lines(&forms(schema, json!({}))[0]);
        assert_eq!(
            lines,
            [
                "credits: object; ",
                "credits.remaining: integer; ",
                "credits.refill: string; Must be `daily`.",
                "rate_limits: array of object; ",
                "rate_limits[].name!: string; ",
            ]
        );
    }

    #[test]
    fn each_alternative_is_a_form() {
        let kind = |name: &str| json!({ "title": name, "properties": { "kind": { "enum": [name] } } });
        let forms = forms(json!({ "$ref": "#/components/schemas/A" }), json!({ "A": { "oneOf": [kind("client"), kind("agent")] } }));
        let titles: Vec<_> = forms.iter().map(|form| form.title.as_str()).collect();
        assert_eq!(titles, ["client", "agent"]);
        assert_eq!(body_forms(&Value::Null, &Value::Null), []);
    }

    #[test]
    fn recursive_schema_terminates() {
        let tree = json!({ "type": "object", "properties": { "below": { "$ref": "#/components/schemas/Tree" } } });
        let forms = forms(json!({ "$ref": "#/components/schemas/Tree" }), json!({ "Tree": tree }));
        assert_eq!(forms[0].fields.last().unwrap().name, "below.below.below");
    }
}
