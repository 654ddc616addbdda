//! The parts of the `OpenAPI` 3.1 document that the page shows. No browser API, so that unit tests can run natively.

use serde_json::{Map, Value};

use super::{
    example,
    fields::{self, BodyForm},
    json::{alternatives, list, resolve, string, text_of, type_name, words},
};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// Markdown paragraphs.
    pub description: String,
    /// Operations by tag.
    pub groups: Vec<Group>,
}

/// A tag and its operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    pub description: String,
    pub operations: Vec<Operation>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// `operationId`, also the URL fragment.
    pub id: String,
    /// In upper case.
    pub method: String,
    /// With parameters in braces.
    pub path: String,
    /// One line.
    pub summary: String,
    /// Markdown paragraphs.
    pub description: String,
    /// Required scopes; `None` if no key is required.
    pub scopes: Option<Vec<String>>,
    /// The scope that the description names.
    pub scope: Option<String>,
    pub parameters: Vec<Parameter>,
    /// Example bodies as (name, JSON); empty if the operation takes no body.
    pub bodies: Vec<(String, String)>,
    /// The fields of the body, by what it can be.
    pub forms: Vec<BodyForm>,
    /// Responses as (status, description).
    pub responses: Vec<(String, String)>,
}

impl Operation {
    /// The required key in a few words.
    pub fn requirement(&self) -> String {
        match (&self.scope, &self.scopes) {
            (Some(scope), _) => scope.clone(),
            (None, Some(scopes)) => scopes.join(", "),
            (None, None) => "No key".to_owned(),
        }
    }

    /// Whether the operation deletes something.
    pub fn is_destructive(&self) -> bool {
        self.method == "DELETE"
    }
}

/// Location of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterLocation {
    Path,
    Query,
    Header,
}

impl ParameterLocation {
    /// The value of `in` in the `OpenAPI` document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    pub location: ParameterLocation,
    pub required: bool,
    pub description: String,
    pub kind: String,
    /// The possible values, if they are few.
    pub options: Vec<String>,
}

/// Parses an `OpenAPI` document; `None` if it is invalid.
pub(super) fn read(text: &str) -> Option<Document> {
    let root: Value = serde_json::from_str(text).ok()?;
    let paths = root.get("paths")?.as_object()?;
    let mut groups: Vec<Group> = list(&root["tags"]).iter().map(group).collect();
    for (path, item) in paths {
        for method in ["get", "post", "put", "patch", "delete"] {
            let Some(value) = item.get(method) else { continue };
            let shared = list(&item["parameters"]);
            add(&mut groups, value["tags"].get(0).map_or("Other", text_of), operation(&root, path, method, value, shared));
        }
    }
    groups.retain(|group| !group.operations.is_empty());
    Some(Document { description: string(&root["info"], "description"), groups })
}

/// Capitalizes the first letter.
pub(super) fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn group(tag: &Value) -> Group {
    Group { name: string(tag, "name"), description: string(tag, "description"), operations: Vec::new() }
}

fn add(groups: &mut Vec<Group>, name: &str, operation: Operation) {
    match groups.iter_mut().find(|group| group.name == name) {
        Some(group) => group.operations.push(operation),
        None => groups.push(Group { name: name.to_owned(), description: String::new(), operations: vec![operation] }),
    }
}

fn operation(root: &Value, path: &str, method: &str, value: &Value, shared: &[Value]) -> Operation {
    let id = string(value, "operationId");
    Operation {
        id: if id.is_empty() { format!("{method}-{}", path.replace(['/', '{', '}'], "-")) } else { id },
        method: method.to_ascii_uppercase(),
        path: path.to_owned(),
        summary: string(value, "summary"),
        description: string(value, "description"),
        scopes: scopes(value.get("security").or_else(|| root.get("security"))),
        scope: value.get("x-scope").and_then(Value::as_str).map(str::to_owned),
        parameters: shared.iter().chain(list(&value["parameters"])).filter_map(|one| parameter(root, resolve(root, one))).collect(),
        bodies: example::body_examples(root, resolve(root, &value["requestBody"])),
        forms: fields::body_forms(root, resolve(root, &value["requestBody"])),
        responses: value["responses"].as_object().map(|responses| responses_of(root, responses)).unwrap_or_default(),
    }
}

fn responses_of(root: &Value, responses: &Map<String, Value>) -> Vec<(String, String)> {
    responses.iter().map(|(status, response)| (status.clone(), string(resolve(root, response), "description"))).collect()
}

/// Required scopes; `None` if a request without a key is allowed.
fn scopes(security: Option<&Value>) -> Option<Vec<String>> {
    let requirements = list(security?);
    let mut scopes = Vec::new();
    for requirement in requirements {
        // An empty requirement allows requests without a key.
        let requirement = requirement.as_object().filter(|requirement| !requirement.is_empty())?;
        for scope in requirement.values().flat_map(list).map(text_of) {
            if !scopes.iter().any(|existing| existing == scope) {
                scopes.push(scope.to_owned());
            }
        }
    }
    (!requirements.is_empty()).then_some(scopes)
}

fn parameter(root: &Value, value: &Value) -> Option<Parameter> {
    let location = [ParameterLocation::Path, ParameterLocation::Query, ParameterLocation::Header]
        .into_iter()
        .find(|location| value["in"] == location.as_str())?;
    // An optional value is one schema or null.
    let schema = alternatives(root, &value["schema"]).first().copied().unwrap_or(&value["schema"]);
    let kind = type_name(&schema["type"]).to_owned();
    let options = if kind == "boolean" { vec!["true", "false"] } else { words(schema) };
    Some(Parameter {
        name: string(value, "name"),
        location,
        required: value["required"] == true || location == ParameterLocation::Path,
        description: string(value, "description"),
        options: options.into_iter().map(str::to_owned).collect(),
        kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Document {
        read(include_str!("sample.json")).unwrap()
    }

    fn of(id: &str) -> Operation {
        sample().groups.into_iter().flat_map(|group| group.operations).find(|operation| operation.id == id).unwrap()
    }

    #[test]
    fn operations_are_grouped_by_tag() {
        let groups: Vec<_> = sample().groups.into_iter().map(|group| (group.name, group.operations.len())).collect();
        assert_eq!(groups, [("Keys".to_owned(), 3), ("Corpora".to_owned(), 2), ("Verify".to_owned(), 1), ("Other".to_owned(), 1)]);
        assert_eq!(sample().groups[0].description, "Keys of every kind.");
    }

    #[test]
    fn operation_has_scopes_parameters_and_responses() {
        let list = of("listKeys");
        assert_eq!((list.method.as_str(), list.path.as_str(), list.summary.as_str()), ("GET", "/api/v1/keys", "List keys"));
        assert_eq!(list.scopes, Some(vec!["keys:read".to_owned()]));
        let parameters: Vec<_> = list.parameters.iter().map(|one| (one.name.as_str(), one.location, one.required, one.kind.as_str())).collect();
        assert_eq!(
            parameters,
            [
                ("kind", ParameterLocation::Query, false, "string"),
                ("limit", ParameterLocation::Query, false, "integer"),
                ("q", ParameterLocation::Query, false, "string")
            ]
        );
        assert_eq!((&list.parameters[0].options[..], list.parameters[1].options.len()), (&["internal".to_owned(), "client".to_owned()][..], 0));
        assert_eq!(list.responses[0], ("200".to_owned(), "The keys.".to_owned()));
        assert_eq!(list.responses[1], ("401".to_owned(), "Missing or invalid key.".to_owned()));
        assert_eq!(of("health").scopes, None);
        assert_eq!(
            (list.requirement(), of("health").requirement(), of("verify").requirement()),
            ("keys:read".into(), "No key".into(), "verify".into())
        );
        assert!(of("deleteCorpus").is_destructive());
        assert_eq!(of("deleteCorpus").parameters[0].location, ParameterLocation::Path);
    }

    #[test]
    fn invalid_documents_are_rejected() {
        for text in ["", "[]", "{}", "{\"paths\":3}"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read("{\"paths\":{}}"), Some(Document::default()));
    }
}
