//! One provider with its models.

use leptos::prelude::*;

use super::{delete::DeleteTarget, matches, open_dialog::OpenDialog};
use latchkey_types::provider::{KeyLinkState, ModelRow, ProviderRow};
use latchkey_ui::{
    button::{Button, IconButton},
    dialog::Dialogs,
    icon::{Glyph, Icon},
    number::pluralize_count,
};

#[component]
pub(super) fn ProviderCard(
    provider: Memo<ProviderRow>,
    /// The card is hidden while it does not match.
    search: RwSignal<String>,
    /// Whether its models are shown at first.
    unfolded: bool,
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
                    <Button label="Add model" on_click=move |()| open(OpenDialog::AddModel)/>
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
            </dl>
            <Show when=move || provider.with(|provider| !provider.models.is_empty())>
                <Models provider unfolded dialogs/>
            </Show>
        </article>
    }
}

/// The models of a provider, which can be folded.
#[component]
fn Models(provider: Memo<ProviderRow>, unfolded: bool, dialogs: Dialogs<OpenDialog>) -> impl IntoView {
    let row = move |model: ModelRow| view! { <ModelTableRow model dialogs/> };
    view! {
        <details class="provider-models" open=unfolded>
            <summary>{move || provider.with(|provider| pluralize_count(provider.models.len(), "model", "models"))}</summary>
            <div class="table-frame">
                <table class="table" aria-label=move || provider.with(|provider| format!("Models of {}", provider.name))>
                    <thead>
                        <tr>
                            <th scope="col">"Model"</th>
                            <th scope="col">"Key"</th>
                            <th scope="col"><span class="visually-hidden">"Action"</span></th>
                        </tr>
                    </thead>
                    <tbody>{move || provider.with(|provider| provider.models.clone()).into_iter().map(row).collect_view()}</tbody>
                </table>
            </div>
        </details>
    }
}

#[component]
fn ModelTableRow(model: ModelRow, dialogs: Dialogs<OpenDialog>) -> impl IntoView {
    let (edited, deleted, name) = (model.clone(), model.clone(), model.name.clone());
    view! {
        <tr aria-label=name>
            <td class="cell-name">{model.name}</td>
            <td class="cell-soft cell-text" data-label="Key">{link_view(model.link, "Provider’s key")}</td>
            <td class="cell-action">
                <IconButton label="Edit" glyph=Glyph::Edit on_click=move |_| dialogs.open(OpenDialog::EditModel(edited.clone()))/>
                <IconButton label="Delete" glyph=Glyph::Trash danger=true
                    on_click=move |_| dialogs.open(OpenDialog::Delete(DeleteTarget::Model(deleted.clone())))/>
            </td>
        </tr>
    }
}

/// The linked key, or the reason why there is none.
fn link_view(link: KeyLinkState, unlinked: &'static str) -> AnyView {
    let warning = |text: &'static str| view! { <span class="provider-warning"><Icon glyph=Glyph::Warning/> {text}</span> }.into_any();
    match link {
        KeyLinkState::Key(key) => view! { <span>{key.name} " " <code class="key-mask">{key.mask}</code></span> }.into_any(),
        KeyLinkState::Nothing => unlinked.into_any(),
        KeyLinkState::Deleted => warning("Key deleted. Edit to select another."),
        KeyLinkState::AddressChanged => warning("Key unlinked: the address changed. Edit to select one."),
    }
}
