//! The list as a file: read in chunks, put together in the browser, handed over as a download.

use leptos::{prelude::*, task::spawn_local};

use super::{file, tabs::KeyTab};
use crate::{
    api::keys::key_rows,
    grid::rows::Rows,
    model::{fault::Fault, key::KeyRow, listing::ROWS_MAX},
    ui::{
        browser,
        dialog::Dialog,
        work::{Progress, Work},
    },
};

/// What kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For spreadsheets.
    Csv,
    /// For programs.
    Json,
}

impl Format {
    const fn ending(self) -> &'static str {
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
            Self::Csv => file::csv(rows),
            Self::Json => file::json(rows),
        }
    }
}

/// Reads the whole list, as it was opened, and hands it over; nothing where it was stopped.
async fn export(rows: Rows<KeyRow>, tab: &KeyTab, format: Format, work: Work) -> Result<bool, Fault> {
    let (listing, total) = untrack(|| (rows.listing(), rows.total()));
    let mut read = Vec::with_capacity(total);
    work.begin(total);
    for offset in (0..total).step_by(ROWS_MAX) {
        if work.is_stopped() {
            return Ok(false);
        }
        let some = key_rows(listing.clone(), offset, ROWS_MAX).await?;
        work.advance(some.len());
        // Those that were deleted since are not there to tell of.
        read.extend(some.into_iter().filter_map(|listed| listed.row));
    }
    let name = format!("{}-keys.{}", tab.policy().word, format.ending());
    browser::download(&name, format.mime(), &format.text(&read));
    Ok(true)
}

/// Shows how far it is, and stops it on demand.
#[component]
pub fn ExportDialog(
    /// The kind.
    tab: &'static KeyTab,
    /// The list.
    rows: Rows<KeyRow>,
    /// What kind of file.
    format: Format,
    /// Called once it is over: whether there is a file, or what went wrong.
    on_done: Callback<Result<bool, Fault>>,
) -> impl IntoView {
    let work = Work::new();
    spawn_local(async move {
        let outcome = export(rows, tab, format, work).await;
        let _ = on_done.try_run(outcome);
    });
    view! {
        <Dialog title="Exporting keys" on_dismiss=move |()| work.stop()>
            <Progress work label="Exporting keys"/>
        </Dialog>
    }
}
