//! Choosing one of two or three, all in sight.

use leptos::prelude::*;

use super::{
    control::{Attached, below},
    form::Form,
    select::Choice,
};

/// A group of radio buttons in a form. See [`Form::check_ticked`].
#[component]
pub fn RadioGroup(
    /// The form it belongs to.
    form: Form,
    /// The value's name in the call.
    name: &'static str,
    /// What the group is called.
    label: &'static str,
    /// What can be chosen.
    options: Vec<Choice>,
    /// The value that is chosen.
    chosen: RwSignal<String>,
) -> impl IntoView {
    let Attached { described_by, .. } = Attached::new(form, name, false);
    let line = |(value, words): Choice| {
        let is_chosen = value == chosen.get_untracked();
        let on_change = {
            let value = value.clone();
            move |_| chosen.set(value.clone())
        };
        view! {
            <label class="check">
                <input type="radio" class="checkbox" name=name value=value checked=is_chosen on:change=on_change/>
                <span>{words}</span>
            </label>
        }
    };
    view! {
        <fieldset class="field check-group" aria-describedby=described_by>
            <legend>{label}</legend>
            <div class="checks">{options.into_iter().map(line).collect_view()}</div>
            {below(form, name, None)}
        </fieldset>
    }
}
