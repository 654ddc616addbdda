//! The keyboard shortcuts of the whole application, and the dialog that lists all shortcuts.

use leptos::prelude::*;

use latchkey_ui::{
    browser,
    dialog::Dialog,
    menu::MenuShortcuts,
    shortcuts::{on_sequence, on_shortcut},
};

/// Label of the dialog and of its menu item.
pub(super) const LABEL: &str = "Keyboard shortcuts";
/// For the menu with the item.
pub(super) const MENU_SHORTCUTS: MenuShortcuts = &[(LABEL, "?")];

/// The page's main action, such as `Create`. Other actions beside a heading do not create anything.
const MAIN_ACTION: &str =
    ":is(.page-actions, .samples-toolbar) .button-primary:not(:disabled), .empty-state-actions button.button-primary:not(:disabled)";

/// What a shortcut does, and its keys. Alternatives are separate; keys that are pressed together or in turn are separated by a blank.
type Shortcut = (&'static str, &'static [&'static str]);

const GENERAL: &[Shortcut] = &[("Search", &["/"]), ("Create or add", &["C"]), ("Submit a form", &["Ctrl Enter"]), ("Show this list", &["?"])];
const LIST: &[Shortcut] = &[
    ("Next row", &["J", "↓"]),
    ("Previous row", &["K", "↑"]),
    ("First or last row", &["Home", "End"]),
    ("Select", &["X"]),
    ("Extend the selection", &["Shift ↑", "Shift ↓"]),
    ("Clear the selection", &["Esc"]),
    ("Edit", &["Enter", "E"]),
    ("Delete", &["Del"]),
];

/// Whether the dialog is open.
#[derive(Clone, Copy)]
pub(super) struct ShortcutSheet(RwSignal<bool>);

impl ShortcutSheet {
    /// Provides the context for [`use_shortcut_sheet`].
    pub(super) fn provide() -> Self {
        let sheet = Self(RwSignal::new(false));
        provide_context(sheet);
        sheet
    }

    pub(super) fn open(self) {
        self.0.set(true);
    }
}

pub(super) fn use_shortcut_sheet() -> ShortcutSheet {
    expect_context()
}

/// The key that opens a section after `G`: the first letter of the last word of its label. The link to the section has it as `data-go`.
pub(super) fn go_key(label: &str) -> String {
    label.rsplit(' ').next().unwrap_or_default().chars().take(1).flat_map(char::to_lowercase).collect()
}

/// The shortcuts and, while it is open, their list.
#[component]
pub(super) fn Shortcuts(sheet: ShortcutSheet) -> impl IntoView {
    on_shortcut("?", move || sheet.open());
    on_shortcut("c", || {
        browser::click_first(MAIN_ACTION);
    });
    // By a click on the link, which the navigation guard checks.
    on_sequence("g", |key| browser::click_first(&format!("[data-go=\"{key}\"]")));
    let dismiss = move |()| sheet.0.set(false);
    move || sheet.0.get().then(|| view! { <Sheet on_dismiss=dismiss/> })
}

#[component]
fn Sheet(#[prop(into)] on_dismiss: Callback<()>) -> impl IntoView {
    view! {
        <Dialog title=LABEL on_dismiss wide=true>
            <div class="dialog-content shortcuts">
                <Group title="Anywhere" shortcuts=listed(GENERAL)/>
                <Group title="In a list of keys" shortcuts=listed(LIST)/>
                <Group title="Go to" shortcuts=sections()/>
            </div>
        </Dialog>
    }
}

/// The labels and keys in the form of [`Group`].
fn listed(shortcuts: &[Shortcut]) -> Vec<(String, String)> {
    shortcuts.iter().map(|(label, keys)| ((*label).to_owned(), keys.join(","))).collect()
}

/// The sections that the user can open: those in the top bar.
fn sections() -> Vec<(String, String)> {
    let Some(root) = document().document_element() else { return Vec::new() };
    let links = browser::find_all(&root, "[data-go]");
    let section = |link: web_sys::HtmlElement| Some((link.text_content()?, format!("G {}", link.get_attribute("data-go")?.to_ascii_uppercase())));
    links.into_iter().filter_map(section).collect()
}

/// Shortcuts with their keys, alternatives separated by commas.
#[component]
fn Group(title: &'static str, shortcuts: Vec<(String, String)>) -> impl IntoView {
    let line = |(label, keys): (String, String)| {
        view! {
            <div class="shortcut">
                <dt>{label}</dt>
                <dd>{keys.split(',').enumerate().map(|(index, keys)| view! { {(index > 0).then_some(" or ")} {key_caps(keys)} }).collect_view()}</dd>
            </div>
        }
    };
    view! {
        <section>
            <h3>{title}</h3>
            <dl>{shortcuts.into_iter().map(line).collect_view()}</dl>
        </section>
    }
}

fn key_caps(keys: &str) -> impl IntoView + use<> {
    keys.split(' ').map(|key| view! { <kbd>{key.to_owned()}</kbd> }).collect_view()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes;

    #[test]
    fn every_section_has_its_own_key() {
        let mut keys: Vec<_> = routes::SECTIONS.iter().map(|section| go_key(section.label)).collect();
        assert!(keys.contains(&"k".to_owned()), "API Keys");
        keys.sort_unstable();
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "{keys:?}");
    }
}
