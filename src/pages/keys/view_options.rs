//! Which columns a list shows and how high its rows are, as chosen in this browser.

use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::Node;

use latchkey_types::key_kind::{KeyField, KindSpec, SecretReveal};
use latchkey_ui::{
    browser,
    icon::{Glyph, Icon},
    menu::place_below,
};

/// Local storage key of the row height, which all lists share.
const COMPACT_KEY: &str = "latchkey-compact-rows";

/// The choices of one list.
#[derive(Clone, Copy)]
pub(super) struct ViewOptions {
    spec: &'static KindSpec,
    /// The fields whose columns are hidden.
    hidden: RwSignal<Vec<String>>,
    is_compact: RwSignal<bool>,
}

impl ViewOptions {
    /// The default until the page is hydrated, because the choices are stored in the browser.
    pub(super) fn new(spec: &'static KindSpec) -> Self {
        let options = Self { spec, hidden: RwSignal::new(Vec::new()), is_compact: RwSignal::new(false) };
        Effect::new(move || {
            if let Some(fields) = browser::kept(&options.hidden_key()).filter(|fields| !fields.is_empty()) {
                options.hidden.set(fields.split(' ').map(str::to_owned).collect());
            }
            if browser::kept(COMPACT_KEY).is_some() {
                options.is_compact.set(true);
            }
        });
        options
    }

    /// Whether the column of a field is shown. Not reactive: the grid is rendered again when [`Self::class`] changes.
    pub(super) fn shows(self, field: KeyField) -> bool {
        self.hidden.with_untracked(|hidden| !hidden.iter().any(|word| word == field.as_str()))
    }

    /// The classes that fit the grid's columns and rows to the choices.
    pub(super) fn class(self) -> String {
        let mut class = String::from(if self.is_compact.get() { " grid-compact" } else { "" });
        self.hidden.with(|hidden| {
            for field in hidden {
                class.push_str(" without-");
                class.push_str(field);
            }
        });
        class
    }

    fn hidden_key(self) -> String {
        String::from("latchkey-hidden-columns-") + self.spec.name
    }

    fn toggle(self, field: KeyField) {
        let word = field.as_str();
        self.hidden.update(|hidden| match hidden.iter().position(|other| other == word) {
            Some(position) => {
                hidden.remove(position);
            }
            None => hidden.push(word.to_owned()),
        });
        browser::keep(&self.hidden_key(), &self.hidden.with_untracked(|hidden| hidden.join(" ")));
    }

    fn set_compact(self, is_compact: bool) {
        self.is_compact.set(is_compact);
        if is_compact {
            browser::keep(COMPACT_KEY, "1");
        } else {
            browser::drop_kept(COMPACT_KEY);
        }
    }

    /// The columns that can be hidden. New secrets are shown in place of the mask.
    fn columns(self) -> impl Iterator<Item = &'static (&'static str, KeyField)> {
        let is_revealed = self.spec.reveal == SecretReveal::InRow;
        let can_hide = move |field: KeyField| match field {
            KeyField::Name | KeyField::Action => false,
            KeyField::Mask => !is_revealed,
            _ => true,
        };
        self.spec.list_spec().columns.iter().filter(move |(_, field)| can_hide(*field))
    }
}

/// The button that opens the choices. Escape and a click elsewhere close them.
#[component]
pub(super) fn ColumnsMenu(options: ViewOptions) -> impl IntoView {
    let open = RwSignal::new(false);
    let button = NodeRef::<html::Button>::new();
    let panel = NodeRef::<html::Div>::new();
    Effect::new(move || {
        if let (Some(panel), Some(button)) = (panel.get(), button.get_untracked()) {
            // Fails only if it is already open.
            let _ = panel.show_popover();
            place_below(&panel, &button);
            browser::focus_first(&panel, "input");
        }
    });
    let on_keydown = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" {
            event.stop_propagation();
            open.set(false);
            if let Some(button) = button.get_untracked() {
                browser::focus(&button);
            }
        }
    };
    // The button closes it by itself. Removing a focused control causes this event too, when the panel may be disposed already.
    let on_focusout = move |event: ev::FocusEvent| {
        let target = event.related_target().and_then(|target| target.dyn_into::<Node>().ok());
        let is_inside = panel.try_get_untracked().flatten().is_some_and(|panel| panel.contains(target.as_ref()));
        if !is_inside && button.try_get_untracked().flatten().map(Node::from) != target {
            let _ = open.try_set(false);
        }
    };
    let panel_view = move || {
        view! {
            // Focusable, so that a click beside its controls does not close it.
            <div class="view-options" popover="manual" role="dialog" aria-label="Columns and rows" tabindex="-1" node_ref=panel
                on:keydown=on_keydown on:focusout=on_focusout>
                <Choices options/>
            </div>
        }
    };
    view! {
        <div class="columns">
            <button type="button" class="button" aria-haspopup="dialog" aria-expanded=move || open.get().to_string() node_ref=button
                on:click=move |_| open.update(|open| *open = !*open)>
                <Icon glyph=Glyph::Columns/>
                "Columns"
            </button>
            {move || open.get().then(panel_view)}
        </div>
    }
}

#[component]
fn Choices(options: ViewOptions) -> impl IntoView {
    let column = move |&(title, field): &'static (&'static str, KeyField)| {
        view! {
            <label class="check">
                <input type="checkbox" class="checkbox" checked=options.shows(field) on:change=move |_| options.toggle(field)/>
                <span>{title}</span>
            </label>
        }
    };
    let height = move |title: &'static str, is_compact: bool| {
        view! {
            <label class="check">
                <input type="radio" class="checkbox" name="row-height" checked=options.is_compact.get_untracked() == is_compact
                    on:change=move |_| options.set_compact(is_compact)/>
                <span>{title}</span>
            </label>
        }
    };
    view! {
        <fieldset class="view-options-group">
            <legend>"Columns"</legend>
            {options.columns().map(column).collect_view()}
        </fieldset>
        <fieldset class="view-options-group">
            <legend>"Rows"</legend>
            {height("Comfortable", false)}
            {height("Compact", true)}
        </fieldset>
    }
}
