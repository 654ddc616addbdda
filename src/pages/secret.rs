//! The pop-up that shows a new secret, once.

use leptos::{html, prelude::*};

use crate::{
    model::{fault::Fault, key::CreatedKey, people::InvitationLink, secret::RevealedSecret},
    ui::{
        browser,
        button::{Button, Weight},
        copy::CopyButton,
        dialog::Dialog,
        icon::{Glyph, Icon},
        leave::warn_before_unload,
        message::Alert,
    },
};

/// A secret, and what the pop-up says of it.
#[derive(Clone, PartialEq, Eq)]
struct Shown {
    title: &'static str,
    /// What stands before the name of what it belongs to.
    what: &'static str,
    name: String,
    /// What it is called.
    label: &'static str,
    secret: RevealedSecret,
    caution: &'static str,
    not_copied: &'static str,
    /// What went wrong with what it was made for.
    trouble: Option<String>,
}

impl Shown {
    fn key(name: String, secret: RevealedSecret) -> Self {
        Self {
            title: "Copy your new key",
            what: "This is the secret key of ",
            name,
            label: "Secret key",
            secret,
            caution: "It is shown only now and cannot be had again. Copy it to where it is used, or to a password manager.",
            not_copied: "You have not copied the key yet. Once this is closed, nothing brings it back.",
            trouble: None,
        }
    }

    fn token(name: String, token: RevealedSecret) -> Self {
        Self {
            what: "This is your key ",
            caution: "It is shown only now. Copy it to where it is used, or to a password manager.",
            not_copied: "You have not copied the key yet. Once this is closed, it can still be imported until you leave the project's page; \
                after that, nothing brings it back.",
            ..Self::key(name, token)
        }
    }
}

impl From<CreatedKey> for Shown {
    fn from(created: CreatedKey) -> Self {
        Self::key(created.key.name, created.secret)
    }
}

impl From<InvitationLink> for Shown {
    fn from(made: InvitationLink) -> Self {
        Self {
            title: "Copy the invitation",
            what: "This link lets one person join as ",
            name: made.email,
            label: "Invitation link",
            secret: made.link,
            caution: "It is shown only now. Give it to nobody else: whoever opens it first joins.",
            not_copied: "You have not copied the link yet. Once this is closed, only a new link can be made.",
            trouble: None,
        }
    }
}

/// The secret that is being shown, and those that wait for it to be closed. They are kept here only, and each only until then.
///
/// The frame holds them, not the page: a step back in the history must not lose a secret that was not copied.
#[derive(Clone, Copy)]
pub struct Reveal(RwSignal<Vec<Shown>>);

impl Reveal {
    /// Nothing to show yet; [`use_reveal`] finds it below.
    pub fn provide() -> Self {
        let reveal = Self(RwSignal::new(Vec::new()));
        provide_context(reveal);
        reveal
    }

    /// Shows a key's secret.
    pub fn show(self, created: CreatedKey) {
        self.0.update(|shown| shown.push(created.into()));
    }

    /// Shows the token of a project key.
    pub fn show_token(self, name: String, token: RevealedSecret) {
        self.0.update(|shown| shown.push(Shown::token(name, token)));
    }

    /// Shows the token of a project key that was revealed for an import, and why that failed.
    pub fn show_unimported(self, name: String, token: RevealedSecret, fault: &Fault) {
        let trouble = Some(format!("It was not imported: {fault}"));
        self.0.update(|shown| shown.push(Shown { trouble, ..Shown::token(name, token) }));
    }

    /// Shows the link of an invitation.
    pub fn show_link(self, link: InvitationLink) {
        self.0.update(|shown| shown.push(link.into()));
    }

    /// Lets go of the secret that is shown; the next one follows.
    fn close(self) {
        self.0.update(|shown| drop(shown.remove(0)));
    }
}

/// Where to show a secret.
pub fn use_reveal() -> Reveal {
    expect_context()
}

/// The pop-up, while there is a secret to show.
#[component]
pub fn SecretDialog(
    /// The secret.
    reveal: Reveal,
) -> impl IntoView {
    // One that comes to wait does not touch the one that is shown.
    let first = Memo::new(move |_| reveal.0.with(|shown| shown.first().cloned()));
    move || first.get().map(|shown| view! { <Secret shown close=move |()| reveal.close()/> })
}

#[component]
fn Secret(shown: Shown, #[prop(into)] close: Callback<()>) -> impl IntoView {
    let shown_in = NodeRef::<html::Code>::new();
    let copied = RwSignal::new(false);
    let asked = RwSignal::new(false);

    let mark_copied = Callback::new(move |()| {
        copied.set(true);
        asked.set(false);
    });
    let leave = move |()| if copied.get_untracked() { close.run(()) } else { asked.set(true) };

    warn_before_unload(Signal::derive(move || !copied.get()));

    let secret = shown.secret.reveal().to_owned();
    let on_copy = {
        let secret = secret.clone();
        // A part of it is not the key.
        move |_| {
            if browser::selected_text().trim() == secret {
                mark_copied.run(());
            }
        }
    };
    let keep_open = move |()| {
        // The button that has the focus is about to go.
        if let Some(shown) = shown_in.get_untracked() {
            browser::focus(&shown);
        }
        asked.set(false);
    };
    view! {
        <Dialog title=shown.title wide=true on_dismiss=leave>
            {shown.trouble.map(|message| view! { <Alert message/> })}
            <p>{shown.what} <strong class="quoted">{shown.name.clone()}</strong> "."</p>
            <div class="secret">
                <code node_ref=shown_in class="secret-text" tabindex="0" aria-label=shown.label role="textbox" aria-readonly="true"
                    on:copy=on_copy>{secret.clone()}</code>
                <CopyButton text=secret shown_in on_copied=mark_copied primary=true/>
            </div>
            <p class="caution">
                <Icon glyph=Glyph::Warning/>
                {shown.caution}
            </p>
            <Show when=move || asked.get() fallback=move || view! {
                <footer class="dialog-foot"><Button label="Done" on_click=leave/></footer>
            }>
                <div class="ask" role="alert">
                    <p>{shown.not_copied}</p>
                    <div class="ask-answers">
                        <Button label="Close without copying" weight=Weight::Danger on_click=close/>
                        <Button label="Keep open" weight=Weight::Primary on_click=keep_open/>
                    </div>
                </div>
            </Show>
        </Dialog>
    }
}
