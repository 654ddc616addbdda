//! Ready code for the holder of a key, by kind.

use leptos::prelude::*;

use latchkey_types::{
    key_kind::KeyKind,
    provider::{ApiStyle, CallableModel},
};
use latchkey_ui::{browser, code_tabs::CodeSample};

/// Label of the tab and code. `<url>`, `<key>`, `<project>`, `<customer>`, `<corpus>`, `<openai-model>` and `<anthropic-model>` are replaced.
type Template = (&'static str, &'static str);

/// The corpus that a query is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CorpusTarget {
    /// Numeric id of the organization.
    pub customer_id: i64,
    pub corpus_id: i64,
}

/// Stands for a name where the key may call no model of that API yet.
const MODEL: &str = "MODEL";

/// Parts of the names of models that answer no chat.
const NO_CHAT: [&str; 9] = ["embed", "whisper", "tts", "dall-e", "image", "audio", "realtime", "moderation", "rerank"];

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

/// Calls of language models, then verification by other services. The SDKs append the path to their base URL: that of `OpenAI` contains the version, that of Anthropic does not.
const AGENT: &[Template] = &[
    (
        "Python (OpenAI)",
        r#"from openai import OpenAI

client = OpenAI(base_url="<url>/v1", api_key="<key>")
completion = client.chat.completions.create(
    model="<openai-model>",
    messages=[{"role": "user", "content": "Hello"}],
)
print(completion.choices[0].message.content)"#,
    ),
    (
        "JavaScript (OpenAI)",
        r#"import OpenAI from "openai";

const client = new OpenAI({ baseURL: "<url>/v1", apiKey: "<key>" });
const completion = await client.chat.completions.create({
  model: "<openai-model>",
  messages: [{ role: "user", content: "Hello" }],
});
console.log(completion.choices[0].message.content);"#,
    ),
    (
        "Python (Anthropic)",
        r#"from anthropic import Anthropic

client = Anthropic(base_url="<url>", api_key="<key>")
message = client.messages.create(
    model="<anthropic-model>",
    max_tokens=1024,
    messages=[{"role": "user", "content": "Hello"}],
)
print(message.content[0].text)"#,
    ),
    (
        "JavaScript (Anthropic)",
        r#"import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: "<url>", apiKey: "<key>" });
const message = await client.messages.create({
  model: "<anthropic-model>",
  max_tokens: 1024,
  messages: [{ role: "user", content: "Hello" }],
});
console.log(message.content[0].text);"#,
    ),
    (
        "cURL",
        r#"curl <url>/v1/chat/completions \
  -H "Authorization: Bearer <key>" \
  -H "content-type: application/json" \
  -d '{
    "model": "<openai-model>",
    "messages": [{ "role": "user", "content": "Hello" }]
  }'"#,
    ),
    (
        ".env",
        "OPENAI_BASE_URL=<url>/v1
OPENAI_API_KEY=<key>
ANTHROPIC_BASE_URL=<url>
ANTHROPIC_API_KEY=<key>",
    ),
    (
        "Verify",
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

/// A query. The code prints the texts of the results, one per line; `cURL` prints the whole response. The JavaScript has no top-level
/// `await`, so that it is both a module and a script, in Node and in a web page.
const CORPUS: &[Template] = &[
    (
        "JavaScript",
        r#"async function search(query) {
  const response = await fetch("<url>/v1/query", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "customer-id": "<customer>",
      "x-api-key": "<key>",
    },
    body: JSON.stringify({
      query: [
        {
          query,
          num_results: 5,
          corpus_key: [{ customer_id: <customer>, corpus_id: <corpus> }],
        },
      ],
    }),
  });
  const { responseSet, status } = await response.json();
  if (!response.ok) throw new Error(status[0].statusDetail);
  return responseSet[0].response.map(({ text }) => text);
}

search("How do I reset my password?").then((texts) => console.log(texts.join("\n")));"#,
    ),
    (
        "Python",
        r#"import json
import urllib.request

request = urllib.request.Request(
    "<url>/v1/query",
    headers={
        "content-type": "application/json",
        "customer-id": "<customer>",
        "x-api-key": "<key>",
    },
    data=json.dumps({
        "query": [{
            "query": "How do I reset my password?",
            "num_results": 5,
            "corpus_key": [{"customer_id": <customer>, "corpus_id": <corpus>}],
        }],
    }).encode(),
)
with urllib.request.urlopen(request) as response:
    answer = json.load(response)
for result in answer["responseSet"][0]["response"]:
    print(result["text"])"#,
    ),
    (
        "cURL",
        r#"curl <url>/v1/query \
  -H "content-type: application/json" \
  -H "customer-id: <customer>" \
  -H "x-api-key: <key>" \
  -d '{
    "query": [{
      "query": "How do I reset my password?",
      "num_results": 5,
      "corpus_key": [{ "customer_id": <customer>, "corpus_id": <corpus> }]
    }]
  }'"#,
    ),
];

/// The URL of this server: an example until the page is hydrated, because only the browser has it.
pub fn server_url() -> RwSignal<String> {
    let url = RwSignal::new("https://keys.example.com".to_owned());
    Effect::new(move || url.set(browser::origin()));
    url
}

const fn templates(kind: KeyKind) -> &'static [Template] {
    match kind {
        KeyKind::Internal => INTERNAL,
        KeyKind::Client => CLIENT,
        KeyKind::Agent => AGENT,
        KeyKind::Project => PROJECT,
        // Their code needs a corpus: see `corpus_samples`.
        KeyKind::Corpus => &[],
    }
}

/// What a kind's samples need besides the key.
pub const fn requirement(kind: KeyKind) -> Option<&'static str> {
    match kind {
        KeyKind::Client => Some("Your service verifies the key with an internal key that has the scope “verify”, in LATCHKEY_API_KEY."),
        KeyKind::Agent => Some(
            "Models are set up in Settings, under Providers. To verify the key, your service needs an internal key with the scope “verify”, \
            in LATCHKEY_API_KEY.",
        ),
        KeyKind::Internal | KeyKind::Corpus | KeyKind::Project => None,
    }
}

/// The samples of a kind, with the server's URL and the key filled in. Empty if there are none; for corpus keys see [`corpus_samples`], and for
/// agent keys with models [`model_samples`].
pub fn samples(kind: KeyKind, url: &str, key: &str, project: &str) -> Vec<CodeSample> {
    if kind == KeyKind::Agent {
        return model_samples(url, key, &[]);
    }
    let fill = |code: &str| code.replace("<url>", url).replace("<project>", project).replace("<key>", key);
    templates(kind).iter().map(|&(label, code)| CodeSample { label, code: fill(code) }).collect()
}

/// The samples of an agent key, with the server's URL, the key and models filled in. `models` are those that it may call.
pub fn model_samples(url: &str, key: &str, models: &[CallableModel]) -> Vec<CodeSample> {
    let first =
        |style: ApiStyle| models.iter().find(|model| model.style == style && has_chat(&model.name)).map_or(MODEL, |model| model.name.as_str());
    let (openai, anthropic) = (first(ApiStyle::Openai), first(ApiStyle::Anthropic));
    // The names last: they may contain placeholders.
    let fill =
        |code: &str| code.replace("<url>", url).replace("<key>", key).replace("<openai-model>", openai).replace("<anthropic-model>", anthropic);
    AGENT.iter().map(|&(label, code)| CodeSample { label, code: fill(code) }).collect()
}

/// Whether a model answers chats, as far as its name tells.
fn has_chat(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NO_CHAT.iter().all(|part| !name.contains(part))
}

/// The samples of a corpus key, with the server's URL, the key and a corpus filled in. Their query is `How do I reset my password?`.
pub fn corpus_samples(url: &str, key: &str, target: CorpusTarget) -> Vec<CodeSample> {
    let (customer, corpus) = (target.customer_id.to_string(), target.corpus_id.to_string());
    let fill = |code: &str| code.replace("<url>", url).replace("<customer>", &customer).replace("<corpus>", &corpus).replace("<key>", key);
    CORPUS.iter().map(|&(label, code)| CodeSample { label, code: fill(code) }).collect()
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
    fn samples_of_a_corpus_name_customer_and_corpus() {
        let samples = corpus_samples("https://keys.example.com", "lkq_1", CorpusTarget { customer_id: 5_659_165_826, corpus_id: 7 });
        assert_eq!(samples.iter().map(|sample| sample.label).collect::<Vec<_>>(), ["JavaScript", "Python", "cURL"]);
        for CodeSample { code, .. } in samples {
            for part in ["https://keys.example.com/v1/query", "lkq_1", "5659165826", "corpus_id"] {
                assert!(code.contains(part), "{part}: {code}");
            }
            for placeholder in ["<url>", "<key>", "<customer>", "<corpus>"] {
                assert!(!code.contains(placeholder), "{code}");
            }
        }
    }

    #[test]
    fn samples_of_an_agent_key_name_models_it_may_call() {
        let model = |name: &str, style| CallableModel { name: name.to_owned(), style };
        let of_openai = ["dall-e-3", "gpt-4o", "gpt-5", "text-embedding-3"].map(|name| model(name, ApiStyle::Openai));
        let models: Vec<CallableModel> = std::iter::once(model("best", ApiStyle::Anthropic)).chain(of_openai).collect();
        for CodeSample { label, code } in model_samples("https://keys.example.com", "lka_1", &models) {
            assert!(code.contains("lka_1") && code.contains("https://keys.example.com") && !code.contains(MODEL), "{code}");
            assert_eq!(code.contains("\"best\""), label.ends_with("(Anthropic)"), "{code}");
            assert_eq!(code.contains("\"gpt-4o\""), label.ends_with("(OpenAI)") || label == "cURL", "{code}");
        }
        let code = |label| samples(KeyKind::Agent, "", "lka_1", "").into_iter().find(|sample| sample.label == label).unwrap().code;
        assert!(code("cURL").contains("\"model\": \"MODEL\""));
        // A name is no placeholder.
        let named_key = model_samples("", "lka_1", &[model("<key>", ApiStyle::Openai)]);
        assert!(named_key[0].code.contains("model=\"<key>\""), "{}", named_key[0].code);
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
