//! Export of the list: loaded in chunks, serialized in the browser and downloaded.

use leptos::{prelude::*, task::spawn_local};

use super::export_format::{COLUMNS, cells};
use crate::{
    api::keys::key_rows,
    pages::export_file::{self, Format},
};
use latchkey_types::{
    error::Error,
    key::KeyRow,
    key_kind::KindSpec,
    listing::{ROWS_MAX, RowsRequest},
};
use latchkey_ui::{
    dialog::Dialog,
    grid::data_source::Rows,
    progress::{Progress, TaskProgress},
};

/// Downloads the whole list. False if it was stopped.
async fn export(rows: Rows<KeyRow>, spec: &KindSpec, format: Format, work: TaskProgress) -> Result<bool, Error> {
    let (anchor, total) = untrack(|| (rows.anchor_before(0), rows.total()));
    let mut all_rows = Vec::with_capacity(total);
    work.begin(total);
    let mut next = anchor;
    while let Some(anchor) = next {
        if work.is_stopped() {
            return Ok(false);
        }
        let page = key_rows(RowsRequest { first: anchor.index, anchor, limit: ROWS_MAX, until: None }).await?;
        work.advance(page.rows.len());
        next = (page.rows.len() == ROWS_MAX).then_some(page.end);
        // Rows deleted in the meantime are skipped.
        all_rows.extend(page.rows.into_iter().filter_map(|listed| listed.row));
    }
    export_file::download(&format!("{}-keys", spec.name), format, &COLUMNS, all_rows.iter().map(cells));
    Ok(true)
}

/// Shows the progress of the export and can stop it.
#[component]
pub(super) fn ExportDialog(
    spec: &'static KindSpec,
    rows: Rows<KeyRow>,
    format: Format,
    /// Called with whether the file was created, or the error.
    on_done: Callback<Result<bool, Error>>,
) -> impl IntoView {
    let work = TaskProgress::new();
    spawn_local(async move {
        let outcome = export(rows, spec, format, work).await;
        let _ = on_done.try_run(outcome);
    });
    view! {
        <Dialog title="Exporting keys" has_close_button=false on_dismiss=move |()| work.stop()>
            <Progress work label="Exporting keys"/>
        </Dialog>
    }
}
