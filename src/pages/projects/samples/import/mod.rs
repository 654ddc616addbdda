//! The dialog `Import Samples`: first what to import and from where, then the matching files.

mod fields;
mod files;
mod request;

use leptos::prelude::*;

use super::{
    context::SamplesContext,
    uploads::{Uploads, use_uploads},
};
use crate::api::samples::{begin_import, list_source};
use fields::SourceFields;
use files::FoundFiles;
use latchkey_types::{
    error::Error,
    sample::{FileMode, ImportRequest, SampleSource, SourceListing, SourceQuery},
};
use latchkey_ui::{
    click_guard,
    form::{Form, FormError},
    form_dialog::FormDialog,
    local_file::LocalFile,
    number::{format_bytes, pluralize_count},
    radio::RadioGroup,
    select::choices,
};
use request::{batch, check_files, check_query, local_listing, pinned_files, total_size};

/// The values of the first step.
#[derive(Clone, Copy)]
struct Entries {
    form: Form,
    mode: RwSignal<String>,
    source: RwSignal<String>,
    /// The local files.
    chosen: RwSignal<Vec<LocalFile>>,
}

impl Entries {
    fn mode(self) -> FileMode {
        self.mode.with(|mode| mode.parse().unwrap_or_default())
    }

    fn source(self) -> SampleSource {
        self.source.with(|source| source.parse().unwrap_or_default())
    }
}

/// The result of the first step.
#[derive(Clone)]
struct Found {
    mode: FileMode,
    query: SourceQuery,
    listing: SourceListing,
}

#[component]
pub(super) fn ImportDialog(context: SamplesContext) -> impl IntoView {
    // Data
    let form = Form::new();
    let entries = Entries {
        form,
        mode: RwSignal::new(FileMode::default().as_str().to_owned()),
        source: RwSignal::new(SampleSource::default().as_str().to_owned()),
        chosen: RwSignal::new(Vec::new()),
    };
    let found = RwSignal::new(None::<Found>);
    let uploads = use_uploads();

    // Actions
    let find_files = move || {
        let query = untrack(|| check_query(entries, context));
        let call = query.map(|query| find(context, untrack(|| entries.mode()), query, entries.chosen.get_untracked()));
        form.send(call, move |files| {
            // The same button now starts the import.
            click_guard::hold();
            found.set(Some(files));
            form.reopen();
        });
    };
    let import = move |Found { mode, query, listing }: Found| {
        let call = form.check("batch", batch).map(|batch| {
            let request = ImportRequest { mode, query, batch, files: pinned_files(listing.files) };
            begin(context, request, entries.chosen.get_untracked(), uploads, found)
        });
        form.send(call, move |()| {
            context.dialogs.close();
            context.notify("Import started".to_owned());
        });
    };
    let submit = move |()| match found.get_untracked() {
        None => find_files(),
        Some(files) => import(files),
    };
    let back = Callback::new(move |()| {
        form.clear_errors();
        found.set(None);
    });

    // View
    let label = Signal::derive(move || {
        found.with(|found| match found {
            None => "Continue".to_owned(),
            Some(found) => String::from("Import ") + &pluralize_count(found.listing.files.len(), "file", "files"),
        })
    });
    let on_back = Signal::derive(move || found.with(Option::is_some).then_some(back));
    let summary = move || found.with(|found| found.as_ref().map(summary));
    view! {
        <FormDialog title="Import Samples" form submit=label wide=true on_submit=submit on_back on_dismiss=context.dialogs.dismiss>
            // Hidden instead of removed, so that the values are kept for `Back`.
            <div class="import-step" hidden=move || found.with(Option::is_some)>
                <RadioGroup form name="mode" label="Mode" options=choices(&[("single", "Single"), ("combined", "Combined")])
                    details=vec!["Each file is one sample.".to_owned(), "One file holds all samples. It is stored unsplit.".to_owned()]
                    chosen=entries.mode/>
                <RadioGroup form name="query.source" label="Source" chosen=entries.source
                    options=SampleSource::ALL.iter().map(|source| (source.as_str().to_owned(), source.label().to_owned())).collect()/>
                <SourceFields context entries/>
            </div>
            <p class="import-summary" role="status">{summary}</p>
            {move || found.get().map(|found| view! { <FoundFiles form found/> })}
            <FormError form about="files"/>
        </FormDialog>
    }
}

/// Lists the files that match.
async fn find(context: SamplesContext, mode: FileMode, query: SourceQuery, chosen: Vec<LocalFile>) -> Result<Found, Error> {
    let listing = match query.source {
        SampleSource::Local => local_listing(&chosen),
        SampleSource::Aws | SampleSource::Dnanexus => list_source(context.project, query.clone()).await?,
    };
    check_files(mode, query.source, &listing)?;
    Ok(Found { mode, query, listing })
}

/// Starts the import, and the upload of local files.
async fn begin(
    context: SamplesContext,
    request: ImportRequest,
    chosen: Vec<LocalFile>,
    uploads: Uploads,
    found: RwSignal<Option<Found>>,
) -> Result<(), Error> {
    let is_local = request.query.source == SampleSource::Local;
    let details = begin_import(context.project, request).await.map_err(|error| shown_at(error, found))?;
    // Even if the page was closed in the meantime.
    if is_local {
        uploads.begin(context.project, details.import.id, chosen);
    }
    Ok(())
}

/// Returns to the step that shows the error. An error without a field in the dialog is shown below the files.
fn shown_at(error: Error, found: RwSignal<Option<Found>>) -> Error {
    let Some((field, message)) = error.field_error() else { return error };
    if field == "mode" || field.starts_with("query.") {
        let _ = found.try_set(None);
        return error;
    }
    if field == "batch" { error } else { Error::invalid("files", message) }
}

/// How many files match, and how large they are.
fn summary(Found { listing, .. }: &Found) -> String {
    let (files, size) = (pluralize_count(listing.files.len(), "file", "files"), format_bytes(total_size(&listing.files)));
    let more = if listing.is_truncated { " More files match than one import can have. Narrow the pattern to import the others." } else { "" };
    format!("{files}, {size}.{more}")
}
