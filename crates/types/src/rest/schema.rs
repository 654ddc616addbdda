//! Schemas of values, which derives cannot produce: bounds are the constants that validation uses, and differences between kinds come from
//! the kind table.

use std::{borrow::Cow, collections::BTreeMap, ops::RangeInclusive};

use serde_json::{Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ArrayBuilder, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema,
        schema::{AdditionalProperties, AnyOfBuilder, KnownFormat, SchemaFormat, SchemaType, Type},
    },
};

use super::{
    credentials::CreateCredential,
    keys::{CreateKey, ImportKey, RequestedBudget},
    values::{
        AllowedIps, AllowedOrigins, ChangedCredits, CorpusNumber, Cost, CustomScopes, DurationDays, ExternalId, GraceSeconds, IpAddress, MaxParallel,
        Metadata, ModelPatterns, Name, NewCredits, NewValue, RateLimits, Rfc3339, Sha256, TokensPerMinute,
    },
};
use crate::{
    budget::{BudgetPeriod, MODEL_PATTERNS_MAX, PARALLEL_MAX, TOKENS_MAX},
    credential::{GENERAL_VALUE_MAX, STORAGE_SECRET_MAX},
    id::{Id, IdKind},
    key::{GRACE_MAX_SECONDS, StorageProvider, TestOutcome},
    key_kind::{CORPUS_ACCESS, CredentialKind, Expiry, KIND_SPECS, KeyKind, Kind, KindSpec, ScopeRule, Status},
    limits::{
        ALLOWED_IPS_MAX, CORPORA_MAX, CREDITS_MAX, DURATION_MAX_DAYS, DURATION_RANGE_MS, LIMIT_MAX, LIMIT_NAME_MAX, METADATA_MAX, MODEL_PATTERN_MAX,
        RATE_LIMITS_MAX, SCOPES_MAX,
    },
    listing::ROWS_MAX,
    origin::ALLOWED_ORIGINS_MAX,
    permission::{Permission, Scope},
    project::Visibility,
    rest::page::LIMIT_DEFAULT,
    validate::NAME_MAX,
};

macro_rules! schemas {
    ($($type:ty, $name:literal: $schema:expr;)*) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                $name.into()
            }
        }
    )*};
}

schemas! {
    Rfc3339, "Timestamp": text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).examples(["2026-11-21T10:00:00.000Z"]);
    Name, "Name": matching(format!("^[{SPACE}]*{}[{SPACE}]*$", trimmed_name_pattern()))
        .description(Some(format!("1 to {NAME_MAX} characters. Leading and trailing white space is removed.")))
        .examples(["nightly build"]);
    // An empty external id clears it.
    ExternalId, "ExternalId": matching(format!("^[{SPACE}]*({}[{SPACE}]*)?$", trimmed_name_pattern())).examples(["customer-4711"]);
    Sha256, "Sha256": matching("^([0-9a-fA-F]{64}|[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)$")
        .examples(["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"]);
    CustomScopes, "CustomScopes": ArrayBuilder::new()
        .items(matching(format!("^[!-~]{{1,{NAME_MAX}}}$")).examples(["reports:read"]))
        .description(Some(format!("At most {SCOPES_MAX} distinct scopes.")));
    Metadata, "Metadata": ObjectBuilder::new()
        .additional_properties(Some(flat_value()))
        .description(Some(format!("A flat object of at most {METADATA_MAX} bytes of JSON.")))
        .examples([json!({ "plan": "pro" })]);
    DurationDays, "DurationDays": integer(1..=DURATION_MAX_DAYS).examples([90]);
    GraceSeconds, "GraceSeconds": int64(0..=GRACE_MAX_SECONDS).examples([3600]);
    RateLimits, "RateLimits": ArrayBuilder::new().items(rate_limit()).max_items(Some(RATE_LIMITS_MAX));
    AllowedIps, "AllowedIps": ArrayBuilder::new().items(network()).max_items(Some(ALLOWED_IPS_MAX));
    AllowedOrigins, "AllowedOrigins": ArrayBuilder::new().items(origin()).max_items(Some(ALLOWED_ORIGINS_MAX));
    NewCredits, "NewCredits": credits(true);
    ChangedCredits, "ChangedCredits": credits(false);
    ModelPatterns, "ModelPatterns": ArrayBuilder::new().items(model_pattern()).max_items(Some(MODEL_PATTERNS_MAX));
    TokensPerMinute, "TokensPerMinute": int64(1..=TOKENS_MAX).examples([100_000]);
    MaxParallel, "MaxParallel": int64(1..=PARALLEL_MAX).examples([4]);
    RequestedBudget, "RequestedBudget": requested_budget();
    NewValue, "NewValue": matching(format!("^[!-~]{{0,{GENERAL_VALUE_MAX}}}$")).write_only(true);
    CorpusNumber, "CorpusNumber": int64(i64::MIN..=i64::MAX);
    Cost, "Cost": integer(0..=i64::from(u32::MAX));
    IpAddress, "IpAddress": AnyOfBuilder::new()
        .item(text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Ipv4))))
        .item(text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Ipv6))))
        .examples(["192.0.2.7"]);
    CreateKey, "CreateKey": creatable().fold(OneOfBuilder::new(), |kinds, spec| kinds.item(create_key(spec)));
    CreateCredential, "CreateCredential": create_credential();
    KeyKind, "KeyKind": names(creatable().map(|spec| spec.name));
    CredentialKind, "CredentialKind": names(specs(false).map(|spec| spec.name));
    VerifiedKind, "VerifiedKind": names(specs(true).map(|spec| spec.name));
    Status, "Status": names([Status::Active, Status::Disabled, Status::Expired, Status::Revoked].map(Status::as_str));
    Scope, "Scope": names(Scope::ALL.iter().map(|scope| scope.as_str()));
    Permission, "Permission": names(Permission::ALL.iter().map(|permission| permission.as_str()));
    StorageProvider, "StorageProvider": names(StorageProvider::ALL.map(StorageProvider::as_str));
    TestOutcome, "TestOutcome": names([TestOutcome::Works, TestOutcome::Refused, TestOutcome::Unchecked].map(TestOutcome::as_str));
    Visibility, "Visibility": names(Visibility::ALL.map(Visibility::as_str));
    SortField, "SortField": names(SORT_FIELDS.into_iter().flat_map(|field| [field.to_owned(), format!("-{field}")]));
    PageLimit, "PageLimit": integer(1..=ROWS_MAX).default(Some(json!(LIMIT_DEFAULT)));
    SearchText, "SearchText": matching(r"^[^\u0000-\u001f\u007f-\u009f]*$").max_length(Some(NAME_MAX));
}

impl<N: IdKind> PartialSchema for Id<N> {
    fn schema() -> RefOr<Schema> {
        let prefix = N::PREFIX;
        matching(format!("^{prefix}_[0-9a-f]{{32}}$")).examples([format!("{prefix}_01a1f0b75c8d7f3aa6c1d0e5b4938271")]).into()
    }
}

impl<N: IdKind> ToSchema for Id<N> {
    fn name() -> Cow<'static, str> {
        N::TYPE_NAME.into()
    }
}

/// The kind of a key in a verdict. Unlike lists of keys, verdicts can be about project keys.
pub(super) enum VerifiedKind {}

/// The values of the query parameter `sort`.
pub(super) enum SortField {}

const SORT_FIELDS: [&str; 4] = ["name", "created_at", "last_used_at", "expires_at"];

/// The query parameter `limit`.
pub(super) enum PageLimit {}

/// The query parameter `q`.
pub(super) enum SearchText {}

/// A reference to the codes of verdicts, which the server adds: they are defined where keys are evaluated.
pub(super) fn verdict_code() -> RefOr<Schema> {
    Ref::from_schema_name("VerdictCode").into()
}

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

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn matching(pattern: impl Into<String>) -> ObjectBuilder {
    text().pattern(Some(pattern))
}

fn names<N: Into<Value>>(values: impl IntoIterator<Item = N>) -> ObjectBuilder {
    text().enum_values(Some(values))
}

fn integer<N: Copy + Into<utoipa::Number>>(range: RangeInclusive<N>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(*range.start())).maximum(Some(*range.end()))
}

fn int64(range: RangeInclusive<i64>) -> ObjectBuilder {
    integer(range).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
}

fn null() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Null)
}

/// The schema of `T`, or null.
fn nullable<T: PartialSchema>() -> OneOfBuilder {
    OneOfBuilder::new().item(null()).item(T::schema())
}

/// An object with these fields and no others.
fn closed<N: Into<String>>(fields: impl IntoIterator<Item = (N, RefOr<Schema>)>, required: &[&str]) -> ObjectBuilder {
    let object = ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(AdditionalProperties::FreeForm(false)));
    let object = fields.into_iter().fold(object, |object, (name, schema)| object.property(name, schema));
    required.iter().fold(object, |object, name| object.required(*name))
}

fn flat_value() -> ObjectBuilder {
    let types = SchemaType::from_iter([Type::String, Type::Number, Type::Boolean, Type::Null]);
    ObjectBuilder::new().schema_type(types).max_length(Some(METADATA_MAX))
}

fn rate_limit() -> ObjectBuilder {
    let name = matching(format!("^[A-Za-z0-9_.:-]{{1,{LIMIT_NAME_MAX}}}$")).description(Some("Unique within a key.")).examples(["per-minute"]);
    let strict = ObjectBuilder::new()
        .schema_type(Type::Boolean)
        .description(Some("Never exceeded by several instances together; without it, by at most 1 %. False if it is missing."));
    let fields = [
        ("name", name.into()),
        ("limit", int64(1..=LIMIT_MAX).examples([100]).into()),
        ("duration_ms", int64(DURATION_RANGE_MS).examples([60_000]).into()),
        ("strict", strict.into()),
    ];
    closed(fields, &["name", "limit", "duration_ms"]).description(Some("A sliding window: at most `limit` requests in any period of `duration_ms`."))
}

fn network() -> ObjectBuilder {
    matching(r"^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(/(3[0-2]|[12]?[0-9]))?$|:")
        .description(Some("A network in CIDR notation or a single address."))
        .examples(["192.0.2.0/24"])
}

fn origin() -> ObjectBuilder {
    matching(r"^[A-Za-z][A-Za-z0-9+.-]*://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?$")
        .description(Some("Scheme, host and port of a web page."))
        .examples(["https://example.com"])
}

/// Requested credits: with a refill the amount is required; without one, the remaining credits are required for a new key.
fn credits(is_new: bool) -> OneOfBuilder {
    let amount = |minimum: i64| int64(minimum..=CREDITS_MAX).examples([1000]);
    let amount_or_null = || amount(0).schema_type(SchemaType::from_iter([Type::Integer, Type::Null]));
    let remaining = if is_new { amount(0) } else { amount_or_null() };
    let never = [("remaining", remaining.into()), ("refill", names(["never"]).into()), ("amount", amount_or_null().into())];
    let refilled = [("remaining", amount_or_null().into()), ("refill", names(["daily", "monthly"]).into()), ("amount", amount(1).into())];
    let required: &[&str] = if is_new { &["remaining"] } else { &[] };
    OneOfBuilder::new().item(closed(never, required)).item(closed(refilled, &["refill", "amount"]))
}

fn model_pattern() -> ObjectBuilder {
    // Leading and trailing white space is removed.
    matching(format!("^[{SPACE}]*[!#-&(->@-_a-~]{{1,{MODEL_PATTERN_MAX}}}[{SPACE}]*$"))
        .description(Some("A name of a model or alias, in which `*` stands for any characters."))
        .examples(["gpt-*"])
}

/// A limit in dollars is a decimal string, one in tokens an integer. Dollars are the default.
fn requested_budget() -> OneOfBuilder {
    let period = || names([BudgetPeriod::Day, BudgetPeriod::Week, BudgetPeriod::Month, BudgetPeriod::None].map(BudgetPeriod::as_str)).into();
    let dollars = matching(r"^([0-9]{1,9}(\.[0-9]{0,9})?|1000000000(\.0{0,9})?|\.[0-9]{1,9})$").examples(["12.50"]);
    let dollars = [("limit", dollars.into()), ("unit", names(["usd"]).into()), ("period", period())];
    let tokens = [("limit", int64(0..=TOKENS_MAX).examples([1_000_000]).into()), ("unit", names(["tokens"]).into()), ("period", period())];
    OneOfBuilder::new().item(closed(dollars, &["limit"])).item(closed(tokens, &["limit", "unit"]))
}

/// All kinds of keys, or of credentials.
fn specs(are_keys: bool) -> impl Iterator<Item = &'static KindSpec> {
    KIND_SPECS.iter().filter(move |spec| matches!(spec.kind, Kind::Key(_)) == are_keys)
}

/// The kinds of keys that the API creates and lists.
fn creatable() -> impl Iterator<Item = &'static KindSpec> {
    specs(true).filter(|spec| spec.is_listed())
}

/// The request to create a key of this kind. A field that the kind does not support is accepted if it is empty.
fn create_key(spec: &KindSpec) -> ObjectBuilder {
    let empty_array = || ArrayBuilder::new().items(ObjectBuilder::new().schema_type(SchemaType::AnyValue)).max_items(Some(0));
    let array_or_null = || SchemaType::from_iter([Type::Array, Type::Null]);
    let mut required = vec!["kind", "name"];
    let duration = match spec.expiry {
        Expiry::Chosen => {
            required.push("duration_days");
            DurationDays::schema()
        }
        Expiry::ChosenOrNever => nullable::<DurationDays>().into(),
        Expiry::Never | Expiry::Days(_) => null().into(),
    };
    let scopes = match spec.scope_rule {
        ScopeRule::None => empty_array().schema_type(array_or_null()).into(),
        ScopeRule::Custom => nullable::<CustomScopes>().into(),
        ScopeRule::Api => {
            let scopes = ArrayBuilder::new().schema_type(array_or_null()).items(Scope::schema()).min_items(Some(1));
            scopes.examples([json!(["keys:read", "verify"])]).into()
        }
        ScopeRule::Corpora => corpus_access().into(),
    };
    let corpora = if spec.scope_rule == ScopeRule::Corpora {
        required.push("corpora");
        let id = int64(1..=i64::MAX).maximum(None::<i64>).description(Some("The id of an existing corpus."));
        ArrayBuilder::new().items(id).min_items(Some(1)).max_items(Some(CORPORA_MAX)).examples([json!([1])])
    } else {
        empty_array()
    };
    let (external_id, metadata) = if spec.has_annotations {
        (nullable::<ExternalId>().into(), nullable::<Metadata>().into())
    } else {
        (text().schema_type(SchemaType::from_iter([Type::String, Type::Null])).max_length(Some(0)).into(), null().into())
    };
    let (rate_limits, credits) =
        if spec.has_limits { (RateLimits::schema(), nullable::<NewCredits>().into()) } else { (empty_array().into(), null().into()) };
    let allowed_ips = if spec.has_limits && !spec.is_public { AllowedIps::schema() } else { empty_array().into() };
    let (address_rate_limits, allowed_origins) =
        if spec.is_public { (RateLimits::schema(), AllowedOrigins::schema()) } else { (empty_array().into(), empty_array().into()) };
    let by_model_access = if spec.can_call_models {
        [
            ("models", nullable::<ModelPatterns>().into()),
            ("budget", nullable::<RequestedBudget>().into()),
            ("tokens_per_minute", nullable::<TokensPerMinute>().into()),
            ("max_parallel", nullable::<MaxParallel>().into()),
            ("log_bodies", ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Boolean, Type::Null])).into()),
        ]
    } else {
        let off = ObjectBuilder::new().schema_type(SchemaType::AnyValue).enum_values(Some([json!(false), Value::Null]));
        let null = || -> RefOr<Schema> { null().into() };
        [("models", null()), ("budget", null()), ("tokens_per_minute", null()), ("max_parallel", null()), ("log_bodies", off.into())]
    };
    let by_kind = [
        ("kind", names([spec.name]).into()),
        ("name", Name::schema()),
        ("duration_days", duration),
        ("scopes", scopes),
        ("corpora", corpora.into()),
        ("external_id", external_id),
        ("metadata", metadata),
        ("rate_limits", rate_limits),
        ("address_rate_limits", address_rate_limits),
        ("credits", credits),
        ("allowed_ips", allowed_ips),
        ("allowed_origins", allowed_origins),
    ];
    let by_kind = by_kind.into_iter().chain(by_model_access).map(|(name, schema)| (name.to_owned(), schema));
    closed(attributes().chain(by_kind), &required).title(Some(spec.name))
}

/// The attributes of a key, as far as they do not depend on its kind: those of a key to import.
fn attributes() -> impl Iterator<Item = (String, RefOr<Schema>)> {
    let properties = match ImportKey::schema() {
        RefOr::T(Schema::Object(object)) => object.properties,
        _ => BTreeMap::default(),
    };
    properties.into_iter().filter(|(name, _)| name != "sha256")
}

/// The scopes of a corpus key, in either order.
fn corpus_access() -> ObjectBuilder {
    let ordered = CORPUS_ACCESS.iter().map(|(scopes, _)| json!(scopes));
    let reversed = CORPUS_ACCESS.iter().filter(|(scopes, _)| scopes.len() > 1).map(|(scopes, _)| json!(scopes.iter().rev().collect::<Vec<_>>()));
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).enum_values(Some(ordered.chain(reversed).chain([Value::Null])))
}

/// The requests to create a credential: by kind, and for external keys by provider.
fn create_credential() -> OneOfBuilder {
    let secret = |max: usize| matching(format!("^[!-~]{{1,{max}}}$")).write_only(true).into();
    let common = |kind: CredentialKind| [("kind", names([kind.as_str()]).into()), ("name", Name::schema())];
    let external = |provider: StorageProvider| {
        [("provider", names([provider.as_str()]).into()), ("duration_days", DurationDays::schema())]
            .into_iter()
            .chain(common(CredentialKind::External))
    };
    let region = matching("^[a-z0-9-]{1,32}$").examples(["us-east-1"]);
    let aws = [("key", matching("^[A-Z0-9]{16,128}$").into()), ("secret", secret(STORAGE_SECRET_MAX)), ("region", region.into())];
    let aws = external(StorageProvider::Aws).chain(aws);
    let dnanexus = external(StorageProvider::Dnanexus).chain([("key", secret(STORAGE_SECRET_MAX))]);
    let general = common(CredentialKind::General).into_iter().chain([("value", secret(GENERAL_VALUE_MAX))]);
    let aws = closed(aws, &["kind", "name", "provider", "key", "secret", "region", "duration_days"]);
    let dnanexus = closed(dnanexus, &["kind", "name", "provider", "key", "duration_days"]);
    OneOfBuilder::new()
        .item(aws.title(Some("external, Amazon Web Services")))
        .item(dnanexus.title(Some("external, DNAnexus")))
        .item(closed(general, &["kind", "name", "value"]).title(Some("general")))
}
