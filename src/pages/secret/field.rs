//! A secret with its copy button: the same in the pop-up and in a row.

use leptos::{html, prelude::*};

use latchkey_types::{key_kind::KIND_SPECS, secret::RevealedSecret};
use latchkey_ui::{browser, copy::CopyButton};

/// The number of characters at the end of a key that its mask shows.
const MASK_END: usize = 4;

/// Shows a secret. Prefix and end are highlighted, because they are all that its mask shows later.
#[component]
pub fn SecretField(
    secret: RevealedSecret,
    /// Accessible name of the secret.
    label: &'static str,
    /// The element that shows it.
    shown_in: NodeRef<html::Code>,
    #[prop(into)] copied: Signal<bool>,
    /// Called when the whole secret was copied, by the button or by the keyboard.
    on_copied: Callback<()>,
    /// Whether the copy button is focused when its dialog opens.
    #[prop(optional)]
    autofocus: bool,
    /// What stands beside the secret.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let text = secret.reveal().to_owned();
    let on_copy = {
        let text = text.clone();
        // Copying a part of the secret does not count.
        move |_| {
            if browser::selected_text().trim() == text {
                on_copied.run(());
            }
        }
    };
    let shown = match parts(&text) {
        Some((prefix, middle, end)) => {
            let (prefix, middle, end) = (prefix.to_owned(), middle.to_owned(), end.to_owned());
            view! { <span class="secret-prefix">{prefix}</span>{middle}<span class="secret-end">{end}</span> }.into_any()
        }
        None => text.clone().into_any(),
    };
    view! {
        <div class="secret" class:secret-copied=move || copied.get()>
            <code node_ref=shown_in class="secret-text" tabindex="0" role="textbox" aria-readonly="true" aria-label=label
                on:copy=on_copy>{shown}</code>
            <CopyButton text shown_in on_copied primary=Signal::derive(move || !copied.get()) autofocus/>
            {children.map(|children| children())}
        </div>
    }
}

/// Prefix, middle and end of an API key. `None` for a token or a link.
fn parts(secret: &str) -> Option<(&str, &str, &str)> {
    let prefix = KIND_SPECS.iter().filter_map(|spec| spec.prefix).find(|prefix| secret.starts_with(*prefix))?;
    let (prefix, rest) = secret.split_at_checked(prefix.len())?;
    let (middle, end) = rest.split_at_checked(rest.len().checked_sub(MASK_END)?)?;
    Some((prefix, middle, end))
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn only_keys_with_a_prefix_have_parts() {
        assert_eq!(parts("lkc_0123456789"), Some(("lkc_", "012345", "6789")));
        assert_eq!(parts("lkc_6789"), Some(("lkc_", "", "6789")));
        assert_eq!(parts("lkc_67"), None);
        assert_eq!(parts("eyJhbGciOi.eyJ.sig"), None);
        assert_eq!(parts("https://keys.example.com/join#a"), None);
    }
}
