//! Files of the user's disk. Call only from effects and event handlers: on the server they panic.

use js_sys::Uint8Array;
use send_wrapper::SendWrapper;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DragEvent, File, FileList, HtmlInputElement};

/// A file that the user chose. Its content is read only when it is sent.
#[derive(Debug, Clone)]
pub struct LocalFile {
    pub name: String,
    /// In bytes.
    pub size: i64,
    /// When it was last changed, in milliseconds since 1970.
    pub modified_ms: i64,
    // Signals require `Send`; the browser has a single thread.
    file: SendWrapper<File>,
}

impl LocalFile {
    #[expect(clippy::cast_possible_truncation, reason = "a size and a time are integers far below 2^53")]
    fn new(file: File) -> Self {
        Self { name: file.name(), size: file.size() as i64, modified_ms: file.last_modified() as i64, file: SendWrapper::new(file) }
    }

    /// The bytes from `start` to before `end`. `None` if the file can't be read: it was changed or removed since it was chosen, or is a folder.
    #[expect(clippy::cast_precision_loss, reason = "positions in a file are far below 2^53")]
    pub async fn read(&self, start: i64, end: i64) -> Option<Uint8Array> {
        let part = self.file.slice_with_f64_and_f64(start as f64, end as f64).ok()?;
        JsFuture::from(part.array_buffer()).await.ok().map(|buffer| Uint8Array::new(&buffer))
    }

    /// The whole content as text, without a byte order mark. `None` if it is not UTF-8 or can't be read.
    pub async fn read_text(&self) -> Option<String> {
        let mut text = String::from_utf8(self.read(0, self.size).await?.to_vec()).ok()?;
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        Some(text)
    }
}

/// The files that were chosen in a file field.
pub fn chosen_files(input: &HtmlInputElement) -> Vec<LocalFile> {
    all(input.files())
}

/// The files that were dropped.
pub fn dropped_files(event: &DragEvent) -> Vec<LocalFile> {
    all(event.data_transfer().and_then(|transfer| transfer.files()))
}

fn all(files: Option<FileList>) -> Vec<LocalFile> {
    let Some(files) = files else { return Vec::new() };
    (0..files.length()).filter_map(|index| files.get(index)).map(LocalFile::new).collect()
}
