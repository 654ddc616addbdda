//! Toasts: messages of success and notices disappear after a few seconds, error messages stay until they are dismissed.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};

use super::{
    browser,
    button::IconButton,
    click_guard,
    hydration::is_hydrated,
    icon::{Glyph, Icon},
};

const SHOWN_FOR: Duration = Duration::from_secs(5);
/// Time to decide whether to undo.
const UNDO_SHOWN_FOR: Duration = Duration::from_secs(10);
/// How often a toast that should disappear checks whether it is still being read.
const READING_CHECK: Duration = Duration::from_secs(1);
/// More would cover the page.
const TOASTS_MAX: usize = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum ToastKind {
    Success,
    /// What somebody else has done.
    Notice,
    /// An end that is neither a success nor an error.
    Stopped,
    Error,
}

impl ToastKind {
    const fn glyph(self) -> Glyph {
        match self {
            Self::Success => Glyph::Check,
            Self::Notice => Glyph::Bell,
            Self::Stopped => Glyph::Warning,
            Self::Error => Glyph::Error,
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Success => "toast",
            Self::Notice => "toast toast-notice",
            Self::Stopped => "toast toast-stopped",
            Self::Error => "toast toast-error",
        }
    }
}

/// What a toast of success says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToastText {
    message: String,
    /// A second sentence, such as since when the change is effective.
    detail: Option<String>,
}

impl ToastText {
    pub fn new(message: impl Into<String>, detail: Option<String>) -> Self {
        Self { message: message.into(), detail }
    }
}

impl From<String> for ToastText {
    fn from(message: String) -> Self {
        Self::new(message, None)
    }
}

impl From<&str> for ToastText {
    fn from(message: &str) -> Self {
        Self::new(message, None)
    }
}

#[derive(Clone)]
struct Toast {
    id: u32,
    text: ToastText,
    kind: ToastKind,
    /// How often the same message was shown.
    count: usize,
    /// What `Undo` runs, one callback for each time.
    undo: Vec<Callback<()>>,
}

#[derive(Clone, Copy)]
pub struct Toasts {
    list: RwSignal<Vec<Toast>>,
    /// The id of the next toast.
    next: StoredValue<u32>,
    /// The ids of the rendered toasters. Only the last one shows the toasts: a modal dialog covers everything outside of it and makes it
    /// inert, so each dialog has its own toaster.
    toasters: RwSignal<Vec<u32>>,
}

impl Toasts {
    /// Provides the context for [`use_toasts`], and shows a message that the previous page left.
    pub fn provide() -> Self {
        let toasts = Self { list: RwSignal::new(Vec::new()), next: StoredValue::new(0), toasters: RwSignal::new(Vec::new()) };
        provide_context(toasts);
        let hydrated = is_hydrated();
        Effect::new(move || {
            if let Some(message) = hydrated.get().then(browser::take_message).flatten() {
                toasts.success(message);
            }
        });
        toasts
    }

    /// Shows a success message for a few seconds.
    pub fn success(self, text: impl Into<ToastText>) {
        self.show_briefly(text.into(), ToastKind::Success, Vec::new());
    }

    /// Like [`Self::success`], with a button that reverses the action. Create the callback so that it also works after its page was closed.
    pub fn success_with_undo(self, text: impl Into<ToastText>, undo: Callback<()>) {
        self.show_briefly(text.into(), ToastKind::Success, vec![undo]);
    }

    /// Shows for a few seconds what somebody else has done.
    pub fn notice(self, message: String) {
        self.show_briefly(message.into(), ToastKind::Notice, Vec::new());
    }

    /// Shows for a few seconds how far something came that the user stopped.
    pub fn stopped(self, message: String) {
        self.show_briefly(message.into(), ToastKind::Stopped, Vec::new());
    }

    /// Shows an error message until it is dismissed.
    pub fn error(self, message: String) {
        self.show(message.into(), ToastKind::Error, Vec::new());
    }

    /// Copies a text to the clipboard, and shows that it was copied or, if the browser denies access, the text.
    pub fn copy(self, text: String, copied: &'static str) {
        spawn_local(async move {
            if browser::copy(&text).await {
                self.success(copied.to_owned());
            } else {
                self.error(format!("Your browser blocked copying. Copy this: {text}"));
            }
        });
    }

    fn show_briefly(self, text: ToastText, kind: ToastKind, undo: Vec<Callback<()>>) {
        let delay = if undo.is_empty() { SHOWN_FOR } else { UNDO_SHOWN_FOR };
        let id = self.show(text, kind, undo);
        self.remove_after(id, delay);
    }

    /// Shows a toast in place of an equal one, and of the oldest one if there are too many.
    fn show(self, text: ToastText, kind: ToastKind, undo: Vec<Callback<()>>) -> u32 {
        let id = self.next.get_value();
        self.next.set_value(id + 1);
        self.list.update(|list| {
            let mut toast = Toast { id, text, kind, count: 1, undo };
            if let Some(equal) = list.iter().position(|other| is_same(other, &toast)) {
                let equal = list.remove(equal);
                toast.count += equal.count;
                toast.undo.extend(equal.undo);
            }
            list.push(toast);
            if list.len() > TOASTS_MAX {
                let oldest = list.iter().position(|toast| toast.kind != ToastKind::Error).unwrap_or(0);
                list.remove(oldest);
            }
        });
        id
    }

    /// Removes a toast later, but not while the pointer or the focus is on the toasts.
    fn remove_after(self, id: u32, delay: Duration) {
        set_timeout(move || if is_being_read() { self.remove_after(id, READING_CHECK) } else { self.remove(id) }, delay);
    }

    fn remove(self, id: u32) {
        self.list.update(|list| list.retain(|other| other.id != id));
    }
}

/// Whether both have the same message. One that can be undone is not joined with one that can't.
fn is_same(one: &Toast, other: &Toast) -> bool {
    one.kind == other.kind && one.text.message == other.text.message && one.undo.is_empty() == other.undo.is_empty()
}

fn is_being_read() -> bool {
    matches!(document().query_selector(".toaster:is(:hover, :focus-within)"), Ok(Some(_)))
}

pub fn use_toasts() -> Toasts {
    expect_context()
}

/// Renders the toasts in a live region, unless a toaster was rendered after it.
#[component]
pub fn Toaster(toasts: Toasts) -> impl IntoView {
    let id = toasts.toasters.with_untracked(|toasters| toasters.last().map_or(0, |last| last + 1));
    toasts.toasters.update(|toasters| toasters.push(id));
    on_cleanup(move || {
        let _ = toasts.toasters.try_update(|toasters| toasters.retain(|other| *other != id));
    });
    let is_last = move || toasts.toasters.with(|toasters| toasters.last() == Some(&id));
    let shown = move || if is_last() { toasts.list.get() } else { Vec::new() };
    view! {
        <div class="toaster" aria-live="polite" aria-atomic="false">
            <For each=shown key=|toast| toast.id children=move |toast| view! { <ToastView toasts toast/> }/>
        </div>
    }
}

#[component]
fn ToastView(toasts: Toasts, toast: Toast) -> impl IntoView {
    let Toast { id, text: ToastText { message, detail }, kind, count, undo } = toast;
    let undo = (!undo.is_empty()).then(|| {
        let undo_all = move |_| {
            // Another `Undo` may take the place of this one.
            click_guard::hold();
            toasts.remove(id);
            for each in &undo {
                each.try_run(());
            }
        };
        view! { <button type="button" class="toast-undo" on:click=undo_all>"Undo"</button> }
    });
    view! {
        <div class=kind.class()>
            <Icon glyph=kind.glyph()/>
            <span class="toast-text">
                <span>{message} {(count > 1).then(|| format!(" ×{count}"))}</span>
                {detail.map(|detail| view! { <span class="toast-detail">{detail}</span> })}
            </span>
            {undo}
            <IconButton label="Dismiss" glyph=Glyph::Close on_click=move |_| toasts.remove(id)/>
        </div>
    }
}
