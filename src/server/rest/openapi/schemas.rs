//! What values can be, in JSON Schema: the bounds are the rules' own constants, and what differs between kinds is in the policy table.

use serde_json::{Map, Value, json};
use utoipa::openapi::{Ref, RefOr, Schema};

use crate::{
    model::{
        credential::{GENERAL_VALUE_MAX, STORAGE_SECRET_MAX},
        key::{GRACE_MAX_SECONDS, TestOutcome},
        limits::{ALLOWED_IPS_MAX, CREDITS_MAX, DURATION_RANGE_MS, LIMIT_MAX, LIMIT_NAME_MAX, RATE_LIMITS_MAX},
        listing::ROWS_MAX,
        permission::{Permission, Scope},
        policy::{CORPUS_ACCESS, Expiry, Kind, Making, POLICIES, Policy, Scoping, Status},
        project::Visibility,
        text::NAME_MAX,
    },
    server::{
        expiry::DURATION_MAX_DAYS,
        keys::{METADATA_MAX, SCOPES_MAX},
        verify::Code,
    },
};

/// What cannot be seen: such characters are in no name. Those above the first plane are left out: no pattern names them in every language.
const UNSEEN: &str = r"\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb";
/// Blanks, which are taken off both ends.
const BLANK: &str = r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";

/// What stands between the blanks of a name: as many characters as are taken, the first and the last of them no blanks.
fn named() -> String {
    let (seen, inside, between) = (format!("[^{BLANK}{UNSEEN}]"), format!("[^{UNSEEN}]"), NAME_MAX - 2);
    format!("{seen}({inside}{{0,{between}}}{seen})?")
}

fn name_value() -> Value {
    let pattern = format!("^[{BLANK}]*{}[{BLANK}]*$", named());
    json!({ "type": "string", "pattern": pattern, "description": format!("1 to {NAME_MAX} characters; blanks around them are taken off."),
        "examples": ["nightly build"] })
}

/// The same, or what stands beside it.
fn or_null(mut schema: Value) -> Value {
    let word = schema["type"].take();
    schema["type"] = json!([word, "null"]);
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
    schema
}

fn id_value(prefix: &str) -> Value {
    json!({ "type": "string", "pattern": format!("^{prefix}_[0-9a-f]{{32}}$"), "examples": [format!("{prefix}_01a1f0b75c8d7f3aa6c1d0e5b4938271")] })
}

fn moment_value() -> Value {
    json!({ "type": "string", "format": "date-time", "examples": ["2026-11-21T10:00:00.000Z"] })
}

fn words_value() -> Value {
    let word = json!({ "type": "string", "pattern": format!("^[!-~]{{1,{NAME_MAX}}}$"), "examples": ["reports:read"] });
    json!({ "type": "array", "items": word, "description": format!("At most {SCOPES_MAX} different ones.") })
}

fn enumerated<'a>(words: impl IntoIterator<Item = &'a str>) -> Value {
    json!({ "type": "string", "enum": words.into_iter().collect::<Vec<_>>() })
}

fn duration_value() -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": DURATION_MAX_DAYS, "examples": [90] })
}

/// Blank is for nobody's.
fn external_id_value() -> Value {
    let pattern = format!("^[{BLANK}]*({}[{BLANK}]*)?$", named());
    json!({ "type": ["string", "null"], "pattern": pattern, "examples": ["customer-4711"] })
}

fn metadata_value() -> Value {
    let flat = json!({ "type": ["string", "number", "boolean", "null"], "maxLength": METADATA_MAX });
    let about = format!("A flat object; at most {METADATA_MAX} bytes of JSON.");
    json!({ "type": ["object", "null"], "additionalProperties": flat, "description": about, "examples": [{ "plan": "pro" }] })
}

fn rate_limits_value() -> Value {
    let name = json!({ "type": "string", "pattern": format!("^[A-Za-z0-9_.:-]{{1,{LIMIT_NAME_MAX}}}$"), "description": "Once in a key.", "examples": ["per-minute"] });
    let limit = json!({ "type": "integer", "format": "int64", "minimum": 1, "maximum": LIMIT_MAX, "examples": [100] });
    let (shortest, longest) = (DURATION_RANGE_MS.start(), DURATION_RANGE_MS.end());
    let duration = json!({ "type": "integer", "format": "int64", "minimum": shortest, "maximum": longest, "examples": [60_000] });
    let item = json!({
        "type": "object", "properties": { "name": name, "limit": limit, "duration_ms": duration }, "required": ["name", "limit", "duration_ms"],
        "additionalProperties": false, "description": "A sliding window: at most `limit` requests in any span of `duration_ms`, on each server that judges.",
    });
    json!({ "type": "array", "maxItems": RATE_LIMITS_MAX, "items": item })
}

fn allowed_ips_value() -> Value {
    let network = json!({ "type": "string", "examples": ["192.0.2.0/24"], "description": "A network in CIDR notation, or an address.",
        "pattern": r"^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(/(3[0-2]|[12]?[0-9]))?$|:" });
    json!({ "type": "array", "maxItems": ALLOWED_IPS_MAX, "items": network })
}

fn amount(least: i64) -> Value {
    json!({ "type": "integer", "format": "int64", "minimum": least, "maximum": CREDITS_MAX, "examples": [1000] })
}

/// Credits that somebody asks for: where they are filled up, to what; and where they never are, how many there are.
fn wanted_credits_value(must_say_remaining: bool) -> Value {
    let left = if must_say_remaining { amount(0) } else { or_null(amount(0)) };
    let object = |properties: Value, required: Value| json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    let never_required = if must_say_remaining { json!(["remaining"]) } else { json!([]) };
    let never = object(json!({ "remaining": left, "refill": enumerated(["never"]), "amount": or_null(amount(0)) }), never_required);
    let refilled = json!({ "remaining": or_null(amount(0)), "refill": enumerated(["daily", "monthly"]), "amount": amount(1) });
    let refilled = object(refilled, json!(["refill", "amount"]));
    json!({ "oneOf": [never, refilled, { "type": "null" }] })
}

/// What a value in the query of a list can be; `None` for what can be any text.
pub fn queried(name: &str, of_keys: bool) -> Option<Value> {
    let sorts = ["name", "created_at", "last_used_at", "expires_at"].map(|column| [column.to_owned(), format!("-{column}")]);
    Some(match name {
        "kind" => enumerated(kinds(of_keys)),
        "status" => enumerated([Status::Active, Status::Disabled, Status::Expired, Status::Revoked].map(Status::word)),
        "sort" => enumerated(sorts.as_flattened().iter().map(String::as_str)),
        "limit" => json!({ "type": "integer", "minimum": 1, "maximum": ROWS_MAX, "default": 50 }),
        "q" => json!({ "type": "string", "maxLength": NAME_MAX, "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$" }),
        _ => return None,
    })
}

/// What is asked of a key.
fn ask_value() -> Value {
    let text = json!({ "type": ["string", "null"] });
    let address = json!({ "anyOf": [{ "type": "string", "format": "ipv4" }, { "type": "string", "format": "ipv6" }, { "type": "null" }],
        "description": "From where the key was presented.", "examples": ["192.0.2.7"] });
    let properties = json!({
        "key": { "type": "string", "description": "As it was presented." }, "scope": text, "project": text, "ip": address,
        "corpus": { "type": ["integer", "null"], "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX },
        "cost": { "type": ["integer", "null"], "minimum": 0, "maximum": u32::MAX, "description": "How many credits the call takes; 1 if not given." },
    });
    json!({ "type": "object", "properties": properties, "required": ["key"], "additionalProperties": false })
}

/// Where the code is `NOT_FOUND`, every field of the key is null.
fn verdict_value() -> Value {
    let (text, list) = (json!({ "type": ["string", "null"] }), |items: &str| json!({ "type": ["array", "null"], "items": { "type": items } }));
    let kinds = POLICIES.iter().filter(|policy| matches!(policy.kind, Kind::Key(_))).map(|policy| policy.word);
    let properties = json!({
        "valid": { "type": "boolean" }, "code": enumerated(Code::ALL.map(Code::word)), "key_id": or_null(id_value("key")), "name": text, "kind": or_null(enumerated(kinds)),
        "customer_id": { "type": ["integer", "null"] }, "external_id": text, "metadata": { "type": ["object", "null"] }, "scopes": list("string"),
        "corpora": list("integer"), "project_id": or_null(id_value("prj")), "role": text, "expires_at": or_null(moment_value()),
        "request_id": id_value("req"),
    });
    let required: Vec<&String> = properties.as_object().map(|properties| properties.keys().collect()).unwrap_or_default();
    json!({ "type": "object", "properties": properties, "required": required })
}

/// What a key of this kind can be made with.
fn create_of(policy: &Policy) -> Value {
    // What a kind lacks may be there as long as nothing is in it.
    let mut properties = Map::new();
    for (name, none) in [
        ("duration_days", json!({ "type": "null" })),
        ("scopes", json!({ "type": ["array", "null"], "maxItems": 0 })),
        ("corpora", json!({ "type": "array", "maxItems": 0 })),
        ("external_id", json!({ "type": ["string", "null"], "maxLength": 0 })),
        ("metadata", json!({ "type": "null" })),
        ("rate_limits", json!({ "type": "array", "maxItems": 0 })),
        ("credits", json!({ "type": "null" })),
        ("allowed_ips", json!({ "type": "array", "maxItems": 0 })),
    ] {
        properties.insert(name.to_owned(), none);
    }
    let mut required = vec!["kind", "name"];
    let mut put = |name: &str, schema: Value| drop(properties.insert(name.to_owned(), schema));
    put("kind", enumerated([policy.word]));
    put("name", name_value());
    match policy.expiry {
        Expiry::Chosen => {
            put("duration_days", duration_value());
            required.push("duration_days");
        }
        Expiry::ChosenOrNever => put("duration_days", or_null(duration_value())),
        Expiry::Never | Expiry::Days(_) => {}
    }
    match policy.scoping {
        Scoping::None => {}
        Scoping::Words => put("scopes", or_null(words_value())),
        Scoping::Api => {
            let word = enumerated(Scope::ALL.iter().map(|scope| scope.word()));
            put("scopes", json!({ "type": ["array", "null"], "minItems": 1, "items": word, "examples": [["keys:read", "verify"]] }));
        }
        Scoping::Corpora => {
            let access = CORPUS_ACCESS.map(|(words, _)| json!({ "const": words }));
            let [query, both] = access;
            let turned = CORPUS_ACCESS[1].0.iter().rev().collect::<Vec<_>>();
            put("scopes", json!({ "oneOf": [query, both, { "const": turned }, { "type": "null" }] }));
            let corpus = json!({ "type": "integer", "format": "int64", "minimum": 1, "description": "The id of one that is there." });
            put("corpora", json!({ "type": "array", "minItems": 1, "items": corpus, "examples": [[1]] }));
            required.push("corpora");
        }
    }
    if policy.annotated {
        put("external_id", external_id_value());
        put("metadata", metadata_value());
    }
    if policy.limited {
        put("rate_limits", rate_limits_value());
        put("credits", wanted_credits_value(true));
        put("allowed_ips", allowed_ips_value());
    }
    json!({ "type": "object", "title": policy.word, "properties": properties, "required": required, "additionalProperties": false })
}

fn made_here() -> impl Iterator<Item = &'static Policy> {
    POLICIES.iter().filter(|policy| matches!(policy.kind, Kind::Key(_)) && policy.making != Making::ByProject)
}

fn kinds(is_key: bool) -> Vec<&'static str> {
    POLICIES
        .iter()
        .filter(|policy| matches!(policy.kind, Kind::Key(_)) == is_key && policy.making != Making::ByProject)
        .map(|policy| policy.word)
        .collect()
}

fn create_key_value() -> Value {
    json!({ "oneOf": made_here().map(create_of).collect::<Vec<_>>() })
}

fn create_credential_value() -> Value {
    let secret = |max: usize| json!({ "type": "string", "writeOnly": true, "pattern": format!("^[!-~]{{1,{max}}}$") });
    let provider = |word: &str| enumerated([word]);
    let object = |title: &str, properties: Value, required: Value| json!({ "type": "object", "title": title, "properties": properties, "required": required, "additionalProperties": false });
    let aws = json!({ "kind": enumerated(["storage"]), "name": name_value(), "provider": provider("aws"), "duration_days": duration_value(),
        "key": { "type": "string", "pattern": "^[A-Z0-9]{16,128}$" }, "secret": secret(STORAGE_SECRET_MAX),
        "region": { "type": "string", "pattern": "^[a-z0-9-]{1,32}$", "examples": ["us-east-1"] } });
    let dnanexus = json!({ "kind": enumerated(["storage"]), "name": name_value(), "provider": provider("dnanexus"), "duration_days": duration_value(),
        "key": secret(STORAGE_SECRET_MAX) });
    let llm = json!({ "kind": enumerated(["llm"]), "name": name_value(), "value": secret(GENERAL_VALUE_MAX) });
    json!({ "oneOf": [
        object("storage, Amazon Web Services", aws, json!(["kind", "name", "provider", "key", "secret", "region", "duration_days"])),
        object("storage, DNAnexus", dnanexus, json!(["kind", "name", "provider", "key", "duration_days"])),
        object("llm", llm, json!(["kind", "name", "value"])),
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

        /// Each of them under its name: what the functions refer to.
        pub fn all() -> Vec<(&'static str, Value)> {
            vec![$(($name, $schema)),*]
        }
    };
}

schemas! {
    /// A name.
    name "Name" name_value(),
    /// A name that may be left as it is.
    name_or_null "NameOrNull" or_null(name_value()),
    /// The id of a key.
    key_id "KeyId" id_value("key"),
    /// The id of a credential.
    credential_id "CredentialId" id_value("crd"),
    /// The id of a person.
    user_id "UserId" id_value("usr"),
    /// The id of a project.
    project_id "ProjectId" id_value("prj"),
    /// The id of an organization.
    organization_id "OrganizationId" id_value("org"),
    /// The id of a call.
    request_id "RequestId" id_value("req"),
    /// A moment.
    moment "Moment" moment_value(),
    /// A moment that may not be.
    moment_or_null "MomentOrNull" or_null(moment_value()),
    /// Any text, or none.
    text_or_null "TextOrNull" json!({ "type": ["string", "null"] }),
    /// A flat object, or none, as it is told.
    object_or_null "ObjectOrNull" json!({ "type": ["object", "null"], "examples": [{ "plan": "pro" }] }),
    /// The kind of a key.
    key_kind "KeyKind" enumerated(kinds(true)),
    /// The kind of a credential.
    credential_kind "CredentialKind" enumerated(kinds(false)),
    /// What a key is at a moment.
    status "Status" enumerated([Status::Active, Status::Disabled, Status::Expired, Status::Revoked].map(Status::word)),
    /// Scopes of a platform key.
    api_scopes "ApiScopes" json!({ "type": "array", "items": enumerated(Scope::ALL.iter().map(|scope| scope.word())) }),
    /// What a person may do.
    permissions "Permissions" json!({ "type": "array", "items": enumerated(Permission::ALL.iter().map(|permission| permission.word())) }),
    /// Days, or none.
    duration_or_null "DurationOrNull" or_null(duration_value()),
    /// Scopes in words of their own.
    words_or_null "WordsOrNull" or_null(words_value()),
    /// Whose it is in another system.
    external_id "ExternalId" external_id_value(),
    /// What another system notes.
    metadata "Metadata" metadata_value(),
    /// Rate limits.
    rate_limits "RateLimits" rate_limits_value(),
    /// Rate limits that may be left as they are.
    rate_limits_or_null "RateLimitsOrNull" or_null(rate_limits_value()),
    /// Networks.
    allowed_ips "AllowedIps" allowed_ips_value(),
    /// Networks that may be left as they are.
    allowed_ips_or_null "AllowedIpsOrNull" or_null(allowed_ips_value()),
    /// Credits of a new key.
    wanted_credits "WantedCredits" wanted_credits_value(true),
    /// Credits of a key that stands.
    edited_credits "EditedCredits" wanted_credits_value(false),
    /// Credits as they are told.
    credits_or_null "CreditsOrNull" json!({ "type": ["object", "null"], "required": ["remaining", "refill", "amount"], "properties": {
        "remaining": { "type": "integer", "format": "int64" }, "refill": enumerated(["never", "daily", "monthly"]),
        "amount": { "type": "integer", "format": "int64", "description": "To what they are filled up; 0 where they never are." },
    } }),
    /// The grace of a rotation.
    grace "Grace" json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": GRACE_MAX_SECONDS, "examples": [3600] }),
    /// A SHA-256.
    sha256 "Sha256" json!({ "type": "string", "pattern": "^([0-9a-fA-F]{64}|[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)$",
        "examples": ["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"] }),
    /// The one kind that can be taken over.
    client_or_null "ClientOrNull" or_null(enumerated(["client"])),
    /// The one kind that calls the API.
    platform "Platform" enumerated(["platform"]),
    /// Where a storage credential belongs.
    provider_or_null "ProviderOrNull" json!({ "type": ["string", "null"], "enum": ["aws", "dnanexus", null] }),
    /// A general key's value; blank keeps what is stored.
    new_value "NewValue" json!({ "type": "string", "writeOnly": true, "pattern": format!("^[!-~]{{0,{GENERAL_VALUE_MAX}}}$") }),
    /// How a test went.
    outcome "Outcome" enumerated([TestOutcome::Works, TestOutcome::Refused, TestOutcome::Unchecked].map(TestOutcome::word)),
    /// Who sees a project.
    visibility "Visibility" enumerated(Visibility::ALL.map(Visibility::word)),
    /// What is asked of a key.
    ask "Ask" ask_value(),
    /// What is asked of many.
    asks "Asks" json!({ "type": "object", "required": ["keys"], "additionalProperties": false, "properties": {
        "keys": { "type": "array", "minItems": 1, "maxItems": 1000, "items": { "$ref": "#/components/schemas/Ask" } },
    } }),
    /// Whether a key is good.
    verdict "Verdict" verdict_value(),
    /// Whether each of many is.
    verdicts "Verdicts" json!({ "type": "object", "required": ["items"], "properties": {
        "items": { "type": "array", "items": { "$ref": "#/components/schemas/Verdict" } },
    } }),
    /// What can be asked of a new key, kind by kind.
    create_key "CreateKey" create_key_value(),
    /// What can be asked of a new credential, kind by kind.
    create_credential "CreateCredential" create_credential_value(),
    /// Keys that are to be taken over: one, or many.
    import_call "ImportCall" one_of(&["ImportKey", "ImportKeys"]),
    /// Keys that were taken over: one, or many.
    import_answer "ImportAnswer" one_of(&["ImportedKey", "ImportedKeys"]),
}
