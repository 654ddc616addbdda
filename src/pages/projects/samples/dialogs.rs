//! The dialogs of the page.

use leptos::{prelude::*, task::spawn_local};

use super::{
    context::{OpenDialog, SamplesContext},
    import::ImportDialog,
};
use crate::api::samples::{delete_samples, get_import, stop_import};
use latchkey_types::{
    error::Error,
    sample::{FileState, ImportDetails, ImportFile, ImportRow, SampleRow},
};
use latchkey_ui::{
    browser,
    confirm_dialog::{ConfirmDialog, ConfirmObject},
    dialog::Dialog,
    form::{Form, ignore_not_found},
    message::Alert,
    number::{format_bytes, pluralize, pluralize_count},
    skeleton::TableSkeleton,
};

pub(super) fn dialog(context: SamplesContext, open: OpenDialog) -> AnyView {
    match open {
        OpenDialog::Import => view! { <ImportDialog context/> }.into_any(),
        OpenDialog::Files(import) => view! { <FilesDialog context import/> }.into_any(),
        OpenDialog::Stop(import) => view! { <StopDialog context import/> }.into_any(),
        OpenDialog::Delete(samples) => view! { <DeleteDialog context samples/> }.into_any(),
    }
}

#[component]
fn StopDialog(context: SamplesContext, import: ImportRow) -> impl IntoView {
    let form = Form::new();
    let ImportRow { id, batch, files, complete, .. } = import;
    let facts = format!("{complete} of {} complete", pluralize(files, "file", "files"));
    let submit = move |()| {
        let call = ignore_not_found(async move { stop_import(context.project, id).await.map(drop) });
        form.send(Some(call), move |()| {
            context.dialogs.close();
            context.notify("Import stopped".to_owned());
        });
    };
    view! {
        <ConfirmDialog title="Stop this import?" objects=vec![ConfirmObject { name: batch, facts }]
            effect="Complete samples are kept. The other files are not imported." verb="Stop" form on_confirm=submit
            on_dismiss=context.dialogs.dismiss/>
    }
}

#[component]
fn DeleteDialog(context: SamplesContext, samples: Vec<SampleRow>) -> impl IntoView {
    let form = Form::new();
    let ids: Vec<_> = samples.iter().map(|sample| sample.id).collect();
    let title = if ids.len() == 1 { "Delete this sample?".to_owned() } else { format!("Delete {} samples?", ids.len()) };
    let objects = samples.into_iter().map(|sample| ConfirmObject { name: sample.name, facts: format_bytes(sample.size) }).collect();
    let submit = move |()| {
        form.send(Some(delete_samples(context.project, ids.clone())), move |count| {
            context.dialogs.close();
            context.clear_selection();
            context.notify(pluralize_count(count, "sample deleted", "samples deleted"));
        });
    };
    view! {
        <ConfirmDialog title objects effect="The content is deleted too. This cannot be undone." verb="Delete" form on_confirm=submit
            on_dismiss=context.dialogs.dismiss/>
    }
}

/// The files of an import and why some failed, loaded again whenever the import progresses.
#[component]
fn FilesDialog(context: SamplesContext, import: ImportRow) -> impl IntoView {
    let id = import.id;
    let details = RwSignal::new(None::<Result<ImportDetails, Error>>);
    let row = Memo::new(move |_| context.import(id));
    Effect::new(move || {
        row.track();
        spawn_local(async move {
            match get_import(context.project, id).await {
                Err(Error::SignedOut) => browser::go_to_sign_in(),
                result => drop(details.try_set(Some(result))),
            }
        });
    });
    let content = move || match details.get() {
        None => view! { <TableSkeleton/> }.into_any(),
        Some(Err(error)) => view! { <Alert message=error.to_string()/> }.into_any(),
        Some(Ok(details)) => view! { <ImportFiles details/> }.into_any(),
    };
    view! {
        <Dialog title=format!("Files of {}", import.batch) on_dismiss=context.dialogs.dismiss wide=true>
            <div class="dialog-content">{content}</div>
        </Dialog>
    }
}

#[component]
fn ImportFiles(details: ImportDetails) -> impl IntoView {
    let ImportDetails { import, files } = details;
    let others = import.files - i64::try_from(files.len()).unwrap_or(i64::MAX);
    view! {
        <ul class="file-list" aria-label="Files" tabindex="0">{files.into_iter().map(|file| view! { <FileItem file/> }).collect_view()}</ul>
        {(others > 0).then(|| view! { <p>{format!("And {}.", pluralize(others, "other file", "other files"))}</p> })}
    }
}

#[component]
fn FileItem(file: ImportFile) -> impl IntoView {
    let state = state_text(&file);
    let error = Some(file.error).filter(|error| !error.is_empty()).map(|error| view! { <span class="file-error">{error}</span> });
    view! {
        <li>
            <span class="file-name" dir="auto">{file.name}</span>
            <span class="file-size">{state}</span>
            {error}
        </li>
    }
}

fn state_text(file: &ImportFile) -> String {
    let size = format_bytes(file.size);
    match file.state {
        FileState::Waiting => format!("Waiting · {size}"),
        FileState::Copying => format!("{} of {size}", format_bytes(file.copied)),
        FileState::Complete => format!("Complete · {size}"),
        FileState::Failed => format!("Failed · {size}"),
    }
}
