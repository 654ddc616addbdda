//! Export of the list: loaded in chunks, serialized in the browser and downloaded.

use leptos::{prelude::*, task::spawn_local};

use super::export_format;
use crate::api::keys::key_rows;
use latchkey_types::{error::Error, key::KeyRow, key_kind::KindSpec, listing::ROWS_MAX};
use latchkey_ui::{
    browser,
    dialog::Dialog,
    grid::data_source::Rows,
    progress::{Progress, TaskProgress},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    Json,
}

impl Format {
    const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    const fn mime(self) -> &'static str {
        match self {
            Self::Csv => "text/csv;charset=utf-8",
            Self::Json => "application/json",
        }
    }

    fn text(self, rows: &[KeyRow]) -> String {
        match self {
            Self::Csv => export_format::csv(rows),
            Self::Json => export_format::json(rows),
        }
    }
}

/// Downloads the whole list snapshot. False if it was stopped.
async fn export(rows: Rows<KeyRow>, spec: &KindSpec, format: Format, work: TaskProgress) -> Result<bool, Error> {
    let (listing, total) = untrack(|| (rows.listing(), rows.total()));
    let mut all_rows = Vec::with_capacity(total);
    work.begin(total);
    for offset in (0..total).step_by(ROWS_MAX) {
        if work.is_stopped() {
            return Ok(false);
        }
        let chunk = key_rows(listing.clone(), offset, ROWS_MAX).await?;
        work.advance(chunk.len());
        // Rows deleted in the meantime are skipped.
        all_rows.extend(chunk.into_iter().filter_map(|listed| listed.row));
    }
    let name = format!("{}-keys.{}", spec.name, format.extension());
    browser::download(&name, format.mime(), &format.text(&all_rows));
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
