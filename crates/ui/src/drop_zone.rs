//! An area to drop files on.

use leptos::{ev, prelude::*};

use super::{
    icon::{Glyph, Icon},
    local_file::{LocalFile, chosen_files, dropped_files},
};

/// An area to drop files on. A click opens the browser's file chooser.
#[component]
pub fn DropZone(
    /// Instruction, such as `Drop files here, or choose them`.
    label: &'static str,
    /// Field name in the request, for a zone in a form.
    #[prop(optional)]
    name: Option<&'static str>,
    /// Called with the files that are dropped or chosen at once.
    #[prop(into)]
    on_files: Callback<Vec<LocalFile>>,
) -> impl IntoView {
    let is_over = RwSignal::new(false);
    // Otherwise the browser opens a file that is dropped beside the zone, and leaves the page.
    Effect::new(move || {
        let listeners =
            [window_event_listener(ev::dragover, |event| event.prevent_default()), window_event_listener(ev::drop, |event| event.prevent_default())];
        on_cleanup(move || listeners.into_iter().for_each(WindowListenerHandle::remove));
    });
    let on_drag = move |event: ev::DragEvent| {
        event.prevent_default();
        is_over.set(true);
    };
    let on_drop = move |event: ev::DragEvent| {
        event.prevent_default();
        is_over.set(false);
        take(dropped_files(&event), on_files);
    };
    view! {
        <label class="drop-zone" class:drop-zone-over=move || is_over.get() on:dragenter=on_drag on:dragover=on_drag
            on:dragleave=move |_| is_over.set(false) on:drop=on_drop>
            <Icon glyph=Glyph::Upload/>
            <span>{label}</span>
            <input type="file" multiple=true name=name
                on:change:target=move |event| {
                    let input = event.target();
                    let files = chosen_files(&input);
                    // So that the same file can be chosen again.
                    input.set_value("");
                    take(files, on_files);
                }/>
        </label>
    }
}

fn take(files: Vec<LocalFile>, on_files: Callback<Vec<LocalFile>>) {
    if !files.is_empty() {
        on_files.run(files);
    }
}
