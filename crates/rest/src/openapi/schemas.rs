//! JSON Schemas of values. Bounds are the constants that validation uses; differences between kinds come from the kind table.

use serde_json::{Map, Value, json};
use utoipa::openapi::{Ref, RefOr, Schema};

use latchkey_core::{
    expiry::DURATION_MAX_DAYS,
    keys::{METADATA_MAX, SCOPES_MAX},
};
use latchkey_types::{
    credential::{GENERAL_VALUE_MAX, STORAGE_SECRET_MAX},
    key::{GRACE_MAX_SECONDS, TestOutcome},
    key_kind::{CORPUS_ACCESS, CreateAction, Expiry, KIND_SPECS, Kind, KindSpec, ScopeRule, Status},
    limits::{ALLOWED_IPS_MAX, CREDITS_MAX, DURATION_RANGE_MS, LIMIT_MAX, LIMIT_NAME_MAX, RATE_LIMITS_MAX},
    listing::ROWS_MAX,
    permission::{Permission, Scope},
    project::Visibility,
    validate::NAME_MAX,
};
use latchkey_verify::VerdictCode;

/// Invisible characters, which names must not contain. Only those of the basic multilingual plane: regex dialects differ in how they escape
/// the others.
const INVISIBLE: &str = r"\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb";
/// White space, which is trimmed from both ends.
const SPACE: &str = r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";

/// The pattern of a trimmed name: up to `NAME_MAX` characters, of which the first and the last are not white space.
fn trimmed_name_pattern() -> String {
    let (edge, inner, inner_max) = (format!("[^{SPACE}{INVISIBLE}]"), format!("[^{INVISIBLE}]"), NAME_MAX - 2);
    format!("{edge}({inner}{{0,{inner_max}}}{edge})?")
}

fn name_value() -> Value {
    let pattern = format!("^[{SPACE}]*{}[{SPACE}]*$", trimmed_name_pattern());
    json!({ "type": "string", "pattern": pattern, "description": format!("1 to {NAME_MAX} characters. Leading and trailing white space is removed."),
        "examples": ["nightly build"] })
}

/// Adds null to a schema.
fn or_null(mut schema: Value) -> Value {
    let base_type = schema["type"].take();
    schema["type"] = json!([base_type, "null"]);
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
    schema
}

fn id_value(prefix: &str) -> Value {
    json!({ "type": "string", "pattern": format!("^{prefix}_[0-9a-f]{{32}}$"), "examples": [format!("{prefix}_01a1f0b75c8d7f3aa6c1d0e5b4938271")] })
}

fn timestamp_value() -> Value {
    json!({ "type": "string", "format": "date-time", "examples": ["2026-11-21T10:00:00.000Z"] })
}

fn custom_scopes_value() -> Value {
    let scope = json!({ "type": "string", "pattern": format!("^[!-~]{{1,{NAME_MAX}}}$"), "examples": ["reports:read"] });
    json!({ "type": "array", "items": scope, "description": format!("At most {SCOPES_MAX} distinct scopes.") })
}

fn string_enum<'a>(values: impl IntoIterator<Item = &'a str>) -> Value {
    json!({ "type": "string", "enum": values.into_iter().collect::<Vec<_>>() })
}

fn duration_value() -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": DURATION_MAX_DAYS, "examples": [90] })
}

/// An empty external id clears it.
fn external_id_value() -> Value {
    let pattern = format!("^[{SPACE}]*({}[{SPACE}]*)?$", trimmed_name_pattern());
    json!({ "type": ["string", "null"], "pattern": pattern, "examples": ["customer-4711"] })
}

fn metadata_value() -> Value {
    let flat = json!({ "type": ["string", "number", "boolean", "null"], "maxLength": METADATA_MAX });
    let description = format!("A flat object of at most {METADATA_MAX} bytes of JSON.");
    json!({ "type": ["object", "null"], "additionalProperties": flat, "description": description, "examples": [{ "plan": "pro" }] })
}

fn rate_limits_value() -> Value {
    let name = json!({ "type": "string", "pattern": format!("^[A-Za-z0-9_.:-]{{1,{LIMIT_NAME_MAX}}}$"), "description": "Unique within a key.", "examples": ["per-minute"] });
    let limit = json!({ "type": "integer", "format": "int64", "minimum": 1, "maximum": LIMIT_MAX, "examples": [100] });
    let (shortest, longest) = (DURATION_RANGE_MS.start(), DURATION_RANGE_MS.end());
    let duration = json!({ "type": "integer", "format": "int64", "minimum": shortest, "maximum": longest, "examples": [60_000] });
    let item = json!({
        "type": "object", "properties": { "name": name, "limit": limit, "duration_ms": duration }, "required": ["name", "limit", "duration_ms"],
        "additionalProperties": false, "description": "A sliding window: at most `limit` requests in any period of `duration_ms`, per instance.",
    });
    json!({ "type": "array", "maxItems": RATE_LIMITS_MAX, "items": item })
}

fn allowed_ips_value() -> Value {
    let network = json!({ "type": "string", "examples": ["192.0.2.0/24"], "description": "A network in CIDR notation or a single address.",
        "pattern": r"^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(/(3[0-2]|[12]?[0-9]))?$|:" });
    json!({ "type": "array", "maxItems": ALLOWED_IPS_MAX, "items": network })
}

fn amount(minimum: i64) -> Value {
    json!({ "type": "integer", "format": "int64", "minimum": minimum, "maximum": CREDITS_MAX, "examples": [1000] })
}

/// Requested credits: with a refill the amount is required; without one, the remaining credits are required for a new key.
fn credits_value(remaining_required: bool) -> Value {
    let remaining = if remaining_required { amount(0) } else { or_null(amount(0)) };
    let object = |properties: Value, required: Value| json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    let never_required = if remaining_required { json!(["remaining"]) } else { json!([]) };
    let never = object(json!({ "remaining": remaining, "refill": string_enum(["never"]), "amount": or_null(amount(0)) }), never_required);
    let refilled = json!({ "remaining": or_null(amount(0)), "refill": string_enum(["daily", "monthly"]), "amount": amount(1) });
    let refilled = object(refilled, json!(["refill", "amount"]));
    json!({ "oneOf": [never, refilled, { "type": "null" }] })
}

/// The schema of a list's query parameter; `None` for free text.
pub fn query_parameter(name: &str, of_keys: bool) -> Option<Value> {
    let sorts = ["name", "created_at", "last_used_at", "expires_at"].map(|column| [column.to_owned(), format!("-{column}")]);
    Some(match name {
        "kind" => string_enum(kinds(of_keys)),
        "status" => string_enum([Status::Active, Status::Disabled, Status::Expired, Status::Revoked].map(Status::as_str)),
        "sort" => string_enum(sorts.as_flattened().iter().map(String::as_str)),
        "limit" => json!({ "type": "integer", "minimum": 1, "maximum": ROWS_MAX, "default": 50 }),
        "q" => json!({ "type": "string", "maxLength": NAME_MAX, "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$" }),
        _ => return None,
    })
}

fn verify_request_value() -> Value {
    let text = json!({ "type": ["string", "null"] });
    let address = json!({ "anyOf": [{ "type": "string", "format": "ipv4" }, { "type": "string", "format": "ipv6" }, { "type": "null" }],
        "description": "The client address from which the key was presented.", "examples": ["192.0.2.7"] });
    let properties = json!({
        "key": { "type": "string", "description": "The key as it was presented." }, "scope": text, "project": text, "ip": address,
        "corpus": { "type": ["integer", "null"], "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX },
        "cost": { "type": ["integer", "null"], "minimum": 0, "maximum": u32::MAX, "description": "The credits that the request costs; 1 by default." },
    });
    json!({ "type": "object", "properties": properties, "required": ["key"], "additionalProperties": false })
}

/// If the code is `NOT_FOUND`, every field of the key is null.
fn verdict_value() -> Value {
    let (text, list) = (json!({ "type": ["string", "null"] }), |items: &str| json!({ "type": ["array", "null"], "items": { "type": items } }));
    let kinds = KIND_SPECS.iter().filter(|spec| matches!(spec.kind, Kind::Key(_))).map(|spec| spec.name);
    let properties = json!({
        "valid": { "type": "boolean" }, "code": string_enum(VerdictCode::ALL.map(VerdictCode::as_str)), "key_id": or_null(id_value("key")), "name": text, "kind": or_null(string_enum(kinds)),
        "customer_id": { "type": ["integer", "null"] }, "external_id": text, "metadata": { "type": ["object", "null"] }, "scopes": list("string"),
        "corpora": list("integer"), "project_id": or_null(id_value("prj")), "role": text, "expires_at": or_null(timestamp_value()),
        "request_id": id_value("req"),
    });
    let required: Vec<&String> = properties.as_object().map(|properties| properties.keys().collect()).unwrap_or_default();
    json!({ "type": "object", "properties": properties, "required": required })
}

/// The request to create a key of this kind.
fn create_schema(spec: &KindSpec) -> Value {
    // A field that the kind does not support is accepted if it is empty.
    let mut properties = Map::new();
    for (name, empty) in [
        ("duration_days", json!({ "type": "null" })),
        ("scopes", json!({ "type": ["array", "null"], "maxItems": 0 })),
        ("corpora", json!({ "type": "array", "maxItems": 0 })),
        ("external_id", json!({ "type": ["string", "null"], "maxLength": 0 })),
        ("metadata", json!({ "type": "null" })),
        ("rate_limits", json!({ "type": "array", "maxItems": 0 })),
        ("credits", json!({ "type": "null" })),
        ("allowed_ips", json!({ "type": "array", "maxItems": 0 })),
    ] {
        properties.insert(name.to_owned(), empty);
    }
    let mut required = vec!["kind", "name"];
    let mut put = |name: &str, schema: Value| drop(properties.insert(name.to_owned(), schema));
    put("kind", string_enum([spec.name]));
    put("name", name_value());
    match spec.expiry {
        Expiry::Chosen => {
            put("duration_days", duration_value());
            required.push("duration_days");
        }
        Expiry::ChosenOrNever => put("duration_days", or_null(duration_value())),
        Expiry::Never | Expiry::Days(_) => {}
    }
    match spec.scope_rule {
        ScopeRule::None => {}
        ScopeRule::Custom => put("scopes", or_null(custom_scopes_value())),
        ScopeRule::Api => {
            let scope = string_enum(Scope::ALL.iter().map(|scope| scope.as_str()));
            put("scopes", json!({ "type": ["array", "null"], "minItems": 1, "items": scope, "examples": [["keys:read", "verify"]] }));
        }
        ScopeRule::Corpora => {
            let access = CORPUS_ACCESS.map(|(scopes, _)| json!({ "const": scopes }));
            let [query, both] = access;
            let reversed = CORPUS_ACCESS[1].0.iter().rev().collect::<Vec<_>>();
            put("scopes", json!({ "oneOf": [query, both, { "const": reversed }, { "type": "null" }] }));
            let corpus = json!({ "type": "integer", "format": "int64", "minimum": 1, "description": "The id of an existing corpus." });
            put("corpora", json!({ "type": "array", "minItems": 1, "items": corpus, "examples": [[1]] }));
            required.push("corpora");
        }
    }
    if spec.has_annotations {
        put("external_id", external_id_value());
        put("metadata", metadata_value());
    }
    if spec.has_limits {
        put("rate_limits", rate_limits_value());
        put("credits", credits_value(true));
        put("allowed_ips", allowed_ips_value());
    }
    json!({ "type": "object", "title": spec.name, "properties": properties, "required": required, "additionalProperties": false })
}

fn creatable() -> impl Iterator<Item = &'static KindSpec> {
    KIND_SPECS.iter().filter(|spec| matches!(spec.kind, Kind::Key(_)) && spec.create_action != CreateAction::FromTemplate)
}

fn kinds(is_key: bool) -> Vec<&'static str> {
    KIND_SPECS
        .iter()
        .filter(|spec| matches!(spec.kind, Kind::Key(_)) == is_key && spec.create_action != CreateAction::FromTemplate)
        .map(|spec| spec.name)
        .collect()
}

fn create_key_value() -> Value {
    json!({ "oneOf": creatable().map(create_schema).collect::<Vec<_>>() })
}

fn create_credential_value() -> Value {
    let secret = |max: usize| json!({ "type": "string", "writeOnly": true, "pattern": format!("^[!-~]{{1,{max}}}$") });
    let provider = |name: &str| string_enum([name]);
    let object = |title: &str, properties: Value, required: Value| json!({ "type": "object", "title": title, "properties": properties, "required": required, "additionalProperties": false });
    let aws = json!({ "kind": string_enum(["external"]), "name": name_value(), "provider": provider("aws"), "duration_days": duration_value(),
        "key": { "type": "string", "pattern": "^[A-Z0-9]{16,128}$" }, "secret": secret(STORAGE_SECRET_MAX),
        "region": { "type": "string", "pattern": "^[a-z0-9-]{1,32}$", "examples": ["us-east-1"] } });
    let dnanexus = json!({ "kind": string_enum(["external"]), "name": name_value(), "provider": provider("dnanexus"), "duration_days": duration_value(),
        "key": secret(STORAGE_SECRET_MAX) });
    let general = json!({ "kind": string_enum(["general"]), "name": name_value(), "value": secret(GENERAL_VALUE_MAX) });
    json!({ "oneOf": [
        object("external, Amazon Web Services", aws, json!(["kind", "name", "provider", "key", "secret", "region", "duration_days"])),
        object("external, DNAnexus", dnanexus, json!(["kind", "name", "provider", "key", "duration_days"])),
        object("general", general, json!(["kind", "name", "value"])),
    ] })
}

fn one_of(names: &[&str]) -> Value {
    let all: Vec<Value> = names.iter().map(|name| json!({ "$ref": format!("#/components/schemas/{name}") })).collect();
    json!({ "oneOf": all })
}

macro_rules! schemas {
    ($($(#[$doc:meta])* $function:ident $name:literal $schema:expr),* $(,)?) => {
        $($(#[$doc])*
        pub fn $function() -> RefOr<Schema> {
            Ref::from_schema_name($name).into()
        })*

        /// All schemas by the name that the functions above refer to.
        pub fn all() -> Vec<(&'static str, Value)> {
            vec![$(($name, $schema)),*]
        }
    };
}

schemas! {
    name "Name" name_value(),
    name_or_null "NameOrNull" or_null(name_value()),
    key_id "KeyId" id_value("key"),
    credential_id "CredentialId" id_value("crd"),
    user_id "UserId" id_value("usr"),
    project_id "ProjectId" id_value("prj"),
    organization_id "OrganizationId" id_value("org"),
    request_id "RequestId" id_value("req"),
    timestamp "Timestamp" timestamp_value(),
    timestamp_or_null "TimestampOrNull" or_null(timestamp_value()),
    text_or_null "TextOrNull" json!({ "type": ["string", "null"] }),
    /// Metadata in a response.
    object_or_null "ObjectOrNull" json!({ "type": ["object", "null"], "examples": [{ "plan": "pro" }] }),
    key_kind "KeyKind" string_enum(kinds(true)),
    credential_kind "CredentialKind" string_enum(kinds(false)),
    status "Status" string_enum([Status::Active, Status::Disabled, Status::Expired, Status::Revoked].map(Status::as_str)),
    /// Scopes of an internal key.
    api_scopes "ApiScopes" json!({ "type": "array", "items": string_enum(Scope::ALL.iter().map(|scope| scope.as_str())) }),
    permissions "Permissions" json!({ "type": "array", "items": string_enum(Permission::ALL.iter().map(|permission| permission.as_str())) }),
    /// Days until expiry; null for never.
    duration_or_null "DurationOrNull" or_null(duration_value()),
    /// Scopes that the organization defines.
    custom_scopes_or_null "CustomScopesOrNull" or_null(custom_scopes_value()),
    external_id "ExternalId" external_id_value(),
    metadata "Metadata" metadata_value(),
    rate_limits "RateLimits" rate_limits_value(),
    rate_limits_or_null "RateLimitsOrNull" or_null(rate_limits_value()),
    allowed_ips "AllowedIps" allowed_ips_value(),
    allowed_ips_or_null "AllowedIpsOrNull" or_null(allowed_ips_value()),
    /// Credits of a new key.
    new_credits "NewCredits" credits_value(true),
    /// New credits of an existing key.
    credits_patch "CreditsPatch" credits_value(false),
    /// Credits in a response.
    credits_or_null "CreditsOrNull" json!({ "type": ["object", "null"], "required": ["remaining", "refill", "amount"], "properties": {
        "remaining": { "type": "integer", "format": "int64" }, "refill": string_enum(["never", "daily", "monthly"]),
        "amount": { "type": "integer", "format": "int64", "description": "The number of credits after a refill; 0 without refill." },
    } }),
    /// The grace period of a rotation.
    grace "Grace" json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": GRACE_MAX_SECONDS, "examples": [3600] }),
    sha256 "Sha256" json!({ "type": "string", "pattern": "^([0-9a-fA-F]{64}|[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)$",
        "examples": ["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"] }),
    /// The only kind that can be imported.
    client_or_null "ClientOrNull" or_null(string_enum(["client"])),
    /// The only kind that the API accepts.
    internal "Internal" string_enum(["internal"]),
    /// The provider of an external key.
    provider_or_null "ProviderOrNull" json!({ "type": ["string", "null"], "enum": ["aws", "dnanexus", null] }),
    /// The new value of a general key; an empty string keeps the stored one.
    new_value "NewValue" json!({ "type": "string", "writeOnly": true, "pattern": format!("^[!-~]{{0,{GENERAL_VALUE_MAX}}}$") }),
    outcome "Outcome" string_enum([TestOutcome::Works, TestOutcome::Refused, TestOutcome::Unchecked].map(TestOutcome::as_str)),
    visibility "Visibility" string_enum(Visibility::ALL.map(Visibility::as_str)),
    verify_request "VerifyRequest" verify_request_value(),
    verify_batch_request "VerifyBatchRequest" json!({ "type": "object", "required": ["keys"], "additionalProperties": false, "properties": {
        "keys": { "type": "array", "minItems": 1, "maxItems": 1000, "items": { "$ref": "#/components/schemas/VerifyRequest" } },
    } }),
    verdict "Verdict" verdict_value(),
    verify_batch_response "VerifyBatchResponse" json!({ "type": "object", "required": ["items"], "properties": {
        "items": { "type": "array", "items": { "$ref": "#/components/schemas/Verdict" } },
    } }),
    /// A key to create, by kind.
    create_key "CreateKey" create_key_value(),
    /// A credential to create, by kind.
    create_credential "CreateCredential" create_credential_value(),
    /// One key to import, or several.
    import_keys_request "ImportKeysRequest" one_of(&["ImportKey", "ImportKeys"]),
    /// One imported key, or several.
    import_keys_response "ImportKeysResponse" one_of(&["ImportedKey", "ImportedKeys"]),
}
