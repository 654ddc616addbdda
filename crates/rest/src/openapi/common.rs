//! What operations have in common: error responses, and headers by kind of operation.

use serde_json::{Map, Value, json};

/// Operations that can take access away: they respond when that is effective on every instance, and name the receipt.
const REVOKING: [&str; 17] = [
    "deleteAlias",
    "deleteCorpus",
    "deleteCredential",
    "deleteKey",
    "deleteModel",
    "deleteProvider",
    "deleteService",
    "disableKey",
    "editAlias",
    "editCredential",
    "editKey",
    "editModel",
    "editProvider",
    "editService",
    "removeUpstream",
    "rotateKey",
    "setUpstream",
];

/// Adds the common headers and errors to every operation.
pub(super) fn complete(document: &mut Value) {
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let inputs = Inputs::of(path, method, operation);
            if inputs.body {
                operation["requestBody"]["required"] = json!(true);
            }
            inputs.describe_headers(operation);
            inputs.describe_errors(operation);
        }
    }
}

/// The inputs of an operation that determine its headers and errors.
#[expect(clippy::struct_excessive_bools, reason = "the flags are independent")]
struct Inputs {
    api_key: bool,
    body: bool,
    path_parameter: bool,
    query: bool,
    if_match: bool,
    idempotency_key: bool,
    is_revoking: bool,
}

impl Inputs {
    fn of(path: &str, method: &str, operation: &Value) -> Self {
        let has = |matches: &dyn Fn(&Value) -> bool| operation["parameters"].as_array().is_some_and(|all| all.iter().any(matches));
        let is_verify = operation["tags"][0] == "verify";
        Self {
            api_key: operation.get("security").is_none(),
            body: operation.get("requestBody").is_some(),
            path_parameter: path.contains('{'),
            // The handler of forward auth describes its own errors.
            query: !is_verify && has(&|parameter| parameter["in"] == "query"),
            if_match: has(&|parameter| parameter["name"] == "If-Match"),
            idempotency_key: method == "post" && !is_verify,
            is_revoking: operation["operationId"].as_str().is_some_and(|id| REVOKING.contains(&id)),
        }
    }

    fn describe_headers(&self, operation: &mut Value) {
        if self.idempotency_key {
            let parameter = json!({ "name": "Idempotency-Key", "in": "header", "required": false });
            match operation.get_mut("parameters").and_then(Value::as_array_mut) {
                Some(parameters) => parameters.push(parameter),
                None => operation["parameters"] = json!([parameter]),
            }
            let replayed =
                json!({ "schema": { "type": "string", "enum": ["true"] }, "description": "Present if this is a replay of the first response." });
            for (_, response) in successes(operation) {
                response["headers"]["Idempotency-Replayed"] = replayed.clone();
            }
        }
        if self.is_revoking {
            let receipt = json!({
                "schema": { "type": "string", "pattern": "^rcp_[0-9a-f]{32}(, rcp_[0-9a-f]{32})*$" },
                "description": "The id of the receipt, if the call took access away. The call is effective on every instance by then.",
            });
            for (_, response) in successes(operation) {
                response["headers"]["X-Latchkey-Receipt"] = receipt.clone();
            }
        }
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let (description, schema) = match parameter["name"].as_str() {
                Some("If-None-Match") => ("Responds with 304 if one of these entity tags is current.", json!({ "type": "string" })),
                Some("Idempotency-Key") => (
                    "Identifies this request. A retry with the same value within 24 hours returns the first response.",
                    json!({ "type": "string", "pattern": "^[!-~]{1,255}$" }),
                ),
                _ => continue,
            };
            parameter["description"] = json!(description);
            parameter["schema"] = schema;
        }
    }

    fn describe_errors(&self, operation: &mut Value) {
        let errors = [
            (self.api_key || self.body || self.query || self.if_match, "400", "`malformed`, `two_api_keys`: the request is malformed or ambiguous."),
            (self.api_key, "401", "`missing_api_key`, `invalid_api_key`, `expired_api_key`, `disabled_api_key`."),
            (self.api_key, "403", "`wrong_kind`, `insufficient_scope`, `forbidden`."),
            (self.path_parameter, "404", "`not_found`: it does not exist or belongs to another organization."),
            (self.body, "408", "`too_slow`: the body did not arrive in time."),
            (self.idempotency_key, "409", "`idempotency_in_progress`, `idempotency_interrupted`."),
            (self.query, "410", "`cursor_expired`: start again without a cursor."),
            (self.if_match, "412", "`precondition_failed`: it was changed in the meantime."),
            (self.body, "413", "`too_large`: the body is larger than the limit."),
            (self.body || self.query, "422", "`invalid`: a value is not valid; `field` names it."),
            (self.idempotency_key, "422", "`idempotency_key_reused`: the key was used for a different request."),
            (self.api_key, "500", "`internal`."),
            (self.api_key, "503", "`unavailable`: the database is unreachable. `uncertain`: it is not certain whether the change was made."),
        ];
        for (_, status, description) in errors.into_iter().filter(|(applies, ..)| *applies) {
            let response = &mut operation["responses"][status];
            let existing = response["description"].as_str().map(|existing| format!("{existing} ")).unwrap_or_default();
            response["description"] = json!(existing + description);
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
