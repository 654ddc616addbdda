//! The pop-up that shows a new secret once.

mod content;
pub mod field;
mod key_usage;

use std::{collections::VecDeque, sync::Arc};

use gloo_timers::future::TimeoutFuture;
use leptos::{html, prelude::*, task::spawn_local};

use content::SecretContent;
use field::SecretField;
use key_usage::KeyUsage;
use latchkey_types::{
    error::Error,
    id::ProjectId,
    key::{CreatedKey, KeyRow},
    member::InvitationLink,
    secret::RevealedSecret,
};
use latchkey_ui::{
    browser,
    button::{Button, ButtonVariant},
    dialog::Dialog,
    icon::{Glyph, Icon},
    message::Alert,
    navigation_guard::warn_before_unload,
};

/// Renders the pop-up of one secret. The layout calls it through a pointer: the code is then in the chunks of the pages that show secrets, and
/// not in the first page.
type RenderSecret = Arc<dyn Fn() -> AnyView + Send + Sync>;

/// The secret that is shown and those that are queued. They are only kept in memory, until they are closed.
///
/// The layout owns them, not the page, because history navigation must not lose a secret that was not copied.
#[derive(Clone, Copy)]
pub struct Reveal {
    /// Numbered, so that equal contents are distinct.
    queue: RwSignal<VecDeque<(u32, RenderSecret)>>,
    count: StoredValue<u32>,
}

impl Reveal {
    /// Provides the context for [`use_reveal`].
    pub fn provide() -> Self {
        let reveal = Self { queue: RwSignal::new(VecDeque::new()), count: StoredValue::new(0) };
        provide_context(reveal);
        reveal
    }

    /// Shows a key's secret.
    pub fn show(self, created: CreatedKey) {
        self.push(created.into());
    }

    /// Shows a new key's secret, with a button that calls `create_another`.
    pub fn show_created(self, created: CreatedKey, create_another: impl Fn() + Send + Sync + 'static) {
        self.push(SecretContent { create_another: Some(Arc::new(create_another)), ..created.into() });
    }

    /// Shows code for a key whose secret was copied before.
    pub fn show_copied(self, key: KeyRow, secret: RevealedSecret) {
        self.push(SecretContent::copied_key(key, secret));
    }

    /// Shows the token of a project key.
    pub fn show_token(self, name: String, token: RevealedSecret, project: ProjectId) {
        self.push(SecretContent::token(name, token, project));
    }

    /// Shows the token of a project key that was revealed for an import, and why the import failed.
    pub fn show_failed_import(self, name: String, token: RevealedSecret, project: ProjectId, error: &Error) {
        self.push(SecretContent::failed_import(name, token, project, error));
    }

    /// Shows the link of an invitation.
    pub fn show_link(self, link: InvitationLink) {
        self.push(link.into());
    }

    fn push(self, content: SecretContent) {
        self.count.update_value(|count| *count += 1);
        let number = self.count.get_value();
        let render: RenderSecret = Arc::new(move || view! { <SecretView content=content.clone() close=move |()| self.close()/> }.into_any());
        self.queue.update(|queue| queue.push_back((number, render)));
    }

    /// Drops the shown secret and shows the next one.
    fn close(self) {
        self.queue.update(|queue| drop(queue.pop_front()));
    }
}

pub fn use_reveal() -> Reveal {
    expect_context()
}

/// Renders the pop-up while there is a secret to show.
#[component]
pub fn SecretDialog(reveal: Reveal) -> impl IntoView {
    // The memo prevents a queued secret from rendering the shown one again.
    let first = Memo::new(move |_| reveal.queue.with(|queue| queue.front().map(|(number, _)| *number)));
    move || {
        first.get()?;
        let render = reveal.queue.with_untracked(|queue| queue.front().map(|(_, render)| Arc::clone(render)))?;
        Some(render())
    }
}

#[component]
fn SecretView(content: SecretContent, #[prop(into)] close: Callback<()>) -> impl IntoView {
    let shown_in = NodeRef::<html::Code>::new();
    let copied = RwSignal::new(content.is_copied);
    let is_confirming = RwSignal::new(false);

    let mark_copied = Callback::new(move |()| {
        // What is shown after the first copy must not be rendered again after another one.
        if !copied.get_untracked() {
            copied.set(true);
        }
        is_confirming.set(false);
    });
    let leave = move |()| if copied.get_untracked() { close.run(()) } else { is_confirming.set(true) };
    let keep_open = move |()| {
        // The focused button is about to be removed.
        if let Some(element) = shown_in.get_untracked() {
            browser::focus(&element);
        }
        is_confirming.set(false);
    };
    warn_before_unload(Signal::derive(move || !copied.get()));

    let SecretContent { title, lead, name, label, secret, caution, not_copied, trouble, key_use, create_another, .. } = content;
    let usage = key_use.map(|key_use| view! { <KeyUsage key_use secret=secret.clone() copied on_copied=mark_copied/> });
    let another = create_another.map(|open| {
        Callback::new(move |()| {
            if !copied.get_untracked() {
                return is_confirming.set(true);
            }
            let open = Arc::clone(&open);
            close.run(());
            spawn_local(async move {
                // Wait until this dialog has returned the focus, so that the next one returns it to the same place.
                TimeoutFuture::new(0).await;
                open();
            });
        })
    });
    let foot = move || {
        let done = if copied.get() { ButtonVariant::Primary } else { ButtonVariant::Secondary };
        view! {
            <footer class="dialog-foot">
                {another.map(|create| view! { <Button label="Create another" on_click=create/> })}
                <Button label="Done" variant=done on_click=leave/>
            </footer>
        }
    };
    view! {
        <Dialog title wide=true on_dismiss=leave>
            <div class="dialog-content">
                {trouble.map(|message| view! { <Alert message/> })}
                <p>{lead} <strong class="quoted" dir="auto">{name}</strong> "."</p>
                <SecretField secret label shown_in copied on_copied=mark_copied autofocus=true/>
                <p class="secret-caution"><Icon glyph=Glyph::Warning/> {caution}</p>
                {usage}
            </div>
            <Show when=move || is_confirming.get() fallback=foot>
                // The safe button is where `Done` was, under the pointer of a double click.
                <div class="confirmation secret-confirmation" role="alert">
                    <p>{not_copied}</p>
                    <div class="confirmation-actions">
                        <Button label="Close without copying" variant=ButtonVariant::Danger on_click=close/>
                        <Button label="Keep open" on_click=keep_open/>
                    </div>
                </div>
            </Show>
        </Dialog>
    }
}
