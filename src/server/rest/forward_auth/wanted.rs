//! What a proxy asks of the keys that come to it, in the query of its own call.

use std::{borrow::Cow, str::FromStr};

use axum::http::StatusCode;
use url::form_urlencoded;

use crate::server::rest::problem::Problem;

/// Methods that are taken to change nothing.
const READING: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

/// What a key must have, and where it may stand.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// It must have this scope.
    pub scope: Option<Cow<'a, str>>,
    /// For all methods but those that read: this scope instead.
    pub write_scope: Option<Cow<'a, str>>,
    /// It must have access to this corpus.
    pub corpus: Option<i64>,
    /// It must be a key of this project.
    pub project: Option<Cow<'a, str>>,
    /// How many credits the request takes.
    pub cost: Option<u32>,
    /// The parameter of the original query that may hold the key.
    pub key_param: Option<Cow<'a, str>>,
}

impl<'a> Wanted<'a> {
    /// Reads the query of the proxy's own call. It is written by whoever set up the proxy: nothing in it is passed over.
    ///
    /// # Errors
    /// 422 with the parameter that is unknown, comes twice or has no value that can be taken.
    pub fn read(query: Option<&'a str>) -> Result<Self, Problem> {
        let mut wanted = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if value.is_empty() {
                return Err(invalid(&name, "This parameter has no value."));
            }
            match &*name {
                "scope" => once(&mut wanted.scope, &name, value)?,
                "write_scope" => once(&mut wanted.write_scope, &name, value)?,
                "project" => once(&mut wanted.project, &name, value)?,
                "key_param" => once(&mut wanted.key_param, &name, value)?,
                "corpus" => once(&mut wanted.corpus, &name, number(&name, &value)?)?,
                "cost" => once(&mut wanted.cost, &name, number(&name, &value)?)?,
                // Read before all this, by `is_for_nginx`.
                "mode" if value == "nginx" => {}
                "mode" => return Err(invalid(&name, "The only mode is “nginx”.")),
                _ => return Err(invalid(&name, "There is no such parameter.")),
            }
        }
        Ok(wanted)
    }

    /// The scope that a request with this method needs.
    ///
    /// # Errors
    /// 422 when it depends on the method and the proxy does not say it: its own call may have another.
    pub fn scope_for(&self, method: Option<&str>) -> Result<Option<&str>, Problem> {
        let Some(write_scope) = &self.write_scope else { return Ok(self.scope.as_deref()) };
        let method = method.ok_or_else(|| invalid("write_scope", "The method is not said: send X-Forwarded-Method or X-Original-Method."))?;
        Ok(if READING.contains(&method) { self.scope.as_deref() } else { Some(write_scope) })
    }
}

/// Whether the proxy is one that knows but 401 and 403. Told whatever else is in the query: the refusal of the rest must be one it knows.
pub fn is_for_nginx(query: Option<&str>) -> bool {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes()).any(|(name, value)| name == "mode" && value == "nginx")
}

fn once<T>(place: &mut Option<T>, name: &str, value: T) -> Result<(), Problem> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(invalid(name, "This parameter comes twice.")),
    }
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T, Problem> {
    value.parse().map_err(|_| invalid(name, "This is no number that can be taken."))
}

/// The refusal of a parameter by its name.
pub fn invalid(name: &str, detail: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail).at(name.chars().take(100).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(query: &str) -> String {
        let told = serde_json::to_value(Wanted::read(Some(query)).unwrap_err()).unwrap();
        assert_eq!(told["status"], 422);
        told["field"].as_str().unwrap().to_owned()
    }

    #[test]
    fn all_that_can_be_asked() {
        let query = "scope=a%20b&write_scope=w&corpus=-7&project=prj_1&cost=0&key_param=api_key&mode=nginx";
        let all = Wanted {
            scope: Some("a b".into()),
            write_scope: Some("w".into()),
            corpus: Some(-7),
            project: Some("prj_1".into()),
            cost: Some(0),
            key_param: Some("api_key".into()),
        };
        assert_eq!(Wanted::read(Some(query)).unwrap(), all);
        assert_eq!(Wanted::read(None).unwrap(), Wanted::default());
        assert_eq!(Wanted::read(Some("")).unwrap(), Wanted::default());
    }

    #[test]
    fn nothing_is_passed_over() {
        for (query, field) in [
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
            assert_eq!(refused(query), field, "{query}");
        }
        assert_eq!(refused(&format!("{}=1", "x".repeat(200))).len(), 100);
    }

    #[test]
    fn nginx_is_known_by_its_mode_whatever_else_is_wrong() {
        assert!(is_for_nginx(Some("scopes=a&mode=nginx")));
        assert!(!is_for_nginx(Some("mode=Nginx&scope=mode%3Dnginx")));
        assert!(!is_for_nginx(None));
    }

    #[test]
    fn what_writes_needs_the_scope_of_writing() {
        let both = Wanted::read(Some("scope=r&write_scope=w")).unwrap();
        for (method, scope) in [("GET", "r"), ("HEAD", "r"), ("OPTIONS", "r"), ("POST", "w"), ("DELETE", "w"), ("get", "w"), ("X", "w")] {
            assert_eq!(both.scope_for(Some(method)).unwrap(), Some(scope), "{method}");
        }
        assert!(both.scope_for(None).is_err());
        let reading = Wanted::read(Some("scope=r")).unwrap();
        assert_eq!((reading.scope_for(None).unwrap(), reading.scope_for(Some("POST")).unwrap()), (Some("r"), Some("r")));
        let writing = Wanted::read(Some("write_scope=w")).unwrap();
        assert_eq!((writing.scope_for(Some("GET")).unwrap(), writing.scope_for(Some("PUT")).unwrap()), (None, Some("w")));
    }
}
