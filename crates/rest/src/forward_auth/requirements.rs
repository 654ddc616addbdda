//! The proxy's requirements on keys, from the query of its own request.

use std::{borrow::Cow, str::FromStr};

use axum::http::StatusCode;
use url::form_urlencoded;

use latchkey_http::problem::Problem;
use latchkey_types::key_kind::KeyKind;

/// Methods that count as reading.
const READ_METHODS: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

/// What a key must have, and where it may be found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Requirements<'a> {
    /// The kind that the key must have.
    pub kind: Option<KeyKind>,
    /// The scope that the key must have.
    pub scope: Option<Cow<'a, str>>,
    /// Required instead of `scope` for methods that do not only read.
    pub write_scope: Option<Cow<'a, str>>,
    /// The corpus that the key must have access to.
    pub corpus: Option<i64>,
    /// The project that the key must belong to.
    pub project: Option<Cow<'a, str>>,
    /// The credits that the request costs.
    pub cost: Option<u32>,
    /// The query parameter of the original request that may contain the key.
    pub key_param: Option<Cow<'a, str>>,
}

impl<'a> Requirements<'a> {
    /// Parses the query of the proxy's own request. Nothing in it is ignored, so that a typo in the proxy's configuration cannot grant access.
    ///
    /// # Errors
    /// 422 for a parameter that is unknown, repeated or invalid.
    pub fn read(query: Option<&'a str>) -> Result<Self, Problem> {
        let mut requirements = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if value.is_empty() {
                return Err(invalid(&name, "This parameter needs a value."));
            }
            match &*name {
                "kind" => set_once(&mut requirements.kind, &name, value.parse().map_err(|_| invalid(&name, "This is not a kind of API key."))?)?,
                "scope" => set_once(&mut requirements.scope, &name, value)?,
                "write_scope" => set_once(&mut requirements.write_scope, &name, value)?,
                "project" => set_once(&mut requirements.project, &name, value)?,
                "key_param" => set_once(&mut requirements.key_param, &name, value)?,
                "corpus" => set_once(&mut requirements.corpus, &name, parse_number(&name, &value)?)?,
                "cost" => set_once(&mut requirements.cost, &name, parse_number(&name, &value)?)?,
                // Evaluated by `is_for_nginx`.
                "mode" if value == "nginx" => {}
                "mode" => return Err(invalid(&name, "The only mode is “nginx”.")),
                _ => return Err(invalid(&name, "Unknown parameter.")),
            }
        }
        Ok(requirements)
    }

    /// The scope that a request with this method requires.
    ///
    /// # Errors
    /// 422 if the scope depends on the method and the proxy does not forward it. The method of the proxy's own request may differ.
    pub fn scope_for(&self, method: Option<&str>) -> Result<Option<&str>, Problem> {
        let Some(write_scope) = &self.write_scope else { return Ok(self.scope.as_deref()) };
        let method = method.ok_or_else(|| invalid("write_scope", "The original method is missing. Send X-Forwarded-Method or X-Original-Method."))?;
        Ok(if READ_METHODS.contains(&method) { self.scope.as_deref() } else { Some(write_scope) })
    }
}

/// Whether the proxy passes on only 401 and 403. This ignores errors in the rest of the query, because their status depends on it.
pub fn is_for_nginx(query: Option<&str>) -> bool {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes()).any(|(name, value)| name == "mode" && value == "nginx")
}

fn set_once<T>(slot: &mut Option<T>, name: &str, value: T) -> Result<(), Problem> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(invalid(name, "This parameter is repeated.")),
    }
}

fn parse_number<T: FromStr>(name: &str, value: &str) -> Result<T, Problem> {
    value.parse().map_err(|_| invalid(name, "This is not a valid number."))
}

/// The error for a parameter. Its name comes from the query, so it is cut to 100 characters.
pub fn invalid(name: &str, detail: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail).with_field(name.chars().take(100).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invalid_field(query: &str) -> String {
        let problem = serde_json::to_value(Requirements::read(Some(query)).unwrap_err()).unwrap();
        assert_eq!(problem["status"], 422);
        problem["field"].as_str().unwrap().to_owned()
    }

    #[test]
    fn every_parameter_is_parsed() {
        let query = "kind=client&scope=a%20b&write_scope=w&corpus=-7&project=prj_1&cost=0&key_param=api_key&mode=nginx";
        let all = Requirements {
            kind: Some(KeyKind::Client),
            scope: Some("a b".into()),
            write_scope: Some("w".into()),
            corpus: Some(-7),
            project: Some("prj_1".into()),
            cost: Some(0),
            key_param: Some("api_key".into()),
        };
        assert_eq!(Requirements::read(Some(query)).unwrap(), all);
        assert_eq!(Requirements::read(None).unwrap(), Requirements::default());
        assert_eq!(Requirements::read(Some("")).unwrap(), Requirements::default());
    }

    #[test]
    fn unknown_repeated_and_invalid_parameters_are_rejected() {
        for (query, field) in [
            ("kind=x", "kind"),
            ("kind=Client", "kind"),
            ("kind=client,agent", "kind"),
            ("kind=general", "kind"),
            ("kind=client&kind=agent", "kind"),
            ("scopes=a", "scopes"),
            ("Scope=a", "Scope"),
            ("scope", "scope"),
            ("scope=a&scope=a", "scope"),
            ("corpus=x", "corpus"),
            ("corpus=9223372036854775808", "corpus"),
            ("cost=-1", "cost"),
            ("cost=4294967296", "cost"),
            ("cost=1&cost=1", "cost"),
            ("mode=traefik", "mode"),
            ("key_param=", "key_param"),
        ] {
            assert_eq!(invalid_field(query), field, "{query}");
        }
        assert_eq!(invalid_field(&format!("{}=1", "x".repeat(200))).len(), 100);
    }

    #[test]
    fn nginx_mode_is_detected_despite_other_errors() {
        assert!(is_for_nginx(Some("scopes=a&mode=nginx")));
        assert!(!is_for_nginx(Some("mode=Nginx&scope=mode%3Dnginx")));
        assert!(!is_for_nginx(None));
    }

    #[test]
    fn write_scope_applies_to_writing_methods() {
        let both = Requirements::read(Some("scope=r&write_scope=w")).unwrap();
        for (method, scope) in [("GET", "r"), ("HEAD", "r"), ("OPTIONS", "r"), ("POST", "w"), ("DELETE", "w"), ("get", "w"), ("X", "w")] {
            assert_eq!(both.scope_for(Some(method)).unwrap(), Some(scope), "{method}");
        }
        assert!(both.scope_for(None).is_err());
        let reading = Requirements::read(Some("scope=r")).unwrap();
        assert_eq!((reading.scope_for(None).unwrap(), reading.scope_for(Some("POST")).unwrap()), (Some("r"), Some("r")));
        let writing = Requirements::read(Some("write_scope=w")).unwrap();
        assert_eq!((writing.scope_for(Some("GET")).unwrap(), writing.scope_for(Some("PUT")).unwrap()), (None, Some("w")));
    }
}
