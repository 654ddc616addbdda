//! The documents of a corpus in the built-in index.

use leptos::prelude::*;

use super::context::{CorpusContext, OpenDialog};
use crate::api::corpora::delete_document;
use latchkey_types::corpus::DocumentRow;
use latchkey_ui::{
    button::{Button, ButtonVariant, IconButton},
    confirm_dialog::{ConfirmDialog, ConfirmObject},
    empty_state::EmptyState,
    form::{Form, ignore_not_found},
    icon::Glyph,
    number::{format_bytes, format_integer, pluralize},
    table::{Column, Table},
    time::Time,
    toast::ToastText,
};

/// A page of the documents, or what to do while there are none.
#[component]
pub(super) fn Documents(context: CorpusContext, upload: Callback<()>) -> impl IntoView {
    // The label differs from the button beside the heading, so that each can be found by its name.
    let none = move || {
        view! {
            <EmptyState glyph=Glyph::Documents title="No documents yet"
                text="Upload text, Markdown, HTML or JSON lines, or add documents through the API.">
                <Button label="Upload your first documents" variant=ButtonVariant::Primary on_click=upload/>
            </EmptyState>
        }
    };
    let count = move || context.page.with(|page| pluralize(page.corpus.documents, "document", "documents"));
    let has_upstream = Memo::new(move |_| context.page.with(|page| page.upstream.is_some()));
    view! {
        <Show when=move || context.has_documents() fallback=none>
            <section class="section-card" aria-labelledby="corpus-documents">
                <div class="section-head">
                    <h2 id="corpus-documents">"Documents"</h2>
                    <p class="corpus-count" role="status">{count}</p>
                </div>
                <Show when=move || has_upstream.get()>
                    <p class="section-text">"Calls with corpus keys don’t find these documents while this corpus has an upstream."</p>
                </Show>
                <DocumentTable context/>
                <Pager context/>
            </section>
        </Show>
    }
}

#[component]
fn DocumentTable(context: CorpusContext) -> impl IntoView {
    let columns: Vec<Column> =
        vec!["ID".into(), "Title".into(), Column::Number("Sections"), Column::Number("Size"), "Updated".into(), Column::Hidden("Action")];
    let documents = move || context.documents.with(|shown| shown.list.documents.clone());
    view! {
        <Table label="Documents" columns>
            <For each=documents key=|document| (document.id.clone(), document.updated_at.0, document.bytes) let(document)>
                <DocumentTableRow context document/>
            </For>
        </Table>
    }
}

#[component]
fn DocumentTableRow(context: CorpusContext, document: DocumentRow) -> impl IntoView {
    let DocumentRow { id, title, sections, bytes, updated_at } = document.clone();
    let name = id.clone();
    let title = if title.is_empty() {
        view! { <span class="no-value">"None"</span> }.into_any()
    } else {
        view! { <span class="cell-text" dir="auto">{title}</span> }.into_any()
    };
    view! {
        <tr aria-label=id>
            <td class="cell-name"><span class="cell-text" dir="auto">{name}</span></td>
            <td class="cell-soft" data-label="Title">{title}</td>
            <td class="cell-soft cell-number" data-label="Sections">{format_integer(sections)}</td>
            <td class="cell-soft cell-number" data-label="Size">{format_bytes(bytes)}</td>
            <td class="cell-soft" data-label="Updated"><Time at=updated_at/></td>
            <td class="cell-action">
                <IconButton label="Delete" glyph=Glyph::Trash danger=true
                    on_click=move |_| context.dialogs.open(OpenDialog::DeleteDocument(document.clone()))/>
            </td>
        </tr>
    }
}

/// Buttons for the other pages, if there are any.
#[component]
fn Pager(context: CorpusContext) -> impl IntoView {
    let is_first = Memo::new(move |_| context.documents.with(|shown| shown.before.is_empty()));
    let is_last = Memo::new(move |_| context.documents.with(|shown| shown.list.next.is_none()));
    view! {
        <Show when=move || !(is_first.get() && is_last.get())>
            <nav class="corpus-pager" aria-label="Pages">
                <Button label="Previous page" disabled=is_first on_click=move |()| context.open_previous()/>
                <Button label="Next page" disabled=is_last on_click=move |()| context.open_next()/>
            </nav>
        </Show>
    }
}

#[component]
pub(super) fn DeleteDialog(
    /// Id of the corpus.
    corpus: i64,
    document: DocumentRow,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<ToastText>,
) -> impl IntoView {
    let form = Form::new();
    let DocumentRow { id, title, .. } = document;
    let object = ConfirmObject { name: id.clone(), facts: title };
    let submit = move |()| {
        form.send(Some(ignore_not_found(delete_document(corpus, id.clone()))), move |()| on_done.run("Document deleted".into()));
    };
    view! {
        <ConfirmDialog title="Delete this document?" objects=vec![object] effect="Queries will no longer find it. This cannot be undone."
            verb="Delete" form on_confirm=submit on_dismiss/>
    }
}
