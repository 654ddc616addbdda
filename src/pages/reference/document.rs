//! The API's description (`OpenAPI` 3.1) as the page shows it. What the page does not show is not read. Without a browser.

use serde_json::{Map, Value};

use super::example;

/// All that is told of the API.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// What it is, in some paragraphs.
    pub description: String,
    /// Its operations, by what they are about.
    pub groups: Vec<Group>,
}

/// Operations that are about the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What they are about.
    pub name: String,
    /// More of that.
    pub description: String,
    /// The operations.
    pub operations: Vec<Operation>,
}

/// Something that can be asked of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its name in the description, and in the page's address.
    pub id: String,
    /// Its method, in capitals.
    pub method: String,
    /// Its path, with parameters in braces.
    pub path: String,
    /// What it does, in a line.
    pub summary: String,
    /// And in some paragraphs.
    pub description: String,
    /// Which scopes a key must have; `None` where no key is asked for.
    pub scopes: Option<Vec<String>>,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// Bodies to begin with, as JSON, each with what it is; none where there is no body.
    pub bodies: Vec<(String, String)>,
    /// What it answers: the status, and what that means.
    pub answers: Vec<(String, String)>,
}

impl Operation {
    /// Whether it takes something away.
    pub fn is_destructive(&self) -> bool {
        self.method == "DELETE"
    }
}

/// Where a parameter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Into the path.
    Path,
    /// Behind it.
    Query,
    /// Into a header.
    Header,
}

impl Place {
    /// The word in the description.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

/// A parameter of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Where it goes.
    pub place: Place,
    /// Whether nothing goes without it.
    pub required: bool,
    /// What it means.
    pub description: String,
    /// What it can be, in a word or some.
    pub kind: String,
}

/// Reads the description; `None` where it is none.
pub fn read(text: &str) -> Option<Document> {
    let root: Value = serde_json::from_str(text).ok()?;
    let paths = root.get("paths")?.as_object()?;
    let mut groups: Vec<Group> = list(&root["tags"]).iter().map(group).collect();
    for (path, item) in paths {
        for method in ["get", "post", "put", "patch", "delete"] {
            let Some(told) = item.get(method) else { continue };
            let shared = list(&item["parameters"]);
            add(&mut groups, told["tags"].get(0).map_or("Other", text_of), operation(&root, path, method, told, shared));
        }
    }
    groups.retain(|group| !group.operations.is_empty());
    Some(Document { description: string(&root["info"], "description"), groups })
}

/// A name with a capital, as headings have it.
pub fn capital(name: &str) -> String {
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

fn operation(root: &Value, path: &str, method: &str, told: &Value, shared: &[Value]) -> Operation {
    let id = string(told, "operationId");
    Operation {
        id: if id.is_empty() { format!("{method}-{}", path.replace(['/', '{', '}'], "-")) } else { id },
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: string(told, "summary"),
        description: string(told, "description"),
        scopes: scopes(told.get("security").or_else(|| root.get("security"))),
        parameters: shared.iter().chain(list(&told["parameters"])).filter_map(|one| parameter(root, resolve(root, one))).collect(),
        bodies: example::of_body(root, resolve(root, &told["requestBody"])),
        answers: told["responses"].as_object().map(|answers| told_answers(root, answers)).unwrap_or_default(),
    }
}

fn told_answers(root: &Value, answers: &Map<String, Value>) -> Vec<(String, String)> {
    answers.iter().map(|(status, answer)| (status.clone(), string(resolve(root, answer), "description"))).collect()
}

/// Which scopes are asked for; `None` where a call may come without a key.
fn scopes(security: Option<&Value>) -> Option<Vec<String>> {
    let ways = list(security?);
    let mut scopes = Vec::new();
    for way in ways {
        // One way in is none.
        let way = way.as_object().filter(|way| !way.is_empty())?;
        for scope in way.values().flat_map(list).map(text_of) {
            if !scopes.iter().any(|known| known == scope) {
                scopes.push(scope.to_owned());
            }
        }
    }
    (!ways.is_empty()).then_some(scopes)
}

fn parameter(root: &Value, told: &Value) -> Option<Parameter> {
    let place = [Place::Path, Place::Query, Place::Header].into_iter().find(|place| told["in"] == place.word())?;
    let schema = resolve(root, &told["schema"]);
    Some(Parameter {
        name: string(told, "name"),
        place,
        required: told["required"] == true || place == Place::Path,
        description: string(told, "description"),
        kind: kind(root, schema),
    })
}

/// What a value can be, in a word or some.
fn kind(root: &Value, schema: &Value) -> String {
    let words = list(&schema["enum"]);
    if !words.is_empty() {
        return words.iter().map(text_of).collect::<Vec<_>>().join(" | ");
    }
    // What may be left out is this or null.
    let ways = list(&schema["oneOf"]).iter().chain(list(&schema["anyOf"])).map(|way| resolve(root, way));
    if let Some(way) = ways.into_iter().find(|way| way["type"] != "null") {
        return kind(root, way);
    }
    match &schema["type"] {
        Value::Array(types) => types.iter().map(text_of).find(|word| *word != "null").unwrap_or_default().to_owned(),
        word => text_of(word).to_owned(),
    }
}

/// What a reference means; what is none means itself.
pub fn resolve<'a>(root: &'a Value, value: &'a Value) -> &'a Value {
    let target = value.get("$ref").and_then(Value::as_str).and_then(|target| root.pointer(target.strip_prefix('#')?));
    target.unwrap_or(value)
}

/// The values of an array; none where it is none.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn string(value: &Value, name: &str) -> String {
    value.get(name).map(text_of).unwrap_or_default().to_owned()
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
    fn operations_stand_with_what_they_are_about() {
        let told: Vec<_> = sample().groups.into_iter().map(|group| (group.name, group.operations.len())).collect();
        assert_eq!(told, [("Keys".to_owned(), 3), ("Corpora".to_owned(), 2), ("Verify".to_owned(), 1), ("Other".to_owned(), 1)]);
        assert_eq!(sample().groups[0].description, "Keys of every kind.");
    }

    #[test]
    fn an_operation_says_what_it_needs() {
        let list = of("listKeys");
        assert_eq!((list.method.as_str(), list.path.as_str(), list.summary.as_str()), ("GET", "/api/v1/keys", "List keys"));
        assert_eq!(list.scopes, Some(vec!["keys:read".to_owned()]));
        let named: Vec<_> = list.parameters.iter().map(|one| (one.name.as_str(), one.place, one.required, one.kind.as_str())).collect();
        assert_eq!(
            named,
            [("kind", Place::Query, false, "platform | client"), ("limit", Place::Query, false, "integer"), ("q", Place::Query, false, "string")]
        );
        assert_eq!(list.answers[0], ("200".to_owned(), "The keys.".to_owned()));
        assert_eq!(list.answers[1], ("401".to_owned(), "No key, or none that is good.".to_owned()));
        assert_eq!(of("health").scopes, None);
        assert!(of("deleteCorpus").is_destructive());
        assert_eq!(of("deleteCorpus").parameters[0].place, Place::Path);
    }

    #[test]
    fn what_is_no_description_is_refused() {
        for text in ["", "[]", "{}", "{\"paths\":3}"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read("{\"paths\":{}}"), Some(Document::default()));
    }
}
