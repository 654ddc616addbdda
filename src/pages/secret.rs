//! The pop-up that shows a new secret once.

use leptos::{html, prelude::*};

use latchkey_types::{error::Error, key::CreatedKey, member::InvitationLink, secret::RevealedSecret};
use latchkey_ui::{
    browser,
    button::{Button, ButtonVariant},
    copy::CopyButton,
    dialog::Dialog,
    icon::{Glyph, Icon},
    message::Alert,
    navigation_guard::warn_before_unload,
};

/// The content of the pop-up.
#[derive(Clone, PartialEq, Eq)]
struct SecretContent {
    title: &'static str,
    /// The text before the name of the secret's owner.
    lead: &'static str,
    name: String,
    /// Accessible name of the secret.
    label: &'static str,
    secret: RevealedSecret,
    caution: &'static str,
    not_copied: &'static str,
    /// The error of the operation that the secret was created for.
    trouble: Option<String>,
}

impl SecretContent {
    fn key(name: String, secret: RevealedSecret) -> Self {
        Self {
            title: "Copy your new key",
            lead: "Secret key for ",
            name,
            label: "Secret key",
            secret,
            caution: "You won’t be able to see this key again. Copy it to your secret manager now.",
            not_copied: "You haven’t copied this key. If you close now, you’ll have to create a new one.",
            trouble: None,
        }
    }

    fn token(name: String, token: RevealedSecret) -> Self {
        Self {
            lead: "Project key ",
            not_copied: "You haven’t copied this key. If you close now, you can still import it until you leave the project’s page. \
                After that, you’ll have to request a new one.",
            ..Self::key(name, token)
        }
    }
}

impl From<CreatedKey> for SecretContent {
    fn from(created: CreatedKey) -> Self {
        Self::key(created.key.name, created.secret)
    }
}

impl From<InvitationLink> for SecretContent {
    fn from(invitation: InvitationLink) -> Self {
        Self {
            title: "Copy the invitation",
            lead: "Anyone with this link can join as ",
            name: invitation.email,
            label: "Invitation link",
            secret: invitation.link,
            caution: "Send it only to them: the first person to open it joins. It won’t be shown again.",
            not_copied: "You haven’t copied this link. If you close now, you’ll have to create a new one.",
            trouble: None,
        }
    }
}

/// The secret that is shown and those that are queued. They are only kept in memory, until they are closed.
///
/// The layout owns them, not the page, because history navigation must not lose a secret that was not copied.
#[derive(Clone, Copy)]
pub struct Reveal(RwSignal<Vec<SecretContent>>);

impl Reveal {
    /// Provides the context for [`use_reveal`].
    pub fn provide() -> Self {
        let reveal = Self(RwSignal::new(Vec::new()));
        provide_context(reveal);
        reveal
    }

    /// Shows a key's secret.
    pub fn show(self, created: CreatedKey) {
        self.0.update(|queue| queue.push(created.into()));
    }

    /// Shows the token of a project key.
    pub fn show_token(self, name: String, token: RevealedSecret) {
        self.0.update(|queue| queue.push(SecretContent::token(name, token)));
    }

    /// Shows the token of a project key that was revealed for an import, and why the import failed.
    pub fn show_failed_import(self, name: String, token: RevealedSecret, error: &Error) {
        let trouble = Some(format!("Import failed: {error}"));
        self.0.update(|queue| queue.push(SecretContent { trouble, ..SecretContent::token(name, token) }));
    }

    /// Shows the link of an invitation.
    pub fn show_link(self, link: InvitationLink) {
        self.0.update(|queue| queue.push(link.into()));
    }

    /// Drops the shown secret and shows the next one.
    fn close(self) {
        self.0.update(|queue| drop(queue.remove(0)));
    }
}

pub fn use_reveal() -> Reveal {
    expect_context()
}

/// Renders the pop-up while there is a secret to show.
#[component]
pub fn SecretDialog(reveal: Reveal) -> impl IntoView {
    // The memo prevents a queued secret from rendering the shown one again.
    let first = Memo::new(move |_| reveal.0.with(|queue| queue.first().cloned()));
    move || first.get().map(|content| view! { <SecretView content close=move |()| reveal.close()/> })
}

#[component]
fn SecretView(content: SecretContent, #[prop(into)] close: Callback<()>) -> impl IntoView {
    let shown_in = NodeRef::<html::Code>::new();
    let copied = RwSignal::new(false);
    let is_confirming = RwSignal::new(false);

    let mark_copied = Callback::new(move |()| {
        copied.set(true);
        is_confirming.set(false);
    });
    let leave = move |()| if copied.get_untracked() { close.run(()) } else { is_confirming.set(true) };

    warn_before_unload(Signal::derive(move || !copied.get()));

    let secret = content.secret.reveal().to_owned();
    let on_copy = {
        let secret = secret.clone();
        // Copying a part of the key does not count.
        move |_| {
            if browser::selected_text().trim() == secret {
                mark_copied.run(());
            }
        }
    };
    let keep_open = move |()| {
        // The focused button is about to be removed.
        if let Some(element) = shown_in.get_untracked() {
            browser::focus(&element);
        }
        is_confirming.set(false);
    };
    view! {
        <Dialog title=content.title wide=true on_dismiss=leave>
            {content.trouble.map(|message| view! { <Alert message/> })}
            <p>{content.lead} <strong class="quoted">{content.name.clone()}</strong> "."</p>
            <div class="secret">
                <code node_ref=shown_in class="secret-text" tabindex="0" aria-label=content.label role="textbox" aria-readonly="true"
                    on:copy=on_copy>{secret.clone()}</code>
                <CopyButton text=secret shown_in on_copied=mark_copied primary=true/>
            </div>
            <p class="caution">
                <Icon glyph=Glyph::Warning/>
                {content.caution}
            </p>
            <Show when=move || is_confirming.get() fallback=move || view! {
                <footer class="dialog-foot"><Button label="Done" on_click=leave/></footer>
            }>
                <div class="confirmation" role="alert">
                    <p>{content.not_copied}</p>
                    <div class="confirmation-actions">
                        <Button label="Close without copying" variant=ButtonVariant::Danger on_click=close/>
                        <Button label="Keep open" variant=ButtonVariant::Primary on_click=keep_open/>
                    </div>
                </div>
            </Show>
        </Dialog>
    }
}
