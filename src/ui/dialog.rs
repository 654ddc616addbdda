//! A modal dialog.

use leptos::{ev, html, prelude::*};

use super::{browser, button::IconButton, focus::FocusPlace, icon::Glyph};

/// What kind of answer a dialog waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DialogRole {
    /// Something is to be filled in or read.
    #[default]
    Dialog,
    /// Something is to be decided before anything else.
    Alert,
}

/// A modal dialog: open for as long as it is mounted. The focus goes to its first field and, in the end, back to where it was, or to what is left around that.
///
/// Escape, the cross and a click beside it only ask to leave: `on_dismiss` decides, and is not asked while it is busy. The browser itself never closes it, since
/// `closedby="none"` keeps even the third Escape from doing so.
#[component]
pub fn Dialog(
    /// Its heading and name.
    #[prop(into)]
    title: Signal<String>,
    /// Somebody wants to leave it.
    #[prop(into)]
    on_dismiss: Callback<()>,
    /// What kind of answer it waits for.
    #[prop(optional)]
    role: DialogRole,
    /// Whether something is on its way whose answer it waits for: nobody leaves it before that.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// Whether it holds something long.
    #[prop(optional)]
    wide: bool,
    /// What stands in it.
    children: Children,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let opener = StoredValue::new_local(None::<FocusPlace>);
    let pressed_beside = StoredValue::new(false);
    let title_id = "dialog-title";

    Effect::new(move || {
        let Some(dialog) = dialog.get() else { return };
        opener.set_value(Some(FocusPlace::note()));
        // Fails only where it is open already.
        let _ = dialog.show_modal();
        let _ = browser::focus_first(&dialog, "[autofocus]") || browser::focus_first(&dialog, "input, select, textarea");
    });
    on_cleanup(move || {
        // The browser gives the focus back only to those who call `close`; an element that is removed just loses it.
        if let Some(opener) = opener.try_get_value().flatten() {
            queue_microtask(move || opener.restore());
        }
    });

    let leave = move || {
        if !busy.get_untracked() {
            on_dismiss.run(());
        }
    };
    let is_backdrop = move |event: &web_sys::Event| event.target() == dialog.get_untracked().map(Into::into);
    let on_keydown = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" {
            event.prevent_default();
            event.stop_propagation();
            leave();
        }
    };
    let on_click = move |event: ev::MouseEvent| {
        if pressed_beside.get_value() && is_backdrop(&event) {
            leave();
        }
    };
    // A way back that is no key, such as a phone's gesture.
    let on_cancel = move |event: ev::Event| {
        event.prevent_default();
        leave();
    };
    view! {
        <dialog node_ref=dialog class="dialog" class:dialog-wide=wide closedby="none" aria-labelledby=title_id
            aria-busy=move || busy.get().then_some("true") role=(role == DialogRole::Alert).then_some("alertdialog")
            on:keydown=on_keydown on:cancel=on_cancel on:click=on_click
            on:pointerdown=move |event| pressed_beside.set_value(is_backdrop(&event))>
            <div class="dialog-body">
                <header class="dialog-head">
                    <h2 id=title_id>{move || title.get()}</h2>
                    <IconButton label="Close" glyph=Glyph::Close disabled=busy on_click=move |_| leave()/>
                </header>
                {children()}
            </div>
        </dialog>
    }
}
