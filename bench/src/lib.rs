//! What the measuring program and Criterion's benchmark both need.

pub mod stock;
