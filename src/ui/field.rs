//! One input of a form: label, input, hint, and what is wrong with it.

use leptos::prelude::*;

use super::{
    control::{Attached, labelled},
    form::Form,
};

/// What is typed into a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Typed {
    /// Any text.
    #[default]
    Text,
    /// An e-mail address.
    Email,
    /// A password, hidden until its owner wants to see it.
    Password,
    /// A day.
    Date,
    /// A number. Not the browser's kind of input: that one drops what it can't read, and is turned by a wheel.
    Number,
}

impl Typed {
    const fn input_type(self) -> &'static str {
        match self {
            Self::Text | Self::Number => "text",
            Self::Email => "email",
            Self::Password => "password",
            Self::Date => "date",
        }
    }

    /// The keys that a phone shows.
    const fn input_mode(self) -> Option<&'static str> {
        if let Self::Number = self { Some("numeric") } else { None }
    }
}

/// A field. What is typed stays in the input, so nothing is lost that was typed before the page was live; see [`Form::check`].
#[component]
pub fn Field(
    /// The form it belongs to.
    form: Form,
    /// The value's name in the call.
    name: &'static str,
    /// The label.
    label: &'static str,
    /// What is typed into it.
    #[prop(optional)]
    typed: Typed,
    /// What stands in it at first.
    #[prop(optional, into)]
    value: String,
    /// What a password manager or the browser may fill in.
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// What one should know before typing.
    #[prop(optional, into)]
    hint: Option<String>,
    /// Whether it has the focus at first.
    #[prop(optional)]
    autofocus: bool,
) -> impl IntoView {
    let shown = RwSignal::new(false);
    let input_type = move || if typed == Typed::Password && shown.get() { "text" } else { typed.input_type() };
    labelled(form, name, label, hint, move |Attached { id, described_by, invalid }| {
        view! {
            <div class="field-input">
                <input id=id name=name type=input_type inputmode=typed.input_mode() value=value autocomplete=autocomplete autofocus=autofocus
                    spellcheck="false" autocapitalize="none" aria-invalid=invalid aria-describedby=described_by/>
                {(typed == Typed::Password).then(|| view! {
                    <button type="button" class="field-show" on:click=move |_| shown.update(|shown| *shown = !*shown)>
                        {move || if shown.get() { "Hide" } else { "Show" }}
                    </button>
                })}
            </div>
        }
        .into_any()
    })
}

/// A field of several lines.
#[component]
pub fn TextArea(
    /// The form it belongs to.
    form: Form,
    /// The value's name in the call.
    name: &'static str,
    /// The label.
    label: &'static str,
    /// What stands in it at first.
    #[prop(optional, into)]
    value: String,
    /// What one should know before typing.
    #[prop(optional, into)]
    hint: Option<String>,
    /// How many lines it shows.
    #[prop(default = 3)]
    rows: u8,
) -> impl IntoView {
    // A property, not a child: the server would print a child as it stands, markup and all.
    labelled(form, name, label, hint, move |Attached { id, described_by, invalid }| {
        view! {
            <textarea id=id name=name rows=rows.to_string() spellcheck="false" autocapitalize="none" autocomplete="off" prop:value=value
                aria-invalid=invalid aria-describedby=described_by></textarea>
        }
        .into_any()
    })
}
