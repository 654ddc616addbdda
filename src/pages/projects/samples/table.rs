//! The list of samples and its pages.

use leptos::{html, prelude::*};

use super::context::{OpenDialog, SamplesContext};
use latchkey_types::sample::{SAMPLES_PAGE, SampleRow};
use latchkey_ui::{
    button::{Button, IconButton},
    checkbox::Checkbox,
    copy::CopyButton,
    empty_state::EmptyState,
    icon::{Glyph, Icon},
    number::{format_bytes, page_range},
    rows::ForRows,
    table::{Column, Table},
    time::Time,
};

#[component]
pub(super) fn SampleTable(context: SamplesContext) -> impl IntoView {
    let rows = context.list.rows(|list| &list.samples, |sample| sample.id);
    let search = context.search;
    let is_searching = Memo::new(move |_| !search.get().is_empty());
    let empty = move || {
        if is_searching.get() {
            view! { <EmptyState glyph=Glyph::Search title="No matching samples" text="No name or batch ID contains this text."/> }.into_any()
        } else {
            view! { <p class="samples-none">"Each sample appears here as soon as its file is complete."</p> }.into_any()
        }
    };
    let select = context.is_managed.then_some(Column::Hidden("Select"));
    let others: [Column; 8] = [
        "Name".into(),
        "Batch".into(),
        "Source".into(),
        Column::Number("Size"),
        "SHA-256".into(),
        "Imported".into(),
        "By".into(),
        Column::Hidden("Action"),
    ];
    let columns: Vec<Column> = select.into_iter().chain(others).collect();
    view! {
        <Show when=move || !rows.is_empty() fallback=empty>
            <Table label="Samples" class="table samples-table" columns=columns.clone()>
                <ForRows rows let(sample)><SampleTableRow context sample/></ForRows>
            </Table>
        </Show>
    }
}

/// Not reactive: samples are immutable.
#[component]
fn SampleTableRow(context: SamplesContext, sample: Memo<SampleRow>) -> impl IntoView {
    let sample = sample.get_untracked();
    let SampleRow { id, name, batch, source, size, sha256, imported_at, imported_by } = sample.clone();
    let (label, content) = (name.clone(), format!("/samples/content/{}/{id}", context.project));
    let digest = NodeRef::<html::Code>::new();
    let select = context.is_managed.then(|| {
        view! {
            <td class="cell-select">
                <Checkbox label=format!("Select {name}") checked=Signal::derive(move || Some(context.is_selected(id)))
                    on_click=move |_| context.toggle(id)/>
            </td>
        }
    });
    let delete = context.is_managed.then(|| {
        let open = move |_| context.dialogs.open(OpenDialog::Delete(vec![sample.clone()]));
        view! { <IconButton label="Delete" glyph=Glyph::Trash danger=true on_click=open/> }
    });
    view! {
        <tr aria-label=label>
            {select}
            <td class="cell-name" dir="auto">{name}</td>
            <td class="cell-text" data-label="Batch"><span dir="auto">{batch}</span></td>
            <td class="cell-soft" data-label="Source">{source.label()}</td>
            <td class="cell-number" data-label="Size">{format_bytes(size)}</td>
            <td class="cell-soft" data-label="SHA-256">
                <span class="sample-digest">
                    <code title=sha256.clone() node_ref=digest>{sha256.clone()}</code>
                    <CopyButton text=sha256 shown_in=digest compact=true/>
                </span>
            </td>
            <td class="cell-soft" data-label="Imported"><Time at=imported_at/></td>
            <td class="cell-soft cell-text" data-label="By"><span>{imported_by}</span></td>
            <td class="cell-action">
                // External, because the router would look for a page.
                <a class="icon-button" href=content download="" rel="external" aria-label="Download" title="Download">
                    <Icon glyph=Glyph::Download/>
                </a>
                {delete}
            </td>
        </tr>
    }
}

/// The buttons of a list with several pages.
#[component]
pub(super) fn Pager(context: SamplesContext) -> impl IntoView {
    let page = move || i64::try_from(context.page()).unwrap_or(i64::MAX);
    let rows = i64::try_from(SAMPLES_PAGE).unwrap_or(i64::MAX);
    let total = Memo::new(move |_| context.list.with(|list| list.total));
    let is_last = Signal::derive(move || context.list.with(|list| list.next.is_none()));
    view! {
        <Show when=move || { total.get() > rows }>
            <nav class="pager" aria-label="Pages">
                <p class="pager-range" role="status">{move || page_range(page(), rows, total.get())}</p>
                <span class="pager-pages">
                    <Button label="Previous page" on_click=move |()| context.go_to_previous_page() disabled=Signal::derive(move || page() == 1)/>
                    <Button label="Next page" on_click=move |()| context.go_to_next_page() disabled=is_last/>
                </span>
            </nav>
        </Show>
    }
}
