//! Components that know no domain. The server renders them too, so browser APIs stand in effects and handlers only.

pub mod badge;
pub mod browser;
pub mod button;
pub mod check;
pub mod control;
pub mod copy;
pub mod dialog;
pub mod field;
pub mod form;
pub mod form_dialog;
pub mod icon;
pub mod leave;
pub mod live;
pub mod loaded;
pub mod mark;
pub mod menu;
pub mod message;
pub mod money;
pub mod number;
pub mod radio;
pub mod search;
pub mod select;
pub mod tabs;
pub mod time;
pub mod toast;
pub mod work;
