//! A modal dialog, and which dialog of a page is open.

use std::sync::atomic::{AtomicU32, Ordering};

use leptos::{ev, html, prelude::*};

use super::{
    browser,
    button::IconButton,
    focus::FocusSnapshot,
    icon::Glyph,
    toast::{Toaster, Toasts},
};

/// The ARIA role of a dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DialogRole {
    /// Contains a form or information.
    #[default]
    Dialog,
    /// Requires a decision.
    Alert,
}

/// The number of dialogs so far, for unique ids. The server renders no dialogs, so its ids can't differ from the browser's.
static DIALOG_COUNT: AtomicU32 = AtomicU32::new(0);

/// Where the focus was when a dialog was requested whose code was loaded first. The dialog takes it.
#[derive(Clone, Copy)]
struct RequestedFrom(StoredValue<Option<FocusSnapshot>, LocalStorage>);

/// Records the focus for a dialog that opens later. Call only in the browser.
pub(super) fn provide_opener() {
    provide_context(RequestedFrom(StoredValue::new_local(Some(FocusSnapshot::capture()))));
}

/// A modal dialog that is open while it is mounted. Focus moves to its first field, and on close back to the previous element, or to what is
/// left around it.
///
/// Escape, the close button and a click on the backdrop call `on_dismiss`, except while `busy`. The browser never closes it by itself:
/// `closedby="none"` also disables the forced close on a repeated Escape.
///
/// The children are a `dialog-content`, which scrolls, and a `dialog-foot`, which stays in view like the heading.
#[component]
pub fn Dialog(
    #[prop(into)] title: Signal<String>,
    /// Called when the user tries to close it.
    #[prop(into)]
    on_dismiss: Callback<()>,
    #[prop(optional)] role: DialogRole,
    /// Whether a request is pending. The dialog can't be closed until it completes.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// Whether it has the wide layout.
    #[prop(optional)]
    wide: bool,
    /// Whether its heading has a close button. Without one, a button of the content says what closing does.
    #[prop(default = true)]
    has_close_button: bool,
    children: Children,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let opener = StoredValue::new_local(None::<FocusSnapshot>);
    let requested = use_context::<RequestedFrom>();
    let pressed_on_backdrop = StoredValue::new(false);
    let title_id = format!("dialog-title-{}", DIALOG_COUNT.fetch_add(1, Ordering::Relaxed));

    Effect::new(move || {
        let Some(dialog) = dialog.get() else { return };
        let requested = requested.and_then(|requested| requested.0.try_update_value(Option::take).flatten());
        opener.set_value(Some(requested.unwrap_or_else(FocusSnapshot::capture)));
        // Fails only if it is already open.
        let _ = dialog.show_modal();
        let _ = browser::focus_first(&dialog, "[autofocus]") || browser::focus_first(&dialog, "input, select, textarea");
    });
    on_cleanup(move || {
        // The browser restores the focus only on `close()`, not when the element is removed.
        if let Some(opener) = opener.try_get_value().flatten() {
            queue_microtask(move || opener.restore());
        }
    });

    let dismiss = move || {
        if !busy.get_untracked() {
            on_dismiss.run(());
        }
    };
    let is_backdrop = move |event: &web_sys::Event| event.target() == dialog.get_untracked().map(Into::into);
    let on_keydown = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" {
            event.prevent_default();
            event.stop_propagation();
            dismiss();
        }
    };
    let on_click = move |event: ev::MouseEvent| {
        if pressed_on_backdrop.get_value() && is_backdrop(&event) {
            dismiss();
        }
    };
    // A close request without a key press, such as the back gesture on a phone.
    let on_cancel = move |event: ev::Event| {
        event.prevent_default();
        dismiss();
    };
    view! {
        <dialog node_ref=dialog class="dialog" class:dialog-wide=wide closedby="none" aria-labelledby=title_id.clone()
            aria-busy=move || busy.get().then_some("true") role=(role == DialogRole::Alert).then_some("alertdialog")
            on:keydown=on_keydown on:cancel=on_cancel on:click=on_click
            on:pointerdown=move |event| pressed_on_backdrop.set_value(is_backdrop(&event))>
            <div class="dialog-body">
                <header class="dialog-head">
                    <h2 id=title_id.clone()>{move || title.get()}</h2>
                    {has_close_button.then(|| view! { <IconButton label="Close" glyph=Glyph::Close disabled=busy on_click=move |_| dismiss()/> })}
                </header>
                {children()}
            </div>
            {use_context::<Toasts>().map(|toasts| view! { <Toaster toasts/> })}
        </dialog>
    }
}

/// Which dialog of a page is open. `T` names the dialog and contains its data.
pub struct Dialogs<T: Send + Sync + 'static> {
    open: RwSignal<Option<T>>,
    /// Closes the dialog.
    pub dismiss: Callback<()>,
}

impl<T: Send + Sync> Clone for Dialogs<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Send + Sync> Copy for Dialogs<T> {}

/// The dialogs of a page, of which one at most is open. Render them with [`Dialogs::render`].
pub fn use_dialogs<T: Clone + Send + Sync>() -> Dialogs<T> {
    let open = RwSignal::new(None);
    Dialogs { open, dismiss: Callback::new(move |()| open.set(None)) }
}

impl<T: Clone + Send + Sync> Dialogs<T> {
    pub fn open(self, dialog: T) {
        self.open.set(Some(dialog));
    }

    /// A callback that opens a dialog.
    pub fn opener(self, dialog: T) -> Callback<()> {
        Callback::new(move |()| self.open(dialog.clone()))
    }

    /// Closes the dialog. Has no effect if the page was closed.
    pub fn close(self) {
        let _ = self.open.try_set(None);
    }

    /// Whether the page was closed.
    pub fn is_disposed(self) -> bool {
        self.open.is_disposed()
    }

    /// A callback for a completed dialog: closes it, then calls `then`.
    pub fn done<Outcome: 'static>(self, then: impl Fn(Outcome) + Send + Sync + 'static) -> Callback<Outcome> {
        Callback::new(move |outcome| {
            self.close();
            then(outcome);
        })
    }

    /// The open dialog, rendered with `show`.
    pub fn render<V>(self, show: impl Fn(T) -> V) -> impl Fn() -> Option<V> {
        move || self.open.get().map(&show)
    }
}
