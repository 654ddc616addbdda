//! Ready code for the holder of a key, by kind.

use latchkey_types::key_kind::KeyKind;
use latchkey_ui::code_tabs::CodeSample;

/// Label of the tab and code. `<url>`, `<key>` and `<project>` are replaced.
type Template = (&'static str, &'static str);

const CLIENT: &[Template] = &[
    (
        "cURL",
        r#"curl <url>/api/v1/verify \
  -H "x-api-key: $LATCHKEY_API_KEY" \
  -d '{"key": "<key>"}'"#,
    ),
    (
        "JavaScript",
        r#"const response = await fetch("<url>/api/v1/verify", {
  method: "POST",
  headers: { "x-api-key": process.env.LATCHKEY_API_KEY },
  body: JSON.stringify({ key: "<key>" }),
});
const { valid, code } = await response.json();
console.log(valid, code);"#,
    ),
    (
        "Python",
        r#"import json, os, urllib.request

request = urllib.request.Request(
    "<url>/api/v1/verify",
    headers={"x-api-key": os.environ["LATCHKEY_API_KEY"]},
    data=json.dumps({"key": "<key>"}).encode(),
)
verdict = json.load(urllib.request.urlopen(request))
print(verdict["valid"], verdict["code"])"#,
    ),
    (".env", "API_KEY=<key>"),
    (
        "GitHub Actions",
        r"# Store the key in the repository, once:
gh secret set API_KEY --body <key>

# In the workflow:
env:
  API_KEY: ${{ secrets.API_KEY }}",
    ),
];

const INTERNAL: &[Template] = &[
    (
        "cURL",
        r#"curl <url>/api/v1/whoami \
  -H "Authorization: Bearer <key>""#,
    ),
    (
        "CLI",
        "export LATCHKEY_URL=<url>
export LATCHKEY_API_KEY=<key>
latchkey keys list",
    ),
    (
        ".env",
        "LATCHKEY_URL=<url>
LATCHKEY_API_KEY=<key>",
    ),
];

const AGENT: &[Template] = &[
    (
        "cURL",
        r#"curl <url>/api/v1/verify \
  -H "x-api-key: $LATCHKEY_API_KEY" \
  -d '{"key": "<key>", "kind": "agent"}'"#,
    ),
    (
        "Forward auth",
        r#"curl -i "<url>/api/v1/forward-auth?kind=agent" \
  -H "X-Latchkey-Caller: $LATCHKEY_API_KEY" \
  -H "x-api-key: <key>""#,
    ),
    (".env", "AGENT_API_KEY=<key>"),
];

const PROJECT: &[Template] = &[
    (
        "cURL",
        r#"curl <url>/api/v1/projects/<project> \
  -H "Authorization: Bearer <key>""#,
    ),
    (
        ".env",
        "PROJECT_ID=<project>
PROJECT_API_KEY=<key>",
    ),
];

const fn templates(kind: KeyKind) -> &'static [Template] {
    match kind {
        KeyKind::Internal => INTERNAL,
        KeyKind::Client => CLIENT,
        KeyKind::Agent => AGENT,
        KeyKind::Project => PROJECT,
        // Corpus keys are only for endpoints that do not exist yet.
        KeyKind::Corpus => &[],
    }
}

/// What a kind's samples need besides the key.
pub const fn requirement(kind: KeyKind) -> Option<&'static str> {
    match kind {
        KeyKind::Client | KeyKind::Agent => {
            Some("Your service verifies the key with an internal key that has the scope “verify”, in LATCHKEY_API_KEY.")
        }
        KeyKind::Internal | KeyKind::Corpus | KeyKind::Project => None,
    }
}

/// The samples of a kind, with the server's URL and the key filled in. Empty if there are none.
pub fn samples(kind: KeyKind, url: &str, key: &str, project: &str) -> Vec<CodeSample> {
    let fill = |code: &str| code.replace("<url>", url).replace("<project>", project).replace("<key>", key);
    templates(kind).iter().map(|&(label, code)| CodeSample { label, code: fill(code) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_contain_the_key_and_no_placeholder() {
        for kind in [KeyKind::Internal, KeyKind::Client, KeyKind::Corpus, KeyKind::Agent, KeyKind::Project] {
            for sample in samples(kind, "https://keys.example.com", "lkc_1", "prj_1") {
                assert!(sample.code.contains("lkc_1"), "{sample:?}");
                assert!(!sample.code.contains(['<', '>']), "{sample:?}");
            }
        }
    }

    #[test]
    fn every_tab_of_a_kind_has_its_own_label() {
        for kind in [KeyKind::Internal, KeyKind::Client, KeyKind::Agent, KeyKind::Project] {
            let labels: Vec<_> = templates(kind).iter().map(|(label, _)| *label).collect();
            let unique: std::collections::BTreeSet<_> = labels.iter().collect();
            assert!(!labels.is_empty() && unique.len() == labels.len(), "{labels:?}");
        }
    }
}
