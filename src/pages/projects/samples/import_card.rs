//! An import: its progress and its actions.

use leptos::prelude::*;

use super::{
    context::{OpenDialog, SamplesContext},
    uploads::use_uploads,
};
use crate::api::samples::retry_import;
use latchkey_types::{
    error::Error,
    sample::{ImportRow, ImportState, SampleSource},
};
use latchkey_ui::{
    browser,
    button::Button,
    drop_zone::DropZone,
    icon::{Glyph, Icon},
    local_file::LocalFile,
    number::{format_bytes, format_integer, pluralize},
    pending_action::PendingAction,
    time::Time,
};

#[component]
pub(super) fn ImportCard(context: SamplesContext, import: Memo<ImportRow>) -> impl IntoView {
    // Data
    let ImportRow { id, source, location, batch, created_by, created_at, .. } = import.get_untracked();
    let is_running = Memo::new(move |_| import.with(|import| import.state == ImportState::Running));
    let has_failed = Memo::new(move |_| import.with(|import| import.failed > 0));
    let label = batch.clone();

    // Actions
    let retry = PendingAction::new();
    let on_retry = move |()| {
        retry.run(retry_import(context.project, id), move |result| {
            match result {
                Ok(_) => {}
                Err(Error::SignedOut) => return browser::go_to_sign_in(),
                Err(error) => context.toasts.error(error.to_string()),
            }
            context.reload();
        });
    };
    let open = move |dialog: fn(ImportRow) -> OpenDialog| context.dialogs.open(dialog(import.get_untracked()));

    // View
    let from = if location.is_empty() { source.label().to_owned() } else { format!("{} · {location}", source.label()) };
    view! {
        <article class="import" aria-label=label>
            <header class="import-head">
                <div class="import-title">
                    <h2 dir="auto">{batch}</h2>
                    <p class="import-source"><span dir="auto">{from}</span> " · " {created_by} ", " <Time at=created_at/></p>
                </div>
                <div class="import-actions">
                    <Button label="Files" on_click=move |()| open(OpenDialog::Files)/>
                    <Show when=move || context.is_managed && is_running.get()>
                        <Button label="Stop" on_click=move |()| open(OpenDialog::Stop)/>
                    </Show>
                    <Show when=move || context.is_managed && has_failed.get() && !is_running.get()>
                        <Button label="Retry failed files" on_click=on_retry pending=retry.pending()/>
                    </Show>
                </div>
            </header>
            <ImportProgress import/>
            <UploadAgain context import/>
        </article>
    }
}

/// Files and bytes.
#[component]
fn ImportProgress(import: Memo<ImportRow>) -> impl IntoView {
    let batch = import.with_untracked(|import| import.batch.clone());
    let text = move || import.with(progress_text);
    let failed = move || {
        let failed = import.with(|import| import.failed);
        (failed > 0).then(|| {
            view! { <span class="import-failed"><Icon glyph=Glyph::Warning/> {pluralize(failed, "file failed", "files failed")}</span> }
        })
    };
    // The bar is full if all files are empty.
    let max = move || import.with(|import| import.bytes.max(1)).to_string();
    let value = move || import.with(|import| if import.bytes == 0 { 1 } else { import.copied }).to_string();
    view! {
        <div class="progress import-progress">
            <progress aria-label=format!("Progress of {batch}") max=max value=value></progress>
            <p class="import-counts"><span>{text}</span> {failed}</p>
        </div>
    }
}

fn progress_text(import: &ImportRow) -> String {
    let files = format!("{} of {}", format_integer(import.complete), pluralize(import.files, "file", "files"));
    let bytes = format!("{} of {}", format_bytes(import.copied), format_bytes(import.bytes));
    let state = match import.state {
        ImportState::Stopped => "Stopped · ",
        ImportState::Running | ImportState::Finished => "",
    };
    format!("{state}{files} · {bytes}")
}

/// A drop zone for local files whose upload was interrupted, e.g. by a reload of the page.
#[component]
fn UploadAgain(context: SamplesContext, import: Memo<ImportRow>) -> impl IntoView {
    let uploads = use_uploads();
    let (id, is_own) = import.with_untracked(|import| (import.id, import.is_own));
    let is_waiting = Memo::new(move |_| import.with(is_waiting_for_files) && !uploads.is_active(id));
    let begin = move |files: Vec<LocalFile>| uploads.begin(context.project, id, files);
    let ask = move || {
        if is_own {
            view! { <DropZone label="The upload was interrupted. Drop the same files here, or choose them, to continue." on_files=begin/> }.into_any()
        } else {
            let name = import.with_untracked(|import| import.created_by.clone());
            view! { <p class="import-source">{format!("Only {name} can upload these files.")}</p> }.into_any()
        }
    };
    view! { <Show when=move || is_waiting.get()>{ask}</Show> }
}

/// Whether local files are still to be uploaded.
fn is_waiting_for_files(import: &ImportRow) -> bool {
    import.source == SampleSource::Local && import.state == ImportState::Running && import.complete + import.failed < import.files
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::{sample::FileMode, time::Timestamp};

    fn import(source: SampleSource, state: ImportState, complete: i64, failed: i64) -> ImportRow {
        ImportRow {
            id: "imp_0193456789ab7cdef0123456789abcde".parse().unwrap(),
            project: "prj_0193456789ab7cdef0123456789abcde".parse().unwrap(),
            source,
            location: String::new(),
            mode: FileMode::Single,
            batch: "run-7".to_owned(),
            state,
            created_by: "Ada".to_owned(),
            created_at: Timestamp(0),
            files: 3,
            complete,
            failed,
            bytes: 4096,
            copied: 1024,
            is_own: true,
        }
    }

    #[test]
    fn progress_names_files_and_bytes() {
        assert_eq!(progress_text(&import(SampleSource::Aws, ImportState::Running, 1, 0)), "1 of 3 files · 1 KiB of 4 KiB");
        assert_eq!(progress_text(&import(SampleSource::Aws, ImportState::Stopped, 0, 3)), "Stopped · 0 of 3 files · 1 KiB of 4 KiB");
    }

    #[test]
    fn local_files_are_needed_until_all_are_decided() {
        for (row, expected) in [
            (import(SampleSource::Local, ImportState::Running, 1, 0), true),
            (import(SampleSource::Local, ImportState::Running, 2, 1), false),
            (import(SampleSource::Local, ImportState::Stopped, 1, 0), false),
            (import(SampleSource::Aws, ImportState::Running, 1, 0), false),
        ] {
            assert_eq!(is_waiting_for_files(&row), expected, "{row:?}");
        }
    }
}
