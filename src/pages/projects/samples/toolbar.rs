//! Above the list: search, actions on selected samples, and the import.

use leptos::prelude::*;

use super::context::{OpenDialog, SamplesContext};
use latchkey_ui::{
    browser,
    button::{Button, ButtonVariant, IconButton},
    icon::{Glyph, Icon},
    number::{pluralize, pluralize_count},
    search::SearchField,
};

#[component]
pub(super) fn Toolbar(context: SamplesContext) -> impl IntoView {
    let search = context.search;
    let count = move || context.list.with(|list| pluralize(list.total, "sample", "samples"));
    let has_selection = Memo::new(move |_| !context.selection().is_empty());
    view! {
        <div class="toolbar samples-toolbar">
            <SearchField placeholder="Name or batch" search=Signal::derive(move || search.get()) on_search=move |typed: String| search.change(typed)/>
            <Show when=move || has_selection.get()><SelectionActions context/></Show>
            <p class="count" role="status">{count}</p>
            <IconButton label="Reload" glyph=Glyph::Reload on_click=move |_| context.reload()/>
            {context.is_managed.then(|| view! {
                <Button label="Import Samples" variant=ButtonVariant::Primary on_click=context.dialogs.opener(OpenDialog::Import)/>
            })}
        </div>
    }
}

#[component]
fn SelectionActions(context: SamplesContext) -> impl IntoView {
    let count = move || pluralize_count(context.selection().len(), "selected", "selected");
    // The clicked button is removed.
    let clear = move |()| {
        context.clear_selection();
        browser::focus_search();
    };
    let delete = move |_| context.dialogs.open(OpenDialog::Delete(untrack(|| context.selection())));
    view! {
        <div class="samples-selection" role="group" aria-label="Selected samples">
            <span class="samples-selected" role="status">{count}</span>
            <Button label="Select page" on_click=move |()| context.select_page()/>
            <Button label="Clear selection" on_click=clear/>
            <button type="button" class="button samples-delete" on:click=delete><Icon glyph=Glyph::Trash/> "Delete"</button>
        </div>
    }
}
