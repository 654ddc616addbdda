//! Editable attributes of a key, validated against the specification of its kind.

use serde_json::{Map, Value};

use super::{limits, models};
use crate::{actor::Actor, expiry};
use latchkey_store::keys::KeyAttributes;
use latchkey_types::{
    error::Error,
    key::{CreateKeyRequest, KeyPatch},
    key_kind::{CORPUS_ACCESS, Editable, KeyKind, KindSpec, ScopeRule},
    limits::CORPORA_MAX,
    permission::Scope,
    time::Timestamp,
    validate,
};

pub use latchkey_types::limits::{METADATA_MAX, SCOPES_MAX};

/// The attributes of a new key.
///
/// # Errors
/// `Invalid` at the first invalid value; `Forbidden` for a scope that the actor may not grant.
pub(super) fn from_request(actor: &Actor, kind: KeyKind, request: &CreateKeyRequest, now: Timestamp) -> Result<KeyAttributes, Error> {
    let spec = kind.spec();
    Ok(KeyAttributes {
        name: validate::name("name", &request.name)?,
        expires_at: expiry::resolve(spec, request.expiry, now)?,
        scopes: scopes(actor, spec, request.scopes.as_deref())?,
        external_id: external_id(spec, request.external_id.as_deref())?,
        metadata: metadata(spec, request.metadata.as_deref())?,
        rate_limits: limits::rate_limits(spec, &request.rate_limits)?,
        address_rate_limits: limits::address_rate_limits(spec, &request.address_rate_limits)?,
        allowed_ips: limits::allowed_ips(spec, &request.allowed_ips)?,
        allowed_origins: limits::allowed_origins(spec, &request.allowed_origins)?,
        model_access: models::model_access(spec, None, &request.model_access)?,
    })
}

/// The attributes of an existing key after a patch.
///
/// # Errors
/// `Invalid` at the first value that is invalid or cannot be changed on keys of this kind.
pub(super) fn apply_patch(actor: &Actor, kind: KeyKind, before: KeyAttributes, patch: &KeyPatch, now: Timestamp) -> Result<KeyAttributes, Error> {
    let spec = kind.spec();
    let fixed = |field: &str| Err(Error::invalid(field, "This can't be changed on keys of this kind."));
    let (name_fixed, rest_fixed) = (matches!(spec.editable, Editable::Nothing | Editable::Limits), spec.editable != Editable::All);
    let mut after = before;
    match &patch.name {
        Some(_) if name_fixed => return fixed("name"),
        Some(name) => after.name = validate::name("name", name)?,
        None => {}
    }
    match patch.expiry {
        Some(_) if rest_fixed => return fixed("duration_days"),
        Some(ends) => after.expires_at = expiry::resolve(spec, ends, now)?,
        None => {}
    }
    match &patch.scopes {
        Some(_) if rest_fixed => return fixed("scopes"),
        Some(words) => after.scopes = scopes(actor, spec, Some(words))?,
        None => {}
    }
    match &patch.external_id {
        Some(_) if rest_fixed => return fixed("external_id"),
        Some(id) => after.external_id = external_id(spec, Some(id))?,
        None => {}
    }
    match &patch.metadata {
        Some(_) if rest_fixed => return fixed("metadata"),
        Some(json) => after.metadata = metadata(spec, Some(json))?,
        None => {}
    }
    if let Some(requested) = &patch.rate_limits {
        after.rate_limits = limits::rate_limits(spec, requested)?;
    }
    if let Some(requested) = &patch.address_rate_limits {
        after.address_rate_limits = limits::address_rate_limits(spec, requested)?;
    }
    if let Some(requested) = &patch.allowed_ips {
        after.allowed_ips = limits::allowed_ips(spec, requested)?;
    }
    if let Some(requested) = &patch.allowed_origins {
        after.allowed_origins = limits::allowed_origins(spec, requested)?;
    }
    if !patch.model_access.is_empty() {
        after.model_access = models::model_access(spec, after.model_access.as_deref(), &patch.model_access)?;
    }
    Ok(after)
}

/// The corpora that a new key gives access to, sorted and distinct.
///
/// # Errors
/// `Invalid` at `corpora` if the kind has no corpora, or requires some and none is given, or for more than [`CORPORA_MAX`].
pub(super) fn corpora(spec: &KindSpec, requested: &[i64]) -> Result<Vec<i64>, Error> {
    match (spec.scope_rule, requested) {
        (ScopeRule::Corpora, []) => Err(Error::invalid("corpora", "Choose at least one corpus.")),
        (ScopeRule::Corpora, requested) if requested.len() > CORPORA_MAX => {
            Err(Error::invalid("corpora", format!("Choose at most {CORPORA_MAX} corpora.")))
        }
        (ScopeRule::Corpora, requested) => {
            let mut corpora = requested.to_vec();
            corpora.sort_unstable();
            corpora.dedup();
            Ok(corpora)
        }
        (_, []) => Ok(Vec::new()),
        (..) => Err(Error::invalid("corpora", "Keys of this kind have no corpora.")),
    }
}

/// The stored form of scopes: words, separated by spaces. An actor can grant only scopes that they hold.
fn scopes(actor: &Actor, spec: &KindSpec, requested: Option<&[String]>) -> Result<String, Error> {
    let invalid = |message: String| Err(Error::invalid("scopes", message));
    match (spec.scope_rule, requested) {
        (ScopeRule::None, None | Some([])) | (ScopeRule::Custom, None) => Ok(String::new()),
        (ScopeRule::None, Some(_)) => invalid("Keys of this kind have no scopes.".to_owned()),
        (ScopeRule::Api, None) => {
            api_scopes(actor, &Scope::ALL.iter().copied().filter(|scope| actor.require_grant(*scope).is_ok()).collect::<Vec<_>>())
        }
        (ScopeRule::Api, Some(words)) => {
            let unknown = |word: &String| Error::invalid("scopes", format!("Unknown scope “{word}”."));
            api_scopes(actor, &words.iter().map(|word| word.parse().map_err(|_| unknown(word))).collect::<Result<Vec<_>, _>>()?)
        }
        (ScopeRule::Custom, Some(words)) => validate::custom_scopes("scopes", words).map(|scopes| scopes.join(" ")),
        (ScopeRule::Corpora, None) => Ok(CORPUS_ACCESS[0].0.join(" ")),
        (ScopeRule::Corpora, Some(words)) => {
            let access =
                CORPUS_ACCESS.iter().find(|(access, _)| access.len() == words.len() && access.iter().all(|word| words.iter().any(|own| own == word)));
            access.map_or_else(|| invalid("Use “query”, or “query” and “index”.".to_owned()), |(access, _)| Ok(access.join(" ")))
        }
    }
}

fn api_scopes(actor: &Actor, scopes: &[Scope]) -> Result<String, Error> {
    if scopes.is_empty() {
        return Err(Error::invalid("scopes", "Choose at least one scope."));
    }
    for scope in scopes {
        actor.require_grant(*scope)?;
    }
    Ok(Scope::ALL.iter().filter(|scope| scopes.contains(scope)).map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "))
}

fn external_id(spec: &KindSpec, requested: Option<&str>) -> Result<Option<String>, Error> {
    match requested.map(str::trim) {
        None | Some("") => Ok(None),
        Some(_) if !spec.has_annotations => Err(Error::invalid("external_id", "Keys of this kind have no external id.")),
        Some(id) => validate::name("external_id", id).map(Some),
    }
}

/// A flat JSON object without whitespace; `None` for an empty object.
fn metadata(spec: &KindSpec, requested: Option<&str>) -> Result<Option<String>, Error> {
    let invalid = |message: String| Err(Error::invalid("metadata", message));
    let json = match requested.map(str::trim) {
        None | Some("") => return Ok(None),
        Some(_) if !spec.has_annotations => return invalid("Keys of this kind have no metadata.".to_owned()),
        Some(json) => json,
    };
    let Ok(object) = serde_json::from_str::<Map<String, Value>>(json) else {
        return invalid("Must be a JSON object, e.g. {\"plan\": \"pro\"}.".to_owned());
    };
    if object.values().any(|value| value.is_object() || value.is_array()) {
        return invalid("Values must be strings, numbers, true, false or null.".to_owned());
    }
    let compact = Value::Object(object).to_string();
    if compact.len() > METADATA_MAX {
        return invalid(format!("Too long ({} bytes, max {METADATA_MAX}).", compact.len()));
    }
    Ok((compact != "{}").then_some(compact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_a_flat_object() {
        let client = KeyKind::Client.spec();
        assert_eq!(metadata(client, Some(" {\"a\": 1, \"b\": null} ")).unwrap().as_deref(), Some(r#"{"a":1,"b":null}"#));
        assert_eq!(metadata(client, Some("")), Ok(None));
        assert_eq!(metadata(client, Some("{}")), Ok(None));
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(METADATA_MAX));
        for bad in ["[]", "7", "{", r#"{"a":{}}"#, r#"{"a":[1]}"#, &long] {
            assert!(metadata(client, Some(bad)).is_err(), "{bad}");
        }
        assert!(metadata(KeyKind::Agent.spec(), Some(r#"{"a":1}"#)).is_err());
    }

    #[test]
    fn only_kinds_with_corpora_accept_and_require_them() {
        assert_eq!(corpora(KeyKind::Corpus.spec(), &[3, 1, 3]), Ok(vec![1, 3]));
        assert!(corpora(KeyKind::Corpus.spec(), &[]).is_err());
        let most: Vec<i64> = (1..=i64::try_from(CORPORA_MAX).unwrap()).collect();
        assert_eq!(corpora(KeyKind::Corpus.spec(), &most), Ok(most.clone()));
        assert!(corpora(KeyKind::Corpus.spec(), &[&most[..], &[0]].concat()).is_err());
        assert!(corpora(KeyKind::Agent.spec(), &[1]).is_err());
        assert_eq!(corpora(KeyKind::Agent.spec(), &[]), Ok(vec![]));
    }
}
