//! The cost of a verdict without HTTP: cached keys, evaluated in process one after the other.

use std::{hint::black_box, time::Instant};

use bench::fixtures::Fixtures;
use criterion::{Criterion, criterion_group, criterion_main};
use latchkey_core::Core;
use latchkey_core::public_url::PublicUrl;
use latchkey_program::{
    config::{DataOptions, OutgoingOptions},
    data_dir::Data,
};
use latchkey_rest::verdict_body;
use latchkey_types::id::OrganizationId;
use latchkey_verify::{Verdict, VerifyRequest};
use tokio::runtime::Runtime;

/// Number of opaque keys, and of JWTs.
const KEYS: usize = 100;

/// A verifier on a filled data folder.
struct Setup {
    runtime: Runtime,
    state: Core,
    organization: OrganizationId,
    /// Holds the folder's lock.
    _data: Data,
}

impl Setup {
    fn open(fixtures: &Fixtures) -> Self {
        let runtime = Runtime::new().expect("the runtime starts");
        let options = DataOptions::in_folder(&fixtures.folder);
        let (data, state, organization) = runtime.block_on(async {
            let data = Data::open_exclusive(&options).await.expect("the data folder opens");
            let public_url = PublicUrl::new(None, ([127, 0, 0, 1], 3000).into()).expect("the public URL is valid");
            let state = data.core(public_url, OutgoingOptions::default()).expect("the state is created");
            let caller = state.verifier.find(&fixtures.caller).await.expect("the database is available").expect("the caller's key is stored");
            let organization = caller.creator.organization;
            (data, state, organization)
        });
        Self { runtime, state, organization, _data: data }
    }

    async fn evaluate(&self, key: &str) -> Verdict {
        let verdict = self.state.verifier.evaluate(self.organization, &VerifyRequest::new(black_box(key))).await.expect("the database is available");
        assert!(verdict.is_valid());
        verdict
    }

    /// Measures the evaluation of these keys in turn, followed by `then` for each result.
    fn measure(&self, criterion: &mut Criterion, what: &str, keys: &[Box<str>], then: impl Fn(&Verdict)) {
        self.runtime.block_on(async {
            for key in keys {
                self.evaluate(key).await;
            }
        });
        criterion.benchmark_group("verify").bench_function(what, |bencher| {
            bencher.iter_custom(|iterations| {
                // Excludes entering the runtime, which a server does once per connection.
                self.runtime.block_on(async {
                    let started = Instant::now();
                    for (_, key) in (0..iterations).zip(keys.iter().cycle()) {
                        then(&self.evaluate(key).await);
                    }
                    started.elapsed()
                })
            });
        });
    }
}

fn verify(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder is created");
    let fixtures = Fixtures::create(&folder.path().join("data"), KEYS, KEYS).expect("the keys are stored");
    let setup = Setup::open(&fixtures);
    let nothing = |verdict: &Verdict| {
        black_box(verdict.code);
    };
    setup.measure(criterion, "client key", &fixtures.keys, nothing);
    setup.measure(criterion, "project key", &fixtures.tokens, nothing);
    setup.measure(criterion, "client key, as JSON", &fixtures.keys, |verdict| {
        black_box(verdict_body::render(verdict));
    });
}

criterion_group!(benches, verify);
criterion_main!(benches);
