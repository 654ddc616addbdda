//! A data grid for lists of any length: it draws the rows in sight and loads them as they come into sight. Knows no domain.

pub mod book;
pub mod focus;
pub mod pick;
pub mod rows;
pub mod view;
pub mod window;
