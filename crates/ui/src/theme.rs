//! The color scheme: that of the system, or the one that the user chose in this browser.

use leptos::prelude::*;

use super::{browser, menu::MenuOption};

/// The cookie with the choice. The server writes it into the document, so that the page never appears in another scheme first.
const COOKIE: &str = "theme";

/// The attribute of the document, see tokens.css.
const ATTRIBUTE: &str = "data-theme";

const ONE_YEAR_S: u32 = 31_536_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    const fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    /// The value of the attribute and the cookie. The scheme of the system has neither.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }

    fn of_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|theme| theme.name() == Some(name)).unwrap_or_default()
    }

    /// The theme in the value of a `Cookie` header.
    pub fn of_cookies(header: &str) -> Self {
        header.split(';').find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('=')).map_or(Self::System, Self::of_name)
    }

    /// The theme of the open document.
    fn of_document() -> Self {
        let root = document().document_element();
        root.and_then(|root| root.get_attribute(ATTRIBUTE)).map_or(Self::System, |name| Self::of_name(&name))
    }

    /// Changes the document, and keeps the choice for the next one.
    fn apply(self) {
        if let Some(root) = document().document_element() {
            // Neither fails: the name of the attribute is valid.
            let _ = match self.name() {
                Some(name) => root.set_attribute(ATTRIBUTE, name),
                None => root.remove_attribute(ATTRIBUTE),
            };
        }
        browser::set_cookie(COOKIE, self.name().unwrap_or_default(), self.name().map_or(0, |_| ONE_YEAR_S));
    }
}

/// The user's choice, shared by all controls that show it.
#[derive(Clone, Copy)]
pub struct ThemeChoice(RwSignal<Theme>);

impl ThemeChoice {
    /// Provides the context for [`use_theme`].
    pub fn provide() {
        let choice = Self(RwSignal::new(Theme::System));
        provide_context(choice);
        Effect::new(move || choice.0.set(Theme::of_document()));
    }

    fn choose(self, theme: Theme) {
        self.0.set(theme);
        theme.apply();
    }

    /// The options of a menu.
    pub fn options(self) -> Vec<MenuOption> {
        let option = |theme: Theme| MenuOption {
            label: theme.label(),
            is_chosen: Signal::derive(move || self.0.get() == theme),
            choose: Callback::new(move |()| self.choose(theme)),
        };
        Theme::ALL.into_iter().map(option).collect()
    }
}

/// Only available inside the app layout.
pub fn use_theme() -> ThemeChoice {
    expect_context()
}

/// A group of radio buttons.
#[component]
pub fn ThemeChooser() -> impl IntoView {
    let choice = use_theme();
    let option_view = |theme: Theme| {
        let is_chosen = move || choice.0.get() == theme;
        view! {
            <label class="theme-option">
                <input type="radio" class="visually-hidden" name="theme" prop:checked=is_chosen on:change=move |_| choice.choose(theme)/>
                <span>{theme.label()}</span>
            </label>
        }
    };
    view! {
        <fieldset class="theme-chooser">
            <legend class="visually-hidden">"Theme"</legend>
            {Theme::ALL.into_iter().map(option_view).collect_view()}
        </fieldset>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_theme_is_read_from_the_cookies() {
        for (header, theme) in [
            ("theme=dark", Theme::Dark),
            ("session=1; theme=light; other=theme=dark", Theme::Light),
            ("session=1;theme=dark", Theme::Dark),
            ("my-theme=dark", Theme::System),
            ("themes=dark", Theme::System),
            ("theme=\"><script>", Theme::System),
            ("theme=", Theme::System),
            ("", Theme::System),
        ] {
            assert_eq!(Theme::of_cookies(header), theme, "{header}");
        }
    }
}
