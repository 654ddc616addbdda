//! Redirects of services. They are not followed, because the credential could reach another host. Redirects below the base URL are rewritten to
//! the gateway, so that the caller's key is not sent to the service either.

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header::LOCATION};
use url::{Position, Url};

use super::path::{PREFIX, without_parameter};

/// The target of a redirect.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Redirect {
    /// There is no location.
    None,
    /// Below the base URL: the path and query on this server.
    Own(String),
    Foreign,
}

/// The properties of a service that redirects depend on.
pub(super) struct Origin<'a> {
    pub(super) name: &'a str,
    pub(super) base: &'a Url,
    /// The query parameter with the credential.
    pub(super) parameter: Option<&'a str>,
}

impl Origin<'_> {
    /// Reads the redirect of a response to a request for `requested`.
    pub(super) fn redirect(&self, requested: &Uri, headers: &HeaderMap) -> Redirect {
        let mut locations = headers.get_all(LOCATION).iter();
        let Some(location) = locations.next() else { return Redirect::None };
        let own = if locations.next().is_none() { location.to_str().ok().and_then(|location| self.own(requested, location)) } else { None };
        own.map_or(Redirect::Foreign, Redirect::Own)
    }

    /// `None` if the location is not below the base URL.
    fn own(&self, requested: &Uri, location: &str) -> Option<String> {
        let to = Url::parse(&requested.to_string()).ok()?.join(location).ok()?;
        let has_user = !to.username().is_empty() || to.password().is_some();
        if to.origin() != self.base.origin() || has_user {
            return None;
        }
        let rest = to.path().strip_prefix(self.base.path().trim_end_matches('/'))?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
        let query = to.query().map(|query| self.parameter.map_or_else(|| query.to_owned(), |name| without_parameter(query, name)));
        let query = query.filter(|query| !query.is_empty()).map(|query| format!("?{query}")).unwrap_or_default();
        Some(format!("{PREFIX}{}{rest}{query}{}", self.name, &to[Position::AfterQuery..]))
    }
}

/// Sets the location of a redirect. Returns whether the response can be passed on.
pub(super) fn apply(redirect: Redirect, status: StatusCode, headers: &mut HeaderMap) -> bool {
    match redirect {
        Redirect::None => true,
        Redirect::Own(location) => {
            let location = HeaderValue::try_from(location);
            location.is_ok_and(|location| headers.insert(LOCATION, location).is_some())
        }
        // In other responses, such as 201, the location is not followed.
        Redirect::Foreign => !status.is_redirection(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect(base: &str, parameter: Option<&str>, locations: &[&str]) -> Redirect {
        let base = Url::parse(base).unwrap();
        let requested = Uri::from_static("https://a.test/base/users/1?key=secret");
        let headers: HeaderMap = locations.iter().map(|location| (LOCATION, HeaderValue::from_str(location).unwrap())).collect();
        Origin { name: "svc", base: &base, parameter }.redirect(&requested, &headers)
    }

    #[test]
    fn redirects_below_the_base_url_lead_to_the_gateway() {
        for (location, own) in [
            ("https://a.test/base/x", "/gateway/svc/x"),
            ("https://A.test:443/base/x?q=1#part", "/gateway/svc/x?q=1#part"),
            ("/base/", "/gateway/svc/"),
            ("/base", "/gateway/svc"),
            ("2?q=1", "/gateway/svc/users/2?q=1"),
            ("../x", "/gateway/svc/x"),
            ("//a.test/base/x", "/gateway/svc/x"),
            ("?q=1", "/gateway/svc/users/1?q=1"),
        ] {
            assert_eq!(redirect("https://a.test/base", None, &[location]), Redirect::Own(own.to_owned()), "{location}");
        }
        assert_eq!(redirect("https://a.test", None, &["/x"]), Redirect::Own("/gateway/svc/x".to_owned()));
        assert_eq!(redirect("https://a.test/base", Some("key"), &["x?key=secret&a=1"]), Redirect::Own("/gateway/svc/users/x?a=1".to_owned()));
        assert_eq!(redirect("https://a.test/base", Some("key"), &["#part"]), Redirect::Own("/gateway/svc/users/1#part".to_owned()));
    }

    #[test]
    fn other_redirects_are_foreign() {
        for location in [
            "https://b.test/base/x",
            "http://a.test/base/x",
            "https://a.test:8443/base/x",
            "https://a.test/other",
            "https://a.test/basement",
            "https://a.test@b.test/base/x",
            "https://user@a.test/base/x",
            "//b.test/base/x",
            "../../x",
            "/",
            "javascript:alert(1)",
            "https://",
        ] {
            assert_eq!(redirect("https://a.test/base", None, &[location]), Redirect::Foreign, "{location}");
        }
        assert_eq!(redirect("https://a.test/base", None, &["/base/x", "/base/y"]), Redirect::Foreign);
        assert_eq!(redirect("https://a.test/base", None, &[]), Redirect::None);
    }

    #[test]
    fn only_redirections_are_refused() {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, HeaderValue::from_static("https://b.test/"));
        assert!(!apply(Redirect::Foreign, StatusCode::FOUND, &mut headers));
        assert!(apply(Redirect::Foreign, StatusCode::CREATED, &mut headers));
        assert!(apply(Redirect::None, StatusCode::FOUND, &mut headers));
        assert!(apply(Redirect::Own("/gateway/svc/x".to_owned()), StatusCode::FOUND, &mut headers));
        assert_eq!(headers[LOCATION], "/gateway/svc/x");
    }
}
