//! Icons, in the color of the surrounding text.

use leptos::prelude::*;

/// An icon on a 16 × 16 grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyph {
    Search,
    Plus,
    Reload,
    Edit,
    Trash,
    Copy,
    Check,
    Close,
    Down,
    Back,
    Forward,
    Folder,
    Up,
    Warning,
    Error,
    Person,
    Key,
    Chart,
    More,
    Pause,
    Play,
    Rotate,
    Plug,
    Download,
    Upload,
    Bell,
    Code,
    SignOut,
    Filter,
    Columns,
    Keyboard,
    Documents,
    Template,
    Theme,
    Overview,
    Settings,
}

impl Glyph {
    const fn path(self) -> &'static str {
        match self {
            Self::Search => "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.6 10.6 14 14",
            Self::Plus => "M8 3v10M3 8h10",
            Self::Reload => "M13.5 8a5.5 5.5 0 1 1-1.6-3.9L13.5 5.7M13.5 2.4v3.3h-3.3",
            Self::Edit => "m10.9 2.9 2.2 2.2L5.6 12.6l-2.9.7.7-2.9ZM9.3 4.5l2.2 2.2",
            Self::Trash => "M2.8 4.3h10.4M6.3 4.3V2.8h3.4v1.5M4 4.3l.6 8.9h6.8l.6-8.9M6.7 7v3.6M9.3 7v3.6",
            Self::Copy => "M5.8 5.8h7.4v7.4H5.8ZM10.2 5.8v-3H2.8v7.4h3",
            Self::Check => "m3 8.6 3.3 3.3L13 4.6",
            Self::Close => "m3.8 3.8 8.4 8.4M12.2 3.8l-8.4 8.4",
            Self::Down => "m4.5 6.3 3.5 3.5 3.5-3.5",
            Self::Back => "M9.7 4.5 6.2 8l3.5 3.5",
            Self::Forward => "M6.3 4.5 9.8 8l-3.5 3.5",
            Self::Folder => "M2.4 12.9V3.4h4l1.5 1.8h5.7v7.7Z",
            Self::Up => "M8 12.5v-9M4.5 7 8 3.5 11.5 7",
            Self::Warning => "M8 2.4 14.4 13.3H1.6ZM8 6.6v3M8 11.3v.2",
            Self::Error => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 5v3.4M8 10.8v.2",
            Self::Person => "M8 8A2.7 2.7 0 1 0 8 2.6 2.7 2.7 0 0 0 8 8ZM2.9 13.6c.5-2.3 2.5-3.5 5.1-3.5s4.6 1.2 5.1 3.5",
            Self::Key => "M5.2 13.1a3.3 3.3 0 1 0 0-6.6 3.3 3.3 0 0 0 0 6.6ZM7.6 7.5l5.6-5.6M11 4.1l2.2 2.2",
            Self::Chart => "M3 13.2V9M8 13.2V3M13 13.2V6.2",
            Self::More => "M3.3 7.6v.8M8 7.6v.8M12.7 7.6v.8",
            Self::Pause => "M5.6 3.5v9M10.4 3.5v9",
            Self::Play => "M5 3.2 12.2 8 5 12.8Z",
            Self::Rotate => "M13.3 6.7A5.5 5.5 0 0 0 3.5 4.9L2.6 5.8M2.6 2.6v3.2h3.2M2.7 9.3a5.5 5.5 0 0 0 9.8 1.8l.9-.9M13.4 13.4v-3.2h-3.2",
            Self::Plug => "M5.6 2.4v3M10.4 2.4v3M3.9 5.4h8.2v2.2a4.1 4.1 0 0 1-8.2 0ZM8 11.7v2.1",
            Self::Download => "M8 2.6v7.6M4.6 6.9 8 10.3l3.4-3.4M2.8 13.4h10.4",
            Self::Upload => "M8 10.3V2.6M4.6 6 8 2.6 11.4 6M2.8 13.4h10.4",
            Self::Bell => {
                "M8 2.3a3.9 3.9 0 0 0-3.9 3.9c0 3.4-1.4 4.3-1.4 5h10.6c0-.7-1.4-1.6-1.4-5A3.9 3.9 0 0 0 8 2.3ZM6.6 13.4a1.6 1.6 0 0 0 2.8 0"
            }
            Self::Code => "M5.4 4.4 1.9 8l3.5 3.6M10.6 4.4 14.1 8l-3.5 3.6",
            Self::Filter => "M2.4 4.2h11.2M4.6 8h6.8M6.8 11.8h2.4",
            Self::Columns => "M2.6 3h10.8v10H2.6ZM6.2 3v10M9.8 3v10",
            Self::Keyboard => "M1.8 4h12.4v8H1.8ZM4.4 6.6v.2M8 6.6v.2M11.6 6.6v.2M5 9.4h6",
            Self::SignOut => "M6.3 13.4H2.8V2.6h3.5M6.5 8h7M10.9 5.4 13.5 8l-2.6 2.6",
            Self::Documents => "M5.6 2.6h7.2v8.2H5.6ZM3.2 5v8.4h7.2M7.8 5.4h2.8M7.8 8h2.8",
            Self::Template => "M2.6 3h10.8v10H2.6ZM2.6 6.2h10.8M5 8.8h3.4M5 10.8h6",
            Self::Overview => "M2.6 2.6H7V7H2.6ZM9 2.6h4.4V7H9ZM2.6 9H7v4.4H2.6ZM9 9h4.4v4.4H9Z",
            Self::Settings => "M2.4 4.8h6.2M11.4 4.8h2.2M8.6 3v3.6h2.8V3ZM2.4 11.2h2.2M7.4 11.2h6.2M4.6 9.4V13h2.8V9.4Z",
            Self::Theme => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 2v12M8 5.6l4.9-.9M8 8.8h6M8 12l4.2-.4",
        }
    }
}

/// A decorative icon, hidden from screen readers: the button or the text beside it has the label.
#[component]
pub fn Icon(glyph: Glyph) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.4"
            stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
            <path d=glyph.path()></path>
        </svg>
    }
}
