//! Reads values of a JSON document.

use serde_json::Value;

/// Resolves a `$ref`; any other value is returned as is.
pub(super) fn resolve<'a>(root: &'a Value, value: &'a Value) -> &'a Value {
    let target = value.get("$ref").and_then(Value::as_str).and_then(|target| root.pointer(target.strip_prefix('#')?));
    target.unwrap_or(value)
}

/// The items of an array; empty for any other value.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The text of a string; empty for any other value.
pub(super) fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The first type that is not null; empty if there is none.
pub(super) fn type_name(types: &Value) -> &str {
    let mut names = list(types).iter().chain(std::iter::once(types)).filter_map(Value::as_str);
    names.find(|name| *name != "null").unwrap_or_default()
}

/// The words of an enum; empty for any other schema.
pub(super) fn words(schema: &Value) -> Vec<&str> {
    list(&schema["enum"]).iter().filter_map(Value::as_str).collect()
}

/// The schemas in `oneOf` and `anyOf`.
pub(super) fn options(schema: &Value) -> impl Iterator<Item = &Value> {
    list(&schema["oneOf"]).iter().chain(list(&schema["anyOf"]))
}

/// The schemas of which a value matches one, without null.
pub(super) fn alternatives<'a>(root: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let schema = resolve(root, schema);
    let mut options = options(schema).peekable();
    if options.peek().is_none() {
        return if schema["type"] == "null" { Vec::new() } else { vec![schema] };
    }
    options.flat_map(|option| alternatives(root, option)).collect()
}

/// The text of a member; empty if there is none.
pub(super) fn string(value: &Value, name: &str) -> String {
    value.get(name).map(text_of).unwrap_or_default().to_owned()
}
