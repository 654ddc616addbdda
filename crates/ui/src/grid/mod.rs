//! A domain-independent data grid with virtual scrolling: it renders and loads only the visible rows.

pub mod data_source;
pub mod focus;
pub mod row_cache;
pub mod selection;
pub mod view;
pub mod viewport;
