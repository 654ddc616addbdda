//! Random mutations of valid keys and tokens, passed directly to the verifier: none is valid, returns an error or panics.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use latchkey_types::id::OrganizationId;
use latchkey_verify::{VerdictCode, VerifyRequest};
use proptest::{
    prelude::any,
    test_runner::{Config, TestCaseError, TestRunner},
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{
    TestServer,
    projects::{create_project, insert_issued_key, insert_template, reveal_token},
};

/// One million mutations in total take half a minute without optimizations.
const KEYS: u32 = 800_000;
const TOKENS: u32 = 200_000;

/// A server with valid keys or tokens.
struct Fixture {
    server: TestServer,
    organization: OrganizationId,
    valid: Vec<String>,
}

impl Fixture {
    async fn with_keys() -> Self {
        let server = TestServer::start().await;
        let page = server.user("owner", "acme").await;
        let api = server.api("owner@acme.test", "");
        let (_, client) = api.post("/keys", json!({ "kind": "client", "name": "client" })).await;
        let valid = vec![api.key.clone(), page.agent_key("agent").await.1, client["secret"].as_str().unwrap().to_owned()];
        Self::with(server, valid).await
    }

    async fn with_tokens() -> Self {
        let server = TestServer::start().await;
        let owner = server.user("owner", "acme").await;
        let project = create_project(&owner, "Genomes").await;
        let template = insert_template(&server, &project, "reader", "viewer", 0).await;
        let mut valid = Vec::new();
        for _ in 0..2 {
            valid.push(reveal_token(&owner, insert_issued_key(&server, template, "owner@acme.test", None).await).await);
        }
        Self::with(server, valid).await
    }

    async fn with(server: TestServer, valid: Vec<String>) -> Self {
        let organization: String = sqlx::query_scalar("select id from organizations").fetch_one(&server.database().await).await.unwrap();
        Self { server, organization: organization.parse().unwrap(), valid }
    }

    async fn code(&self, presented: &str) -> VerdictCode {
        self.server.state.verifier.evaluate(self.organization, &VerifyRequest::new(presented)).await.unwrap().code
    }

    /// Asserts that every mutation is unknown and that the originals stay valid.
    fn assert_mutations_rejected(&self, runtime: &Runtime, cases: u32, mutate: impl Fn(&str, Mutation) -> String) {
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
        let inputs = (any::<u8>(), any::<u32>(), any::<u32>());
        let result = runner.run(&inputs, |(kind, position, value)| {
            let valid = &self.valid[position as usize % self.valid.len()];
            let changed = mutate(valid, Mutation { kind, position: position as usize, value });
            let code = runtime.block_on(self.code(&changed));
            if changed == *valid || code == VerdictCode::NotFound { Ok(()) } else { Err(TestCaseError::fail(format!("{changed:?} is {code:?}"))) }
        });
        result.unwrap();
        for valid in &self.valid {
            assert_eq!(runtime.block_on(self.code(valid)), VerdictCode::Valid);
        }
    }
}

/// A mutation, as three numbers so that proptest can shrink it.
struct Mutation {
    kind: u8,
    position: usize,
    value: u32,
}

impl Mutation {
    /// Flips a bit.
    fn flipped(&self, valid: &str) -> String {
        let mut bytes = valid.as_bytes().to_vec();
        bytes[self.position / 8 % valid.len()] ^= 1 << (self.position % 8);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Removes the end.
    fn truncated(&self, valid: &str) -> String {
        valid[..self.position % valid.len()].to_owned()
    }

    /// Inserts a character.
    fn inserted(&self, valid: &str) -> String {
        let position = self.position % (valid.len() + 1);
        let inserted = char::from_u32(self.value % 0x0011_0000).unwrap_or('\0');
        format!("{}{inserted}{}", &valid[..position], &valid[position..])
    }

    /// Random base62 digits, as in keys.
    fn digits(&self, count: usize) -> String {
        const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut state = u64::from(self.value) << 32 | self.position as u64 | 1;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(BASE62[(state >> 33) as usize % 62])
        };
        (0..count).map(|_| next()).collect()
    }

    fn mutate_key(&self, valid: &str) -> String {
        let (prefix, check) = (&valid[..4], valid.len() - 6);
        match self.kind % 8 {
            0 | 1 => self.flipped(valid),
            2 => self.truncated(valid),
            3 => self.inserted(valid),
            // Another checksum; other digits; random digits of random length.
            4 => format!("{}{}", &valid[..check], self.digits(6)),
            5 => format!("{prefix}{}{}", self.digits(43), &valid[check..]),
            6 => format!("{prefix}{}", self.digits(self.position % 200)),
            // The prefix of another kind.
            _ => format!("{}{}", ["lki_", "lkc_", "lkq_", "lka_"][self.position % 4], &valid[4..]),
        }
    }

    fn mutate_token(&self, valid: &str) -> String {
        let parts: Vec<&str> = valid.split('.').collect();
        let (header, payload, signature) = (parts[0], parts[1], parts[2]);
        match self.kind % 10 {
            0..=2 => self.flipped(valid),
            3 => self.truncated(valid),
            4 => self.inserted(valid),
            5 => format!("{}.{payload}.{}", self.header(header), if self.value.is_multiple_of(2) { signature } else { "" }),
            6 => format!("{header}.{}.{signature}", self.claims(payload)),
            7 => format!("{header}.{payload}.{}", self.digits(self.position % 100)),
            8 => format!("{header}.{payload}{}", ".".repeat(self.position % 3)),
            _ => [[1, 0, 2], [0, 2, 1], [2, 1, 0], [0, 0, 2]][self.position % 4].map(|part| parts[part]).join("."),
        }
    }

    fn header(&self, valid: &str) -> String {
        let algorithm = ["none", "None", "HS256", "ES256", "RS256", "eddsa", ""][self.position % 7];
        changed(valid, |header| match self.value % 5 {
            0 => header["alg"] = json!(algorithm),
            1 => header["typ"] = json!(["JWT", "at+jwt", "", "project-key", "Project-Key+JWT"][self.position % 5]),
            2 => header["kid"] = json!(self.digits(self.position % 50)),
            3 => header["jku"] = json!("https://evil.test/jwks.json"),
            _ => *header = json!({ "alg": "none", "typ": "project-key+jwt" }),
        })
    }

    fn claims(&self, valid: &str) -> String {
        changed(valid, |claims| match self.value % 5 {
            0 => claims["role"] = json!("owner"),
            1 => claims["exp"] = json!(i64::from(self.value)),
            2 => claims["jti"] = json!(format!("key_{}", self.digits(32))),
            3 => claims["aud"] = json!([claims["aud"]]),
            _ => claims["admin"] = json!(true),
        })
    }
}

/// A token part with changed JSON.
fn changed(part: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    change(&mut value);
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

#[test]
fn no_mutated_key_is_valid() {
    let runtime = Runtime::new().unwrap();
    let fixture = runtime.block_on(Fixture::with_keys());
    fixture.assert_mutations_rejected(&runtime, KEYS, |valid, mutation| mutation.mutate_key(valid));
}

#[test]
fn no_mutated_token_is_valid() {
    let runtime = Runtime::new().unwrap();
    let fixture = runtime.block_on(Fixture::with_tokens());
    fixture.assert_mutations_rejected(&runtime, TOKENS, |valid, mutation| mutation.mutate_token(valid));
}
