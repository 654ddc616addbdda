//! What a verdict costs without HTTP: keys that are known, judged in process, one after the other.

use std::{hint::black_box, time::Instant};

use bench::stock::Stock;
use criterion::{Criterion, criterion_group, criterion_main};
use latchkey::{
    model::id::OrganizationId,
    server::{
        config::{DataOptions, OutgoingOptions, PublicUrl},
        data::Data,
        state::AppState,
        verify::{Ask, Judgement},
    },
};
use tokio::runtime::Runtime;

/// Of each form.
const KEYS: usize = 100;

/// Keys that are known.
struct Desk {
    runtime: Runtime,
    state: AppState,
    organization: OrganizationId,
    /// Kept, as it holds the folder's lock.
    _data: Data,
}

impl Desk {
    fn open(stock: &Stock) -> Self {
        let runtime = Runtime::new().expect("a runtime can be made");
        let options = DataOptions { data: stock.folder.clone(), database: None, master_key: None, new_master_key: None };
        let (data, state, organization) = runtime.block_on(async {
            let data = Data::open_alone(&options).await.expect("the stock can be opened");
            let public_url = PublicUrl::new(None, ([127, 0, 0, 1], 3000).into()).expect("this is an address");
            let state = AppState::new(&data, public_url, Vec::new(), OutgoingOptions::default()).expect("the parts fit together");
            let caller = state.verifier.find(&stock.caller).await.expect("the store is there").expect("the caller's key is stored");
            let organization = caller.organization;
            (data, state, organization)
        });
        Self { runtime, state, organization, _data: data }
    }

    async fn judge(&self, key: &str) -> Judgement {
        let judgement = self.state.verifier.judge(self.organization, &Ask::of(black_box(key))).await.expect("the store is there");
        assert!(judgement.is_valid());
        judgement
    }

    /// Measures judging these keys, and what is then done with each judgement.
    fn measure(&self, criterion: &mut Criterion, what: &str, keys: &[Box<str>], then: impl Fn(&Judgement)) {
        self.runtime.block_on(async {
            for key in keys {
                self.judge(key).await;
            }
        });
        criterion.benchmark_group("verify").bench_function(what, |bencher| {
            bencher.iter_custom(|times| {
                // Without the cost of entering the runtime, which a server pays once for a connection.
                self.runtime.block_on(async {
                    let begun = Instant::now();
                    for (_, key) in (0..times).zip(keys.iter().cycle()) {
                        then(&self.judge(key).await);
                    }
                    begun.elapsed()
                })
            });
        });
    }
}

fn verify(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let stock = Stock::make(&folder.path().join("data"), KEYS, KEYS).expect("keys can be stored");
    let desk = Desk::open(&stock);
    let nothing = |judgement: &Judgement| {
        black_box(judgement.code);
    };
    desk.measure(criterion, "client key", &stock.keys, nothing);
    desk.measure(criterion, "project key", &stock.tokens, nothing);
    desk.measure(criterion, "client key, as JSON", &stock.keys, |judgement| {
        black_box(judgement.json());
    });
}

criterion_group!(benches, verify);
criterion_main!(benches);
