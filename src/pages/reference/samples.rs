//! The request as code. No browser API, so that unit tests can run natively.

use serde_json::Value;

use super::request::Request;
use latchkey_ui::code_tabs::CodeSample;

/// The environment variable that contains the key.
const VARIABLE: &str = "LATCHKEY_API_KEY";

/// The typed key, and whether the operation needs one. The samples take the key from the environment, and never contain it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'a> {
    pub typed: &'a str,
    pub is_needed: bool,
}

/// The request in several languages.
pub(super) fn samples(request: &Request, origin: &str, key: Key<'_>) -> Vec<CodeSample> {
    vec![
        CodeSample { label: "cURL", code: curl(request, origin, key) },
        CodeSample { label: "JavaScript", code: javascript(request, origin, key) },
        CodeSample { label: "Python", code: python(request, origin, key) },
    ]
}

fn curl(request: &Request, origin: &str, key: Key<'_>) -> String {
    let method = if request.method == "GET" { String::new() } else { format!(" -X {}", request.method) };
    let mut lines = vec![format!("curl{method} {}", shell_quote(&format!("{origin}{}", request.path)))];
    lines.extend(request.headers.iter().map(|(name, value)| format!("-H {}", shell_quote(&format!("{name}: {value}")))));
    lines.extend(request.body.iter().map(|body| format!("--data {}", shell_quote(body))));
    let mut text = lines.join(" \\\n  ");
    if !key.typed.is_empty() {
        text = text.replace(key.typed, &format!("'\"${VARIABLE}\"'"));
    }
    let authorization = if key.is_needed { format!(" \\\n  -H \"Authorization: Bearer ${VARIABLE}\"") } else { String::new() };
    text + &authorization
}

fn javascript(request: &Request, origin: &str, key: Key<'_>) -> String {
    let mut options = Vec::new();
    if request.method != "GET" {
        options.push(format!("method: {}", quote(&request.method)));
    }
    let headers = headers(request, key, &format!("`Bearer ${{process.env.{VARIABLE}}}`"), "  ");
    options.extend(headers.map(|headers| format!("headers: {headers}")));
    options.extend(request.body.iter().map(|body| match json_literal(body) {
        Some(literal) => format!("body: JSON.stringify({})", indented(&literal, "  ")),
        None => format!("body: {}", quote(body)),
    }));
    let options = if options.is_empty() { String::new() } else { format!(", {{\n  {},\n}}", options.join(",\n  ")) };
    let code = format!(
        "const response = await fetch({}{options});\nconsole.log(response.status, await response.text());",
        quote(&format!("{origin}{}", request.path))
    );
    without_key(code, key, &format!("process.env.{VARIABLE}"))
}

fn python(request: &Request, origin: &str, key: Key<'_>) -> String {
    let mut arguments = vec![quote(&format!("{origin}{}", request.path))];
    if request.method != "GET" {
        arguments.push(format!("method={}", quote(&request.method)));
    }
    let headers = headers(request, key, &format!("\"Bearer \" + os.environ[\"{VARIABLE}\"]"), "    ");
    arguments.extend(headers.map(|headers| format!("headers={headers}")));
    arguments.extend(request.body.iter().map(|body| match json_literal(body) {
        Some(literal) => format!("data=json.dumps({}).encode()", indented(&python_literal(&literal), "    ")),
        None => format!("data={}.encode()", quote(body)),
    }));
    let code =
        format!("request = urllib.request.Request(\n    {},\n)\nprint(urllib.request.urlopen(request).read().decode())", arguments.join(",\n    "));
    let code = without_key(code, key, &format!("os.environ[\"{VARIABLE}\"]"));
    let modules = [("json", "json.dumps"), ("os", "os.environ"), ("urllib.request", "")];
    let imports: Vec<_> = modules.into_iter().filter(|(_, used)| code.contains(used)).map(|(module, _)| module).collect();
    format!("import {}\n\n{code}", imports.join(", "))
}

/// The headers as a literal that is valid in JavaScript and Python; `None` if there are none.
fn headers(request: &Request, key: Key<'_>, authorization: &str, indent: &str) -> Option<String> {
    let mut lines: Vec<_> = request.headers.iter().map(|(name, value)| format!("{indent}{}: {},\n", quote(name), quote(value))).collect();
    if key.is_needed {
        lines.push(format!("{indent}\"Authorization\": {authorization},\n"));
    }
    (!lines.is_empty()).then(|| format!("{{\n{indent}{}{indent}}}", lines.join(indent)))
}

fn shell_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A JSON string literal, which is valid in JavaScript and Python too.
fn quote(text: &str) -> String {
    Value::from(text).to_string()
}

/// The body as a JavaScript literal; `None` if it is not JSON.
fn json_literal(body: &str) -> Option<String> {
    serde_json::from_str::<Value>(body).is_ok().then(|| body.trim().to_owned())
}

/// The JSON as a Python literal: three values have other names.
fn python_literal(json: &str) -> String {
    let mut text = String::new();
    let mut rest = json;
    while let Some(start) = rest.find('"') {
        let end = string_end(&rest[start..]);
        text += &python_names(&rest[..start]);
        text += &rest[start..start + end];
        rest = &rest[start + end..];
    }
    text + &python_names(rest)
}

/// The length of the string literal at the beginning of the text.
fn string_end(text: &str) -> usize {
    let mut is_escaped = false;
    let closing = text.char_indices().skip(1).find(|(_, letter)| {
        let is_end = *letter == '"' && !is_escaped;
        is_escaped = *letter == '\\' && !is_escaped;
        is_end
    });
    closing.map_or(text.len(), |(at, _)| at + 1)
}

fn python_names(json: &str) -> String {
    json.replace("true", "True").replace("false", "False").replace("null", "None")
}

/// Indents all lines but the first.
fn indented(text: &str, by: &str) -> String {
    text.replace('\n', &format!("\n{by}"))
}

/// Replaces string literals that are the key by an expression, and the key in others by its variable.
fn without_key(code: String, key: Key<'_>, expression: &str) -> String {
    if key.typed.is_empty() { code } else { code.replace(&quote(key.typed), expression).replace(key.typed, &format!("${VARIABLE}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://keys.example";
    const NEEDED: Key<'_> = Key { typed: "", is_needed: true };

    fn request(method: &str, path: &str, body: Option<&str>) -> Request {
        let headers = body.map(|_| ("Content-Type".to_owned(), "application/json".to_owned())).into_iter().collect();
        Request { method: method.to_owned(), path: path.to_owned(), headers, body: body.map(str::to_owned) }
    }

    #[test]
    fn curl_command_is_quoted() {
        let create = request("POST", "/api/v1/keys", Some("{\"name\":\"it's\"}"));
        assert_eq!(
            curl(&create, ORIGIN, NEEDED),
            "curl -X POST 'https://keys.example/api/v1/keys' \\\n  -H 'Content-Type: application/json' \\\n  \
             --data '{\"name\":\"it'\\''s\"}' \\\n  -H \"Authorization: Bearer $LATCHKEY_API_KEY\""
        );
        let health = request("GET", "/healthz", None);
        assert_eq!(curl(&health, ORIGIN, Key { typed: "", is_needed: false }), "curl 'https://keys.example/healthz'");
    }

    #[test]
    fn javascript_sends_the_same_request() {
        let create = request("POST", "/api/v1/keys", Some("{\n  \"name\": \"a\"\n}"));
        assert_eq!(
            javascript(&create, ORIGIN, NEEDED),
            "const response = await fetch(\"https://keys.example/api/v1/keys\", {\n  method: \"POST\",\n  headers: {\n    \
             \"Content-Type\": \"application/json\",\n    \"Authorization\": `Bearer ${process.env.LATCHKEY_API_KEY}`,\n  },\n  \
             body: JSON.stringify({\n    \"name\": \"a\"\n  }),\n});\nconsole.log(response.status, await response.text());"
        );
        let health = javascript(&request("GET", "/healthz", None), ORIGIN, Key { typed: "", is_needed: false });
        assert!(health.starts_with("const response = await fetch(\"https://keys.example/healthz\");"), "{health}");
    }

    #[test]
    fn python_sends_the_same_request() {
        let create = request("POST", "/api/v1/keys", Some("{\"a\": true, \"b\": \"null \\\" true\", \"c\": [null, false]}"));
        assert_eq!(
            python(&create, ORIGIN, NEEDED),
            "import json, os, urllib.request\n\nrequest = urllib.request.Request(\n    \"https://keys.example/api/v1/keys\",\n    method=\"POST\",\n    \
             headers={\n        \"Content-Type\": \"application/json\",\n        \"Authorization\": \"Bearer \" + os.environ[\"LATCHKEY_API_KEY\"],\n    },\n    \
             data=json.dumps({\"a\": True, \"b\": \"null \\\" true\", \"c\": [None, False]}).encode(),\n)\nprint(urllib.request.urlopen(request).read().decode())"
        );
        let health = python(&request("GET", "/healthz", None), ORIGIN, Key { typed: "", is_needed: false });
        assert!(health.starts_with("import urllib.request\n\n"), "{health}");
    }

    #[test]
    fn samples_never_contain_the_key() {
        let key = Key { typed: "lki_secret", is_needed: true };
        let verify = request("POST", "/api/v1/verify?key=lki_secret", Some("{\"key\":\"lki_secret\",\"note\":\"is lki_secret\"}"));
        for sample in samples(&verify, ORIGIN, key) {
            assert!(!sample.code.contains("lki_secret") && sample.code.contains("LATCHKEY_API_KEY"), "{sample:?}");
        }
        assert!(javascript(&verify, ORIGIN, key).contains("{\"key\":process.env.LATCHKEY_API_KEY,"));
        assert!(curl(&verify, ORIGIN, key).contains("{\"key\":\"'\"$LATCHKEY_API_KEY\"'\""));
    }

    #[test]
    fn body_that_is_not_json_is_a_string() {
        let broken = request("POST", "/a", Some("{\"a\":"));
        assert!(javascript(&broken, ORIGIN, NEEDED).contains("body: \"{\\\"a\\\":\","));
        assert!(python(&broken, ORIGIN, NEEDED).contains("data=\"{\\\"a\\\":\".encode(),"));
    }
}
