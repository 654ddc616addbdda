//! Checkboxes.

use std::time::Duration;

use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

use super::{
    browser,
    form::Form,
    form_field::{FieldAria, FieldTexts, field_group},
    grid::row_scope,
};
use latchkey_types::names::lowercase;

/// The number of options from which on a list can be searched.
const SEARCH_FROM: usize = 8;

/// A checkbox outside of a form, such as one that selects a row. Its owner controls whether it is checked.
#[component]
pub fn Checkbox(
    /// Accessible name; not shown.
    #[prop(into)]
    label: String,
    /// Whether it is checked; `None` is indeterminate.
    #[prop(into)]
    checked: Signal<Option<bool>>,
    /// Called on click and on the space bar.
    #[prop(into)]
    on_click: Callback<ev::MouseEvent>,
) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    // A click toggles the native state, so it is reset to the controlled state after each click even if that did not change.
    let clicks = RwSignal::new(0_u32);
    Effect::new(move || {
        clicks.track();
        if let (Some(input), checked) = (input.get(), checked.get()) {
            input.set_checked(checked == Some(true));
            input.set_indeterminate(checked.is_none());
        }
    });
    let on_click = move |event: ev::MouseEvent| {
        on_click.run(event);
        set_timeout(
            move || {
                let _ = clicks.try_update(|clicks| *clicks += 1);
            },
            Duration::ZERO,
        );
    };
    view! { <input type="checkbox" class="checkbox" node_ref=input aria-label=label tabindex=row_scope::tab_index() on:click=on_click/> }
}

/// One checkbox of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckboxOption {
    /// Its value in the request.
    pub value: String,
    pub label: String,
    /// Whether it is checked initially.
    pub checked: bool,
}

/// A group of checkboxes in a form. See [`Form::check_group`].
#[component]
pub fn CheckboxGroup(
    form: Form,
    /// Field name in the request.
    name: &'static str,
    label: &'static str,
    options: Vec<CheckboxOption>,
    #[prop(optional, into)] hint: Option<String>,
) -> impl IntoView {
    field_group(form, name, label, FieldTexts::from(hint), |FieldAria { invalid, .. }| {
        let checkbox = |option| view! { <FormCheckbox name option invalid/> };
        view! { <div class="checks">{options.into_iter().map(checkbox).collect_view()}</div> }.into_any()
    })
}

/// A [`CheckboxGroup`] of any length, with the number of checked boxes, a button for all of them and, if there are many, a search field.
#[component]
pub fn CheckboxList(
    form: Form,
    /// Field name in the request.
    name: &'static str,
    label: &'static str,
    options: Vec<CheckboxOption>,
    #[prop(optional, into)] hint: Option<String>,
) -> impl IntoView {
    let list = NodeRef::<html::Div>::new();
    let (total, search) = (options.len(), RwSignal::new(String::new()));
    let count = RwSignal::new(options.iter().filter(|option| option.checked).count());
    let find = move |selector: &str| list.get_untracked().map(|list| browser::find_all(&list, selector)).unwrap_or_default();
    let shows_all_checked = move || find("label:not([hidden]) > input:not(:checked)").is_empty();
    // Of the options that the search shows, which are those that the button checks.
    let is_all_checked = RwSignal::new(options.iter().all(|option| option.checked));
    let recount = move || {
        count.set(find("input:checked").len());
        is_all_checked.set(shows_all_checked());
    };
    let toggle_all = move |_| {
        let checked = !shows_all_checked();
        for input in find("label:not([hidden]) > input").iter().filter_map(|element| element.dyn_ref::<HtmlInputElement>()) {
            input.set_checked(checked);
        }
        recount();
        form.mark_edited(name);
    };
    // Effects hide the options, a moment later.
    let on_search = move |typed: String| {
        search.set(lowercase(typed.trim()));
        set_timeout(
            move || {
                if !search.is_disposed() {
                    recount();
                }
            },
            Duration::ZERO,
        );
    };
    field_group(form, name, label, FieldTexts::from(hint), move |FieldAria { invalid, .. }| {
        let checkbox = |option: CheckboxOption| {
            let folded = lowercase(&option.label);
            let hidden = Signal::derive(move || search.with(|search| !folded.contains(search.as_str())));
            view! { <FormCheckbox name option invalid hidden/> }
        };
        view! {
            <div class="checks-head">
                {(total >= SEARCH_FROM).then(|| view! { <SearchInput on_search/> })}
                <span class="checks-count" aria-live="polite">{move || format!("{} of {total} selected", count.get())}</span>
                <button type="button" class="checks-all" on:click=toggle_all>{move || if is_all_checked.get() { "Clear" } else { "Select all" }}</button>
            </div>
            <div class="checks" node_ref=list on:change=move |_| recount()>{options.into_iter().map(checkbox).collect_view()}</div>
        }
        .into_any()
    })
}

/// Filters a list in the form. It has no name, so it is not part of the data.
#[component]
fn SearchInput(#[prop(into)] on_search: Callback<String>) -> impl IntoView {
    // Enter would submit the form.
    let on_keydown = |event: ev::KeyboardEvent| {
        if event.key() == "Enter" && !(event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
        }
    };
    view! {
        <input type="search" class="checks-search" aria-label="Filter" placeholder="Filter" autocomplete="off" spellcheck="false"
            on:keydown=on_keydown on:input:target=move |event| on_search.run(event.target().value())/>
    }
}

#[component]
fn FormCheckbox(
    name: &'static str,
    option: CheckboxOption,
    invalid: Signal<Option<&'static str>>,
    #[prop(optional, into)] hidden: Signal<bool>,
) -> impl IntoView {
    let CheckboxOption { value, label, checked } = option;
    view! {
        <label class="check" hidden=move || hidden.get()>
            <input type="checkbox" class="checkbox" name=name value=value checked=checked aria-invalid=invalid/>
            <span dir="auto">{label}</span>
        </label>
    }
}
