//! One provider with its models.

use leptos::prelude::*;

use super::{ModelNames, delete::DeleteTarget, matches, models::Models, open_dialog::OpenDialog};
use crate::{api::providers::offered_models, pages::dollars::rounded_dollars};
use latchkey_types::{
    error::Error,
    provider::{KeyLinkState, ProviderError, ProviderRow, RecentCalls},
};
use latchkey_ui::{
    browser,
    button::{Button, IconButton},
    dialog::Dialogs,
    icon::{Glyph, Icon},
    number::{format_integer, pluralize, pluralize_count},
    pending_action::PendingAction,
    time::Time,
    toast::use_toasts,
};

#[component]
pub(super) fn ProviderCard(
    provider: Memo<ProviderRow>,
    /// The card is hidden while it does not match.
    search: RwSignal<String>,
    /// Whether its models are shown at first.
    unfolded: bool,
    /// All models of the organization.
    names: ModelNames,
    /// Reads the list again.
    reload: Callback<()>,
    dialogs: Dialogs<OpenDialog>,
) -> impl IntoView {
    let is_hidden = Memo::new(move |_| search.with(|search| provider.with(|provider| !matches(provider, search))));
    let name = move || provider.with(|provider| provider.name.clone());
    let open = move |dialog: fn(ProviderRow) -> OpenDialog| dialogs.open(dialog(provider.get_untracked()));
    view! {
        <article class="provider" aria-label=name hidden=move || is_hidden.get()>
            <header class="provider-head">
                <div class="provider-title">
                    <h2 dir="auto">{name}</h2>
                    <span class="provider-style">{move || provider.with(|provider| provider.style.label())} " API"</span>
                </div>
                <div class="provider-actions">
                    <TestButton provider reload/>
                    <Button label="Add model" on_click=move |()| open(OpenDialog::AddModels)/>
                    <IconButton label="Edit" glyph=Glyph::Edit on_click=move |_| open(OpenDialog::EditProvider)/>
                    <IconButton label="Delete" glyph=Glyph::Trash danger=true
                        on_click=move |_| open(|provider| OpenDialog::Delete(DeleteTarget::Provider(provider)))/>
                </div>
            </header>
            <dl class="provider-properties">
                <dt>"Address"</dt>
                <dd><code>{move || provider.with(|provider| provider.base_url.clone())}</code></dd>
                <dt>"Key"</dt>
                <dd>{move || link_view(provider.with(|provider| provider.link.clone()), "No key")}</dd>
                {move || provider.with(|provider| provider.credential_header.clone()).map(header_view)}
                <dt>"Last 24 hours"</dt>
                <dd>{move || provider.with(|provider| recent_text(&provider.recent))}</dd>
                {move || provider.with(|provider| provider.last_error.clone()).map(error_view)}
            </dl>
            <Show when=move || provider.with(|provider| !provider.models.is_empty())>
                <Models provider unfolded names dialogs/>
            </Show>
        </article>
    }
}

/// Reads the provider's list of models with its key.
#[component]
fn TestButton(provider: Memo<ProviderRow>, reload: Callback<()>) -> impl IntoView {
    let toasts = use_toasts();
    let test = PendingAction::new();
    let start = move |()| {
        let (id, name) = provider.with_untracked(|provider| (provider.id, provider.name.clone()));
        test.run(offered_models(id), move |result| {
            match result {
                Ok(models) => toasts.success(format!("{name} works: {}", pluralize_count(models.len(), "model", "models"))),
                Err(Error::SignedOut) => browser::go_to_sign_in(),
                Err(error) => toasts.error(format!("{name}: {error}")),
            }
            // The test may have changed the last error.
            reload.try_run(());
        });
    };
    view! { <Button label="Test" on_click=start pending=test.pending()/> }
}

fn header_view(header: String) -> AnyView {
    view! {
        <dt>"Key header"</dt>
        <dd><code>{header}</code></dd>
    }
    .into_any()
}

fn error_view(error: ProviderError) -> AnyView {
    let status = error.status.map(|status| format!(" (HTTP {status})"));
    view! {
        <dt>"Last error"</dt>
        <dd>
            <span class="provider-warning">
                <Icon glyph=Glyph::Warning/>
                <span><span dir="auto">{error.message}</span> {status} " " <Time at=error.at/></span>
            </span>
        </dd>
    }
    .into_any()
}

/// `1,204 calls, 3 failed, $1.20`.
fn recent_text(recent: &RecentCalls) -> String {
    if recent.calls == 0 {
        return "No calls".to_owned();
    }
    let mut parts = vec![pluralize(recent.calls, "call", "calls")];
    if recent.failures > 0 {
        parts.push(format!("{} failed", format_integer(recent.failures)));
    }
    parts.push(rounded_dollars(recent.cost));
    if recent.unpriced > 0 {
        parts.push(format!("{} without a price", format_integer(recent.unpriced)));
    }
    parts.join(", ")
}

/// The linked key, or the reason why there is none.
pub(super) fn link_view(link: KeyLinkState, unlinked: &'static str) -> AnyView {
    match link {
        KeyLinkState::Key(key) => view! { <span>{key.name} " " <code class="key-mask">{key.mask}</code></span> }.into_any(),
        KeyLinkState::Nothing => unlinked.into_any(),
        KeyLinkState::Deleted => warning("Key deleted. Edit to select another."),
        KeyLinkState::AddressChanged => warning("Key unlinked: the address changed. Edit to select one."),
    }
}

pub(super) fn warning(text: &'static str) -> AnyView {
    view! { <span class="provider-warning"><Icon glyph=Glyph::Warning/> {text}</span> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::dollars::Dollars;

    #[test]
    fn recent_calls_are_in_one_line() {
        let recent = RecentCalls { calls: 1204, failures: 3, cost: Dollars(1_200_000_000), unpriced: 2 };
        assert_eq!(recent_text(&recent), "1,204 calls, 3 failed, $1.20, 2 without a price");
        assert_eq!(recent_text(&RecentCalls { calls: 1, ..RecentCalls::default() }), "1 call, $0.00");
        assert_eq!(recent_text(&RecentCalls::default()), "No calls");
    }
}
