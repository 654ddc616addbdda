//! Lists of files in the dialog.

use leptos::prelude::*;

use super::Found;
use latchkey_types::{sample::SampleSource, time::Timestamp};
use latchkey_ui::{
    browser,
    button::IconButton,
    field::Field,
    form::Form,
    icon::Glyph,
    number::{format_bytes, pluralize_count},
};

/// More rows would make the dialog slow.
const ROWS_SHOWN: usize = 200;
/// More names would hide the others.
const NOT_READY_SHOWN: usize = 5;

/// Files with their sizes.
#[component]
pub(super) fn FileRows(
    /// Names and sizes.
    #[prop(into)]
    rows: Signal<Vec<(String, i64)>>,
    /// Called with the index of a file to remove.
    #[prop(optional, into)]
    on_remove: Option<Callback<usize>>,
) -> impl IntoView {
    let row = move |(index, (name, size)): (usize, (String, i64))| {
        view! {
            <li>
                <span class="file-name" dir="auto">{name}</span>
                <span class="file-size">{format_bytes(size)}</span>
                {on_remove.map(|remove| view! { <IconButton label="Remove" glyph=Glyph::Close on_click=move |_| remove.run(index)/> })}
            </li>
        }
    };
    let is_empty = Memo::new(move |_| rows.with(Vec::is_empty));
    let others = move || {
        let others = rows.with(Vec::len).saturating_sub(ROWS_SHOWN);
        (others > 0).then(|| view! { <p>{format!("And {}.", pluralize_count(others, "other file", "other files"))}</p> })
    };
    view! {
        <Show when=move || !is_empty.get()>
            // Focusable, so that the arrow keys scroll it.
            <ul class="file-list" aria-label="Files" tabindex="0">
                {move || rows.get().into_iter().take(ROWS_SHOWN).enumerate().map(row).collect_view()}
            </ul>
            {others}
        </Show>
    }
}

/// The second step: the files that match, and their batch.
#[component]
pub(super) fn FoundFiles(form: Form, found: Found) -> impl IntoView {
    let Found { query, listing, .. } = found;
    let rows: Vec<_> = listing.files.into_iter().map(|file| (file.name, file.size)).collect();
    let names = listing.not_ready;
    let not_ready = (!names.is_empty()).then(|| {
        let shown = names.iter().take(NOT_READY_SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let more = if names.len() > NOT_READY_SHOWN { ", …" } else { "" };
        view! { <p class="import-not-ready">{format!("Not closed yet, so not imported: {shown}{more}")}</p> }
    });
    let from = (query.source != SampleSource::Local).then(|| format!("{} · {}", query.source.label(), location(&query.container, &query.prefix)));
    view! {
        {from.map(|from| view! { <p class="import-source" dir="auto">{from}</p> })}
        <FileRows rows=Signal::stored(rows)/>
        {not_ready}
        <Field form name="batch" label="Batch ID" value=generated_batch() hint="Identifies the samples of this import. You can change it."/>
    }
}

fn location(container: &str, prefix: &str) -> String {
    if prefix.is_empty() { container.to_owned() } else { format!("{container}/{prefix}") }
}

/// The date, and a suffix that differs between imports of the same day.
fn generated_batch() -> String {
    let now = browser::now_ms();
    let day = Timestamp(now).rfc3339();
    format!("{}-{:04x}", day.get(..10).unwrap_or_default(), now.rem_euclid(0x1_0000))
}

#[cfg(test)]
mod tests {
    use super::location;

    #[test]
    fn the_location_has_the_prefix_if_there_is_one() {
        assert_eq!((location("reads", ""), location("reads", "run-7/")), ("reads".to_owned(), "reads/run-7/".to_owned()));
    }
}
