//! Boxes to tick.

use leptos::{ev, html, prelude::*};

use super::{
    control::{Attached, below},
    form::Form,
};

/// A box that stands alone, such as the one that picks a row. Its owner says whether it is ticked.
#[component]
pub fn Checkbox(
    /// What it is called; not shown.
    #[prop(into)]
    label: String,
    /// Whether it is ticked; `None` where that is true of a part of what it stands for.
    #[prop(into)]
    ticked: Signal<Option<bool>>,
    /// Called at each click, or press of the space bar.
    #[prop(into)]
    on_click: Callback<ev::MouseEvent>,
) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    // The browser ticks it by itself at a click: it is set to what is true after each, whether that has changed or not.
    let clicks = RwSignal::new(0_u32);
    Effect::new(move || {
        clicks.track();
        if let (Some(input), ticked) = (input.get(), ticked.get()) {
            input.set_checked(ticked == Some(true));
            input.set_indeterminate(ticked.is_none());
        }
    });
    let on_click = move |event: ev::MouseEvent| {
        on_click.run(event);
        set_timeout(
            move || {
                let _ = clicks.try_update(|clicks| *clicks += 1);
            },
            std::time::Duration::ZERO,
        );
    };
    view! { <input type="checkbox" class="checkbox" node_ref=input aria-label=label on:click=on_click/> }
}

/// One box of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// Its value in the call.
    pub value: String,
    /// Its words.
    pub label: String,
    /// Whether it is ticked at first.
    pub ticked: bool,
}

/// A group of boxes in a form. See [`Form::check_ticked`].
#[component]
pub fn CheckGroup(
    /// The form it belongs to.
    form: Form,
    /// The values' name in the call.
    name: &'static str,
    /// What the group is called.
    label: &'static str,
    /// The boxes.
    ticks: Vec<Tick>,
    /// What one should know before ticking.
    #[prop(optional, into)]
    hint: Option<String>,
) -> impl IntoView {
    let Attached { described_by, invalid, .. } = Attached::new(form, name, hint.is_some());
    let line = |Tick { value, label, ticked }: Tick| {
        view! {
            <label class="check">
                <input type="checkbox" class="checkbox" name=name value=value checked=ticked aria-invalid=invalid/>
                <span>{label}</span>
            </label>
        }
    };
    view! {
        <fieldset class="field check-group" aria-describedby=described_by>
            <legend>{label}</legend>
            <div class="checks">{ticks.into_iter().map(line).collect_view()}</div>
            {below(form, name, hint)}
        </fieldset>
    }
}
