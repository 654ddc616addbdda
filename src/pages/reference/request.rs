//! The request built from the form, and its curl command. No browser API, so that unit tests can run natively.

use super::document::{Operation, ParameterLocation};

/// A request without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub method: String,
    /// Path and query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
}

/// Index of the first required parameter without a value.
pub(super) fn missing(operation: &Operation, values: &[String]) -> Option<usize> {
    operation.parameters.iter().zip(values).position(|(parameter, value)| parameter.required && value.trim().is_empty())
}

/// Builds the request from one value per parameter; a blank value leaves the parameter out. `encode` percent-encodes a URL component.
pub(super) fn build(operation: &Operation, values: &[String], body: Option<String>, encode: impl Fn(&str) -> String) -> Request {
    let (mut path, mut query, mut headers) = (operation.path.clone(), Vec::new(), Vec::new());
    if body.is_some() {
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
    let present = operation.parameters.iter().zip(values).map(|(parameter, value)| (parameter, value.trim())).filter(|(_, value)| !value.is_empty());
    for (parameter, value) in present {
        match parameter.location {
            ParameterLocation::Path => path = path.replace(&format!("{{{}}}", parameter.name), &encode(value)),
            ParameterLocation::Query => query.push(format!("{}={}", encode(&parameter.name), encode(value))),
            ParameterLocation::Header => headers.push((parameter.name.clone(), value.to_owned())),
        }
    }
    if !query.is_empty() {
        path = format!("{path}?{}", query.join("&"));
    }
    Request { method: operation.method.clone(), path, headers, body }
}

/// The curl command. The key comes from the environment: the typed key is replaced everywhere, also in the body.
pub(super) fn curl(request: &Request, origin: &str, needs_key: bool, key: &str) -> String {
    let method = if request.method == "GET" { String::new() } else { format!(" -X {}", request.method) };
    let mut lines = vec![format!("curl{method} {}", shell_quote(&format!("{origin}{}", request.path)))];
    lines.extend(request.headers.iter().map(|(name, value)| format!("-H {}", shell_quote(&format!("{name}: {value}")))));
    lines.extend(request.body.iter().map(|body| format!("--data {}", shell_quote(body))));
    let mut text = lines.join(" \\\n  ");
    if !key.is_empty() {
        text = text.replace(key, "'\"$LATCHKEY_API_KEY\"'");
    }
    if needs_key {
        text.push_str(" \\\n  -H \"Authorization: Bearer $LATCHKEY_API_KEY\"");
    }
    text
}

fn shell_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::{super::document, *};

    fn operation(id: &str) -> Operation {
        let document = document::read(include_str!("sample.json")).unwrap();
        document.groups.into_iter().flat_map(|group| group.operations).find(|operation| operation.id == id).unwrap()
    }

    fn filled(id: &str, values: &[&str], body: Option<&str>) -> Request {
        let values: Vec<_> = values.iter().map(|value| (*value).to_owned()).collect();
        let encode = |text: &str| text.replace('/', "%2F").replace(' ', "%20").replace('&', "%26");
        build(&operation(id), &values, body.map(str::to_owned), encode)
    }

    #[test]
    fn values_go_to_path_query_and_headers() {
        let list = filled("listKeys", &["client", "", "a & b"], None);
        assert_eq!((list.path.as_str(), list.headers.len()), ("/api/v1/keys?kind=client&q=a%20%26%20b", 0));
        assert_eq!(filled("deleteCorpus", &["../1"], None).path, "/api/v1/corpora/..%2F1");
        let edit = filled("editKey", &["key_1", "\"tag\""], Some("{}"));
        assert_eq!(edit.headers[1], ("If-Match".to_owned(), "\"tag\"".to_owned()));
        assert_eq!(missing(&operation("deleteCorpus"), &[" ".to_owned()]), Some(0));
        assert_eq!(missing(&operation("listKeys"), &[String::new(), String::new(), String::new()]), None);
    }

    #[test]
    fn curl_command_is_quoted_and_omits_the_key() {
        let create = filled("createKey", &[], Some("{\"name\":\"it's\"}"));
        assert_eq!(
            curl(&create, "https://keys.example", true, ""),
            "curl -X POST 'https://keys.example/api/v1/keys' \\\n  -H 'Content-Type: application/json' \\\n  \
             --data '{\"name\":\"it'\\''s\"}' \\\n  -H \"Authorization: Bearer $LATCHKEY_API_KEY\""
        );
        assert_eq!(curl(&filled("health", &[], None), "https://keys.example", false, ""), "curl 'https://keys.example/healthz'");
        let verify = filled("verify", &[], Some("{\"key\":\"lki_secret\"}"));
        let line = curl(&verify, "https://keys.example", true, "lki_secret");
        assert!(!line.contains("lki_secret") && line.contains("{\"key\":\"'\"$LATCHKEY_API_KEY\"'\"}"), "{line}");
    }
}
