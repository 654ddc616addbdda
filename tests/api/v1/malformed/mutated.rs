//! Good keys and tokens with something changed, many of them, straight into what judges: none is good, none is an error, none a panic.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use latchkey_types::id::OrganizationId;
use latchkey_verify::{Ask, Code};
use proptest::{
    prelude::any,
    test_runner::{Config, TestCaseError, TestRunner},
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{
    TestServer,
    projects::{issued, project, revealed, template},
};

/// A million together: half a minute without optimisation.
const KEYS: u32 = 800_000;
const TOKENS: u32 = 200_000;

/// A server, and what is good there.
struct Desk {
    server: TestServer,
    organization: OrganizationId,
    good: Vec<String>,
}

impl Desk {
    async fn with_keys() -> Self {
        let server = TestServer::start().await;
        let page = server.user("owner", "acme").await;
        let api = server.api("owner@acme.test", "");
        let (_, client) = api.post("/keys", json!({ "kind": "client", "name": "client" })).await;
        let good = vec![api.key.clone(), page.agent_key("agent").await.1, client["secret"].as_str().unwrap().to_owned()];
        Self::of(server, good).await
    }

    async fn with_tokens() -> Self {
        let server = TestServer::start().await;
        let owner = server.user("owner", "acme").await;
        let project = project(&owner, "Genomes").await;
        let template = template(&server, &project, "reader", "viewer", 0).await;
        let mut good = Vec::new();
        for _ in 0..2 {
            good.push(revealed(&owner, issued(&server, template, "owner@acme.test", None).await).await);
        }
        Self::of(server, good).await
    }

    async fn of(server: TestServer, good: Vec<String>) -> Self {
        let organization: String = sqlx::query_scalar("select id from organizations").fetch_one(&server.database().await).await.unwrap();
        Self { server, organization: organization.parse().unwrap(), good }
    }

    async fn code(&self, presented: &str) -> Code {
        self.server.state.verifier.judge(self.organization, &Ask::of(presented)).await.unwrap().code
    }

    /// Each of many changes of something good is unknown, and what is good stays it.
    fn none_is_good(&self, runtime: &Runtime, cases: u32, change: impl Fn(&str, Change) -> String) {
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
        let drawn = (any::<u8>(), any::<u32>(), any::<u32>());
        let done = runner.run(&drawn, |(kind, at, with)| {
            let good = &self.good[at as usize % self.good.len()];
            let changed = change(good, Change { kind, at: at as usize, with });
            let code = runtime.block_on(self.code(&changed));
            if changed == *good || code == Code::NotFound { Ok(()) } else { Err(TestCaseError::fail(format!("{changed:?} is {code:?}"))) }
        });
        done.unwrap();
        for good in &self.good {
            assert_eq!(runtime.block_on(self.code(good)), Code::Valid);
        }
    }
}

/// What is done to something good: three numbers, so that a failing one shrinks well.
struct Change {
    kind: u8,
    at: usize,
    with: u32,
}

impl Change {
    /// A bit of it is another.
    fn flipped(&self, good: &str) -> String {
        let mut bytes = good.as_bytes().to_vec();
        bytes[self.at / 8 % good.len()] ^= 1 << (self.at % 8);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Its end is missing.
    fn truncated(&self, good: &str) -> String {
        good[..self.at % good.len()].to_owned()
    }

    /// Something stands in it that does not belong there.
    fn inserted(&self, good: &str) -> String {
        let at = self.at % (good.len() + 1);
        let sign = char::from_u32(self.with % 0x0011_0000).unwrap_or('\0');
        format!("{}{sign}{}", &good[..at], &good[at..])
    }

    /// Digits that could be a key's.
    fn digits(&self, count: usize) -> String {
        const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut state = u64::from(self.with) << 32 | self.at as u64 | 1;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(BASE62[(state >> 33) as usize % 62])
        };
        (0..count).map(|_| next()).collect()
    }

    fn of_key(&self, good: &str) -> String {
        let (prefix, check) = (&good[..4], good.len() - 6);
        match self.kind % 8 {
            0 | 1 => self.flipped(good),
            2 => self.truncated(good),
            3 => self.inserted(good),
            // Another checksum; other digits; other digits with the right length alone.
            4 => format!("{}{}", &good[..check], self.digits(6)),
            5 => format!("{prefix}{}{}", self.digits(43), &good[check..]),
            6 => format!("{prefix}{}", self.digits(self.at % 200)),
            // Another kind's prefix.
            _ => format!("{}{}", ["lkp_", "lkc_", "lkq_", "lka_"][self.at % 4], &good[4..]),
        }
    }

    fn of_token(&self, good: &str) -> String {
        let parts: Vec<&str> = good.split('.').collect();
        let (header, payload, signature) = (parts[0], parts[1], parts[2]);
        match self.kind % 10 {
            0..=2 => self.flipped(good),
            3 => self.truncated(good),
            4 => self.inserted(good),
            5 => format!("{}.{payload}.{}", self.header(header), if self.with.is_multiple_of(2) { signature } else { "" }),
            6 => format!("{header}.{}.{signature}", self.claims(payload)),
            7 => format!("{header}.{payload}.{}", self.digits(self.at % 100)),
            8 => format!("{header}.{payload}{}", ".".repeat(self.at % 3)),
            _ => [[1, 0, 2], [0, 2, 1], [2, 1, 0], [0, 0, 2]][self.at % 4].map(|part| parts[part]).join("."),
        }
    }

    fn header(&self, good: &str) -> String {
        let other = ["none", "None", "HS256", "ES256", "RS256", "eddsa", ""][self.at % 7];
        changed(good, |header| match self.with % 5 {
            0 => header["alg"] = json!(other),
            1 => header["typ"] = json!(["JWT", "at+jwt", "", "project-key", "Project-Key+JWT"][self.at % 5]),
            2 => header["kid"] = json!(self.digits(self.at % 50)),
            3 => header["jku"] = json!("https://evil.test/jwks.json"),
            _ => *header = json!({ "alg": "none", "typ": "project-key+jwt" }),
        })
    }

    fn claims(&self, good: &str) -> String {
        changed(good, |claims| match self.with % 5 {
            0 => claims["role"] = json!("owner"),
            1 => claims["exp"] = json!(i64::from(self.with)),
            2 => claims["jti"] = json!(format!("key_{}", self.digits(32))),
            3 => claims["aud"] = json!([claims["aud"]]),
            _ => claims["admin"] = json!(true),
        })
    }
}

/// A part of a token with something changed in its JSON.
fn changed(part: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    change(&mut value);
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

#[test]
fn no_key_that_was_changed_is_good() {
    let runtime = Runtime::new().unwrap();
    let desk = runtime.block_on(Desk::with_keys());
    desk.none_is_good(&runtime, KEYS, |good, change| change.of_key(good));
}

#[test]
fn no_token_that_was_changed_is_good() {
    let runtime = Runtime::new().unwrap();
    let desk = runtime.block_on(Desk::with_tokens());
    desk.none_is_good(&runtime, TOKENS, |good, change| change.of_token(good));
}
