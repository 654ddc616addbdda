//! What operations have in common: how they are refused, and the headers that each of a kind takes.

use serde_json::{Map, Value, json};

use super::schemas;

/// What `If-Match` takes.
const TAGS: &str = r#"^(\*|(W/)?"[!#-~]*"([ \t]*,[ \t]*(W/)?"[!#-~]*")*)$"#;

/// Completes every operation.
pub fn complete(document: &mut Value) {
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let takes = Takes::of(path, method, operation);
            if takes.body {
                operation["requestBody"]["required"] = json!(true);
            }
            takes.describe_headers(operation);
            takes.describe_refusals(operation);
        }
    }
}

/// What an operation takes that can go wrong.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Takes {
    key: bool,
    body: bool,
    place: bool,
    query: bool,
    condition: bool,
    name: bool,
}

impl Takes {
    fn of(path: &str, method: &str, operation: &Value) -> Self {
        let has = |is: &dyn Fn(&Value) -> bool| operation["parameters"].as_array().is_some_and(|all| all.iter().any(is));
        let judges = operation["tags"][0] == "verify";
        Self {
            key: operation.get("security").is_none(),
            body: operation.get("requestBody").is_some(),
            place: path.contains('{'),
            // A proxy's own is told by its handler.
            query: !judges && has(&|parameter| parameter["in"] == "query"),
            condition: has(&|parameter| parameter["name"] == "If-Match"),
            name: method == "post" && !judges,
        }
    }

    fn describe_headers(&self, operation: &mut Value) {
        if self.name {
            let parameter = json!({ "name": "Idempotency-Key", "in": "header", "required": false });
            match operation.get_mut("parameters").and_then(Value::as_array_mut) {
                Some(parameters) => parameters.push(parameter),
                None => operation["parameters"] = json!([parameter]),
            }
            let replayed =
                json!({ "schema": { "type": "string", "enum": ["true"] }, "description": "Where this answer is the first one's, repeated." });
            for (_, response) in successes(operation) {
                response["headers"]["Idempotency-Replayed"] = replayed.clone();
            }
        }
        let of_keys = operation["tags"][0] == "keys";
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            if parameter["in"] == "query" {
                let schema = parameter["name"].as_str().and_then(|name| schemas::queried(name, of_keys));
                parameter["schema"] = schema.unwrap_or_else(|| parameter["schema"].take());
            }
            let (description, schema) = match parameter["name"].as_str() {
                Some("If-Match") => (
                    "Makes the change only if one of these tags is the current one; `*` for whatever there is.",
                    json!({ "type": "string", "pattern": TAGS }),
                ),
                Some("If-None-Match") => ("Answers 304 if one of these tags is the current one.", json!({ "type": "string" })),
                Some("Idempotency-Key") => {
                    ("A name for this call: with the same name it is made once, for a day.", json!({ "type": "string", "pattern": "^[!-~]{1,255}$" }))
                }
                _ => continue,
            };
            parameter["description"] = json!(description);
            parameter["schema"] = schema;
        }
    }

    fn describe_refusals(&self, operation: &mut Value) {
        let told = [
            (self.key || self.body || self.query || self.condition, "400", "`malformed`, `two_api_keys`: the call can't be read."),
            (self.key, "401", "`missing_api_key`, `invalid_api_key`, `expired_api_key`, `disabled_api_key`."),
            (self.key, "403", "`wrong_kind`, `insufficient_scope`, `forbidden`."),
            (self.place, "404", "`not_found`: there is none, or it is another organization's."),
            (self.body, "408", "`too_slow`: the body did not come in time."),
            (self.name, "409", "`idempotency_in_progress`, `idempotency_interrupted`."),
            (self.query, "410", "`cursor_expired`: begin again without it."),
            (self.condition, "412", "`precondition_failed`: it was changed meanwhile."),
            (self.body, "413", "`too_large`: the body is over the limit."),
            (self.body || self.query, "422", "`invalid`: a value can't be taken; `field` names it."),
            (self.name, "422", "`idempotency_key_reused`: the name is another call's."),
            (self.key, "500", "`internal`."),
            (self.key, "503", "`unavailable`: the database does not answer."),
        ];
        for (_, status, description) in told.into_iter().filter(|(applies, ..)| *applies) {
            let response = &mut operation["responses"][status];
            let before = response["description"].as_str().map(|before| format!("{before} ")).unwrap_or_default();
            response["description"] = json!(before + description);
        }
        for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
            if status.as_str() >= "400" && response.get("content").is_none() {
                response["content"] = json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
                let id = json!({ "schema": { "$ref": "#/components/schemas/RequestId" }, "description": "As in the body." });
                response["headers"]["X-Request-Id"] = id;
            }
        }
    }
}

fn successes(operation: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    let responses: Option<&mut Map<String, Value>> = operation["responses"].as_object_mut();
    responses.into_iter().flatten().filter(|(status, _)| status.starts_with('2'))
}
