//! A domain-independent data grid with virtual scrolling: it renders and loads only the visible rows.

pub mod data_source;
pub mod focus;
pub mod keyboard;
mod keydown;
mod measure;
pub mod row_cache;
mod row_focus;
pub mod row_scope;
mod scroll_memory;
pub mod selection;
pub mod view;
pub mod viewport;
