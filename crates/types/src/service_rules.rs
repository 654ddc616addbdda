//! Validation of services. The page validates before it sends; the server validates again.

use super::{
    error::Error,
    key_kind::KeyKind,
    permission::Scope,
    project::IN_PROJECT,
    service::{
        ALLOW_RULES_MAX, AllowRule, CALLER_KINDS, Injection, PATTERN_MAX, SCOPED_CALLER_KINDS, SERVICE_BODY_MAX, SERVICE_NAME_MAX, SIGNED_BODY_MAX,
        ServiceCaller, ServiceRequest, TIMEOUT_SECONDS,
    },
    validate::is_custom_scope,
};

/// Maximum length of the name of an injected header or query parameter, and of a user name, in bytes.
const PARAMETER_MAX: usize = 100;
/// Maximum length of the name of an AWS service or region, in bytes.
const AWS_NAME_MAX: usize = 40;
/// Maximum length of a method, in bytes.
const METHOD_MAX: usize = 20;

/// Headers that the gateway sets or removes, in addition to those of [`is_connection_header`]. A credential can't be sent in them.
const RESERVED_HEADERS: [&str; 5] = ["accept-encoding", "content-length", "cookie", "host", "via"];
const RESERVED_PREFIX: &str = "x-latchkey-";

/// All errors of a request, except those of its base URL and its credential.
pub fn service_errors(request: &ServiceRequest) -> Vec<Error> {
    let mut errors = Vec::new();
    if !is_service_name(&request.name) {
        let message =
            format!("Use 1 to {SERVICE_NAME_MAX} lowercase letters, digits and hyphens, e.g. billing-api. Begin and end with a letter or digit.");
        errors.push(Error::invalid("name", message));
    }
    errors.extend(injection_error(&request.injection));
    errors.extend(allow_errors(&request.allow));
    errors.extend(caller_error(&request.callers).map(|message| Error::invalid("callers", message)));
    if !TIMEOUT_SECONDS.contains(&request.timeout_seconds) {
        let message = format!("Enter {} to {} seconds.", TIMEOUT_SECONDS.start(), TIMEOUT_SECONDS.end());
        errors.push(Error::invalid("timeout_seconds", message));
    }
    errors.extend(body_max_error(request).map(|message| Error::invalid("body_max", message)));
    errors
}

/// Whether a service can have this name.
pub fn is_service_name(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    bytes.len() <= SERVICE_NAME_MAX && is_word(*first) && is_word(*last) && bytes.iter().all(|byte| is_word(*byte) || *byte == b'-')
}

/// Whether a header, in lower case, applies to one connection, so that the gateway does not pass it on (RFC 9110, section 7.6.1).
pub fn is_connection_header(name: &str) -> bool {
    matches!(name, "connection" | "http2-settings" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "upgrade") || name.starts_with("proxy-")
}

fn injection_error(injection: &Injection) -> Option<Error> {
    let (field, message) = match injection {
        Injection::Bearer => return None,
        Injection::Header { name } => ("injection.name", header_error(name)?),
        Injection::Basic { username } => ("injection.username", username_error(username)?),
        Injection::Query { name } => ("injection.name", query_error(name)?),
        Injection::SigV4 { service, region } => match (aws_name_error(service), aws_name_error(region)) {
            (Some(message), _) => ("injection.service", message),
            (None, message) => ("injection.region", message?),
        },
    };
    Some(Error::invalid(field, message))
}

/// What is wrong with the name of a header that shall carry a credential.
pub(crate) fn header_error(name: &str) -> Option<String> {
    if !(1..=PARAMETER_MAX).contains(&name.len()) || !name.bytes().all(is_token_byte) {
        return Some("Enter the name of a header, e.g. X-Api-Key.".to_owned());
    }
    let name = name.to_ascii_lowercase();
    let is_reserved = is_connection_header(&name) || RESERVED_HEADERS.contains(&name.as_str()) || name.starts_with(RESERVED_PREFIX);
    is_reserved.then(|| "Choose another header: Latchkey sets or removes this one.".to_owned())
}

/// A byte of a token (RFC 9110, section 5.6.2).
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

fn username_error(username: &str) -> Option<String> {
    let is_valid = username.len() <= PARAMETER_MAX && username.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b':');
    (!is_valid).then(|| format!("Use at most {PARAMETER_MAX} ASCII characters without “:”."))
}

fn query_error(name: &str) -> Option<String> {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~' | b'-');
    let is_valid = (1..=PARAMETER_MAX).contains(&name.len()) && name.bytes().all(is_valid);
    (!is_valid).then(|| format!("Use 1 to {PARAMETER_MAX} letters, digits, “.”, “_”, “~” and “-”."))
}

fn aws_name_error(name: &str) -> Option<String> {
    let is_valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_valid = (1..=AWS_NAME_MAX).contains(&name.len()) && name.bytes().all(is_valid);
    (!is_valid).then(|| format!("Use 1 to {AWS_NAME_MAX} lowercase letters, digits and hyphens, e.g. us-east-1 for a region."))
}

fn allow_errors(rules: &[AllowRule]) -> Vec<Error> {
    if rules.len() > ALLOW_RULES_MAX {
        return vec![Error::invalid("allow", too_many_rules())];
    }
    let errors = rules.iter().enumerate().map(|(index, rule)| rule_errors(rule).map(move |error| error.with_index("allow", index)));
    errors.flatten().collect()
}

fn too_many_rules() -> String {
    format!("Use at most {ALLOW_RULES_MAX} rules.")
}

/// Errors at `method` and `path`.
fn rule_errors(rule: &AllowRule) -> impl Iterator<Item = Error> + use<> {
    let method = method_error(&rule.method).map(|message| Error::invalid("method", message));
    let path = path_error(&rule.path).map(|message| Error::invalid("path", message));
    method.into_iter().chain(path)
}

fn method_error(method: &str) -> Option<&'static str> {
    let is_valid = |byte: u8| is_token_byte(byte) && !byte.is_ascii_lowercase() && byte != b'*';
    let is_valid = method == "*" || ((1..=METHOD_MAX).contains(&method.len()) && method.bytes().all(is_valid));
    (!is_valid).then_some("Enter a method in upper case, e.g. GET, or * for every method.")
}

/// The rules of [`crate::service::AllowRule::path`]. Dot segments and empty segments would match nothing, because such requests are refused
/// earlier; the other characters have special meanings in patterns or URLs.
fn path_error(path: &str) -> Option<String> {
    if !path.starts_with('/') {
        return Some("Begin the path with “/”, e.g. /v1/**.".to_owned());
    }
    if path.len() > PATTERN_MAX {
        return Some(format!("Use at most {PATTERN_MAX} characters."));
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("Percent-encode spaces and non-ASCII letters, e.g. %20.".to_owned());
    }
    if let Some(refused) = path.chars().find(|character| "?#{}[]\\!".contains(*character)) {
        return Some(format!("Remove “{refused}”. Only “*” and “**” are supported."));
    }
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        if (segment.is_empty() && !is_last) || matches!(segment, "." | "..") {
            return Some("Remove “//”, “/./” and “/../”.".to_owned());
        }
        if segment.contains("**") && segment != "**" {
            return Some("Use “**” only for whole segments, e.g. /v1/**.".to_owned());
        }
    }
    None
}

fn caller_error(callers: &[ServiceCaller]) -> Option<String> {
    for (index, caller) in callers.iter().enumerate() {
        let label = caller.kind.as_str();
        if !CALLER_KINDS.contains(&caller.kind) {
            return Some(format!("Keys of the kind “{label}” can't call services."));
        }
        if callers[..index].iter().any(|other| other.kind == caller.kind) {
            return Some(format!("The kind “{label}” is listed twice."));
        }
        if let Some(scope) = &caller.scope {
            if !SCOPED_CALLER_KINDS.contains(&caller.kind) {
                return Some(format!("Keys of the kind “{label}” have no scopes."));
            }
            if !is_scope_of(caller.kind, scope) {
                return Some(scope_message(caller.kind));
            }
        }
    }
    None
}

fn is_scope_of(kind: KeyKind, scope: &str) -> bool {
    match kind {
        KeyKind::Client => is_custom_scope(scope),
        KeyKind::Internal => scope.parse::<Scope>().is_ok(),
        KeyKind::Project => IN_PROJECT.iter().any(|permission| permission.as_str() == scope),
        KeyKind::Agent | KeyKind::Corpus => false,
    }
}

fn scope_message(kind: KeyKind) -> String {
    let one_of = |names: Vec<&str>| format!("The scope for the kind “{}” must be one of {}.", kind.as_str(), names.join(", "));
    match kind {
        KeyKind::Internal => one_of(Scope::ALL.iter().map(|scope| scope.as_str()).collect()),
        KeyKind::Project => one_of(IN_PROJECT.iter().map(|permission| permission.as_str()).collect()),
        KeyKind::Client | KeyKind::Agent | KeyKind::Corpus => "A scope has 1 to 100 letters, digits or symbols, without spaces.".to_owned(),
    }
}

fn body_max_error(request: &ServiceRequest) -> Option<String> {
    const MIB: i64 = 1024 * 1024;
    if !(0..=SERVICE_BODY_MAX).contains(&request.body_max) {
        return Some(format!("Enter at most {} MiB.", SERVICE_BODY_MAX / MIB));
    }
    let is_signed = matches!(request.injection, Injection::SigV4 { .. });
    let is_too_large = is_signed && request.body_max > SIGNED_BODY_MAX;
    is_too_large.then(|| format!("Enter at most {} MiB, because signed requests are held in memory.", SIGNED_BODY_MAX / MIB))
}

/// Parses allow rules, one per line: `GET /v1/**`. Empty lines are ignored, and methods may be in lower case.
///
/// # Errors
/// `Invalid` at `allow`, naming the line.
pub fn parse_allow(text: &str) -> Result<Vec<AllowRule>, Error> {
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    let rules = lines.map(|(index, line)| parse_rule(line).map_err(|message| Error::invalid("allow", format!("Line {}: {message}", index + 1))));
    let rules = rules.collect::<Result<Vec<_>, _>>()?;
    if rules.len() > ALLOW_RULES_MAX { Err(Error::invalid("allow", too_many_rules())) } else { Ok(rules) }
}

fn parse_rule(line: &str) -> Result<AllowRule, String> {
    let Some((method, path)) = line.split_once(char::is_whitespace) else {
        return Err("enter a method and a path, e.g. GET /v1/**.".to_owned());
    };
    let rule = AllowRule { method: method.to_ascii_uppercase(), path: path.trim().to_owned() };
    rule_errors(&rule).next().map_or(Ok(rule), |error| Err(error.to_string()))
}

/// The text that [`parse_allow`] parses.
pub fn format_allow(rules: &[AllowRule]) -> String {
    rules.iter().map(|rule| format!("{} {}", rule.method, rule.path)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> ServiceRequest {
        ServiceRequest {
            name: "billing-api".to_owned(),
            base_url: "https://api.example.com".to_owned(),
            injection: Injection::Bearer,
            credential: None,
            allow: vec![rule("GET", "/v1/**")],
            callers: vec![caller(KeyKind::Agent, None), caller(KeyKind::Client, Some("billing:read"))],
            timeout_seconds: 60,
            body_max: SIGNED_BODY_MAX + 1,
        }
    }

    fn rule(method: &str, path: &str) -> AllowRule {
        AllowRule { method: method.to_owned(), path: path.to_owned() }
    }

    fn caller(kind: KeyKind, scope: Option<&str>) -> ServiceCaller {
        ServiceCaller { kind, scope: scope.map(ToOwned::to_owned) }
    }

    /// The fields of the errors.
    fn fields(request: &ServiceRequest) -> Vec<String> {
        service_errors(request).iter().map(|error| error.field_error().unwrap().0.to_owned()).collect()
    }

    #[test]
    fn all_errors_are_found() {
        assert!(service_errors(&request()).is_empty());
        let wrong = ServiceRequest {
            name: "Billing".to_owned(),
            injection: Injection::SigV4 { service: "s3".to_owned(), region: "EU".to_owned() },
            allow: vec![rule("GET", "/"), rule("get", "v1")],
            callers: vec![caller(KeyKind::Corpus, None)],
            timeout_seconds: 0,
            ..request()
        };
        assert_eq!(fields(&wrong), ["name", "injection.region", "allow[1].method", "allow[1].path", "callers", "timeout_seconds", "body_max"]);
    }

    #[test]
    fn a_name_is_a_part_of_a_url() {
        for name in ["a", "0", "a-b", "s3", &"a".repeat(SERVICE_NAME_MAX)] {
            assert!(is_service_name(name), "{name}");
        }
        for name in ["", "-", "a-", "-a", "A", "a_b", "a.b", "a/b", "a b", "ä", &"a".repeat(SERVICE_NAME_MAX + 1)] {
            assert!(!is_service_name(name), "{name}");
        }
    }

    #[test]
    fn parameters_of_the_injection_are_validated() {
        let name = |name: &str| name.to_owned();
        for valid in [
            Injection::Header { name: name("X-Api-Key") },
            Injection::Header { name: name("authorization") },
            Injection::Basic { username: name("") },
            Injection::Basic { username: name("api user") },
            Injection::Query { name: name("api_key") },
            Injection::SigV4 { service: name("execute-api"), region: name("eu-central-1") },
        ] {
            assert!(service_errors(&ServiceRequest { injection: valid.clone(), body_max: 0, ..request() }).is_empty(), "{valid:?}");
        }
        for header in
            ["", "X Key", "X:Key", "ä", "Host", "Content-Length", "TE", "Proxy-Authorization", "Cookie", "X-Latchkey-Key", "Accept-Encoding", "Via"]
        {
            assert_eq!(fields(&ServiceRequest { injection: Injection::Header { name: name(header) }, ..request() }), ["injection.name"], "{header}");
        }
        for username in ["a:b", "a\nb", "ä"] {
            let injection = Injection::Basic { username: name(username) };
            assert_eq!(fields(&ServiceRequest { injection, ..request() }), ["injection.username"], "{username}");
        }
        for query in ["", "a b", "a=b", "a&b", "a%20"] {
            assert_eq!(fields(&ServiceRequest { injection: Injection::Query { name: name(query) }, ..request() }), ["injection.name"], "{query}");
        }
    }

    #[test]
    fn patterns_have_only_stars() {
        for path in ["/", "/v1", "/v1/", "/v1/*", "/v1/**", "/**/x", "/a*b", "/a%20b", "/a:b", &format!("/{}", "a".repeat(PATTERN_MAX - 1))] {
            assert_eq!(path_error(path), None, "{path}");
        }
        for path in [
            "", "v1", "//", "/a//b", "/.", "/..", "/a/../b", "/a/./b", "/a?b", "/a#b", "/{a,b}", "/[a]", "/a\\b", "/!a", "/a b", "/ä", "/a**", "/***",
        ] {
            assert!(path_error(path).is_some(), "{path}");
        }
        assert!(path_error(&format!("/{}", "a".repeat(PATTERN_MAX))).is_some());
    }

    #[test]
    fn methods_are_in_upper_case() {
        for method in ["*", "GET", "M-SEARCH"] {
            assert_eq!(method_error(method), None, "{method}");
        }
        for method in ["", "get", "GET POST", "**", "GET*", &"A".repeat(METHOD_MAX + 1)] {
            assert!(method_error(method).is_some(), "{method}");
        }
    }

    #[test]
    fn each_kind_of_callers_has_its_own_scopes() {
        for callers in [
            vec![],
            vec![caller(KeyKind::Internal, Some("keys:read")), caller(KeyKind::Project, Some("view_project"))],
            vec![caller(KeyKind::Client, Some("anything"))],
        ] {
            assert_eq!(caller_error(&callers), None, "{callers:?}");
        }
        for callers in [
            vec![caller(KeyKind::Agent, Some("x"))],
            vec![caller(KeyKind::Internal, Some("view_project"))],
            vec![caller(KeyKind::Project, Some("manage_roles"))],
            vec![caller(KeyKind::Client, Some(""))],
            vec![caller(KeyKind::Client, Some("a b"))],
            vec![caller(KeyKind::Client, None), caller(KeyKind::Client, Some("a"))],
            vec![caller(KeyKind::Corpus, None)],
        ] {
            assert!(caller_error(&callers).is_some(), "{callers:?}");
        }
    }

    #[test]
    fn rules_round_trip_as_text() {
        let rules = parse_allow("GET /v1/**\n\n  post\t /v1/items \r\n* /open/*\n").unwrap();
        assert_eq!(rules, [rule("GET", "/v1/**"), rule("POST", "/v1/items"), rule("*", "/open/*")]);
        assert_eq!(parse_allow(&format_allow(&rules)), Ok(rules));
        assert_eq!(parse_allow(" \n"), Ok(vec![]));
        for (text, line) in [("GET /\n\nGET", "Line 3: "), ("GET v1", "Line 1: "), ("GET /a b", "Line 1: "), ("G=T /", "Line 1: ")] {
            let error = parse_allow(text).unwrap_err();
            let (field, message) = error.field_error().unwrap();
            assert!(field == "allow" && message.starts_with(line), "{error}");
        }
        assert!(parse_allow(&"GET /\n".repeat(ALLOW_RULES_MAX)).is_ok() && parse_allow(&"GET /\n".repeat(ALLOW_RULES_MAX + 1)).is_err());
    }
}
