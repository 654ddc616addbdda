//! The dialog that adds documents from files.

use leptos::{ev, html, prelude::*};

use super::context::CorpusContext;
use crate::api::corpora::upload_documents;
use latchkey_types::{corpus::UploadResult, error::Error};
use latchkey_ui::{
    form::Form,
    form_dialog::FormDialog,
    form_field::{FieldAria, FieldTexts, form_field},
    local_file::{LocalFile, chosen_files},
    number::pluralize_count,
    toast::ToastText,
};

/// Largest file, in bytes: half of the largest request, because escapes make the JSON that is sent longer than the file.
const FILE_MAX: i64 = 4 * 1024 * 1024;

const FORMATS: &str = ".txt,.md,.html,.jsonl";

const HINT: &str = "Text, Markdown, HTML or JSON lines (.txt, .md, .html, .jsonl), at most 4 MB each, with at most 1 MB of text per document. \
    A document with the same ID is replaced.";

/// A file that is being sent.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SentFile {
    name: String,
    state: FileState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum FileState {
    Waiting,
    Uploading,
    Done(UploadResult),
    Failed(String),
}

impl FileState {
    fn text(&self) -> String {
        match self {
            Self::Waiting => "Waiting".to_owned(),
            Self::Uploading => "Uploading…".to_owned(),
            Self::Done(result) => result_text(*result),
            Self::Failed(message) => message.clone(),
        }
    }
}

#[component]
pub(super) fn UploadDialog(
    context: CorpusContext,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<ToastText>,
) -> impl IntoView {
    let form = Form::new();
    let input = NodeRef::<html::Input>::new();
    let sent = RwSignal::new(Vec::<SentFile>::new());

    let submit = move |()| {
        let files = input.get_untracked().map(|input| chosen_files(&input)).unwrap_or_default();
        let chosen = if files.is_empty() { Err(Error::invalid("files", "Choose at least one file.")) } else { Ok(files) };
        let call = form.record(chosen).map(|files| upload_all(context, files, sent));
        form.send(call, move |result| on_done.run(format!("Documents uploaded: {}", result_text(result)).into()));
    };

    let texts = FieldTexts { hint: Some(HINT.to_owned()), ..FieldTexts::default() };
    let field = form_field(form, "files", "Files", texts, move |FieldAria { id, described_by, invalid }| {
        // Closing the file chooser without a choice would also close the dialog.
        let stay_open = |event: ev::Event| event.stop_propagation();
        view! {
            <div class="field-input">
                <input id=id name="files" type="file" class="file-input" multiple=true accept=FORMATS node_ref=input
                    aria-invalid=invalid aria-describedby=described_by on:cancel=stay_open/>
            </div>
        }
        .into_any()
    });
    let items = move || sent.get().into_iter().map(file_view).collect_view();
    view! {
        <FormDialog title="Upload documents" form submit="Upload" on_submit=submit on_dismiss>
            {field}
            <ul class="sent-files" aria-label="Uploaded files" aria-live="polite">{items}</ul>
        </FormDialog>
    }
}

fn file_view(file: SentFile) -> AnyView {
    let is_failed = matches!(file.state, FileState::Failed(_));
    view! {
        <li class="sent-file" class:sent-file-failed=is_failed>
            <span class="sent-file-name" dir="auto">{file.name}</span>
            <span>{file.state.text()}</span>
        </li>
    }
    .into_any()
}

/// Uploads one file after the other, and shows the state of each. Fails at `files` if one failed; the others are added.
async fn upload_all(context: CorpusContext, files: Vec<LocalFile>, sent: RwSignal<Vec<SentFile>>) -> Result<UploadResult, Error> {
    let waiting = |file: &LocalFile| SentFile { name: file.name.clone(), state: FileState::Waiting };
    sent.set(files.iter().map(waiting).collect());
    let mut total = UploadResult { added: 0, replaced: 0 };
    let mut failed = 0;
    for (index, file) in files.iter().enumerate() {
        // `None` if the page was closed; the rest is not sent then.
        let set_state = |state: FileState| sent.try_update(|sent| sent[index].state = state).ok_or(Error::NotFound);
        set_state(FileState::Uploading)?;
        match upload(context.id, file).await {
            Ok(result) => {
                total.added += result.added;
                total.replaced += result.replaced;
                set_state(FileState::Done(result))?;
            }
            Err(Error::SignedOut) => return Err(Error::SignedOut),
            Err(error) => {
                failed += 1;
                set_state(FileState::Failed(error.to_string()))?;
            }
        }
    }
    if failed == 0 {
        return Ok(total);
    }
    context.reload();
    Err(Error::invalid("files", format!("{failed} of {} could not be added.", pluralize_count(files.len(), "file", "files"))))
}

async fn upload(corpus: i64, file: &LocalFile) -> Result<UploadResult, Error> {
    if file.size > FILE_MAX {
        return Err(Error::invalid("files", "The file is larger than 4 MB. Split it."));
    }
    let content = file.read_text().await.ok_or_else(|| Error::invalid("files", "The file can’t be read as UTF-8 text."))?;
    upload_documents(corpus, file.name.clone(), content).await
}

/// What an upload changed: `2 added, 1 replaced`.
fn result_text(UploadResult { added, replaced }: UploadResult) -> String {
    match (added, replaced) {
        (added, 0) => format!("{added} added"),
        (0, replaced) => format!("{replaced} replaced"),
        (added, replaced) => format!("{added} added, {replaced} replaced"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_name_only_what_happened() {
        for (added, replaced, text) in [(2, 0, "2 added"), (0, 1, "1 replaced"), (2, 1, "2 added, 1 replaced"), (0, 0, "0 added")] {
            assert_eq!(result_text(UploadResult { added, replaced }), text);
        }
    }
}
