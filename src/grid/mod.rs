//! A domain-independent data grid with virtual scrolling: it renders and loads only the visible rows.

pub mod book;
pub mod focus;
pub mod pick;
pub mod rows;
pub mod view;
pub mod window;
