//! The request built from the form. No browser API, so that unit tests can run natively.

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
}
