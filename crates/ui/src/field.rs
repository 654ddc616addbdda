//! Form fields: label, input, hint and error.

use leptos::prelude::*;

use super::{
    form::Form,
    form_field::{FieldAria, FieldTexts, form_field},
};

/// The kind of value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InputKind {
    #[default]
    Text,
    Email,
    /// A password, hidden unless the user shows it.
    Password,
    Date,
    /// A number. Not `type="number"`, which discards invalid input and reacts to the mouse wheel.
    Number,
    /// A number with decimals.
    Decimal,
}

impl InputKind {
    const fn input_type(self) -> &'static str {
        match self {
            Self::Text | Self::Number | Self::Decimal => "text",
            Self::Email => "email",
            Self::Password => "password",
            Self::Date => "date",
        }
    }

    /// The on-screen keyboard.
    const fn input_mode(self) -> Option<&'static str> {
        match self {
            Self::Number => Some("numeric"),
            Self::Decimal => Some("decimal"),
            Self::Text | Self::Email | Self::Password | Self::Date => None,
        }
    }
}

/// A single-line field. The value stays in the input, so text that was typed before hydration is kept; see [`Form::check`].
#[component]
pub fn Field(
    form: Form,
    /// Field name in the request.
    name: &'static str,
    label: &'static str,
    #[prop(optional)] kind: InputKind,
    /// Initial value.
    #[prop(optional, into)]
    value: String,
    /// The `autocomplete` attribute.
    #[prop(default = "off")]
    autocomplete: &'static str,
    #[prop(optional, into)] hint: Option<String>,
    /// What the current value means.
    #[prop(optional)]
    note: Option<Signal<String>>,
    /// Whether it can be left empty.
    #[prop(optional)]
    optional: bool,
    #[prop(optional)] autofocus: bool,
    /// Values that the browser offers while the user types.
    #[prop(optional)]
    suggestions: &'static [&'static str],
    /// Called with the new value while the user types.
    #[prop(optional, into)]
    on_input: Option<Callback<String>>,
) -> impl IntoView {
    let is_visible = RwSignal::new(false);
    let input_type = move || if kind == InputKind::Password && is_visible.get() { "text" } else { kind.input_type() };
    let texts = FieldTexts { hint, note, is_optional: optional };
    form_field(form, name, label, texts, move |FieldAria { id, described_by, invalid }| {
        let list = (!suggestions.is_empty()).then(|| format!("suggestions-{name}"));
        view! {
            <div class="field-input">
                <input id=id name=name type=input_type inputmode=kind.input_mode() value=value autocomplete=autocomplete autofocus=autofocus
                    spellcheck="false" autocapitalize="none" list=list.clone() aria-invalid=invalid aria-describedby=described_by
                    on:input:target=move |event| if let Some(on_input) = on_input { on_input.run(event.target().value()) }/>
                {list.map(|id| view! {
                    <datalist id=id>{suggestions.iter().map(|value| view! { <option value=*value></option> }).collect_view()}</datalist>
                })}
                {(kind == InputKind::Password).then(|| view! {
                    <button type="button" class="field-show" on:click=move |_| is_visible.update(|is_visible| *is_visible = !*is_visible)>
                        {move || if is_visible.get() { "Hide" } else { "Show" }}
                    </button>
                })}
            </div>
        }
        .into_any()
    })
}

/// A multi-line field.
#[component]
pub fn TextArea(
    form: Form,
    /// Field name in the request.
    name: &'static str,
    label: &'static str,
    /// Initial value.
    #[prop(optional, into)]
    value: String,
    #[prop(optional, into)] hint: Option<String>,
    /// What the current value means.
    #[prop(optional)]
    note: Option<Signal<String>>,
    /// Whether it can be left empty.
    #[prop(optional)]
    optional: bool,
    #[prop(default = 3)] rows: u8,
    /// Called with the new value while the user types.
    #[prop(optional, into)]
    on_input: Option<Callback<String>>,
    /// Rewrites a changed value when the user leaves the field.
    #[prop(optional)]
    rewrite: Option<fn(&str) -> String>,
) -> impl IntoView {
    let texts = FieldTexts { hint, note, is_optional: optional };
    // A property, not a child: the server would write a child unescaped.
    form_field(form, name, label, texts, move |FieldAria { id, described_by, invalid }| {
        view! {
            <textarea id=id name=name rows=rows.to_string() spellcheck="false" autocapitalize="none" autocomplete="off" prop:value=value
                aria-invalid=invalid aria-describedby=described_by
                on:input:target=move |event| if let Some(on_input) = on_input { on_input.run(event.target().value()) }
                on:change:target=move |event| if let Some(rewrite) = rewrite { event.target().set_value(&rewrite(&event.target().value())) }></textarea>
        }
        .into_any()
    })
}
