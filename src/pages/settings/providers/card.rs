//! One provider with its models.

use leptos::prelude::*;

use super::{delete::DeleteTarget, open_dialog::OpenDialog};
use latchkey_types::provider::{KeyLinkState, ModelRow, ProviderRow};
use latchkey_ui::{
    button::{Button, IconButton},
    dialog::Dialogs,
    icon::{Glyph, Icon},
};

#[component]
pub(super) fn ProviderCard(provider: ProviderRow, dialogs: Dialogs<OpenDialog>) -> impl IntoView {
    let [edited, extended, deleted] = [(); 3].map(|()| provider.clone());
    let (name, models) = (provider.name.clone(), format!("Models of {}", provider.name));
    let row = move |model: ModelRow| view! { <ModelTableRow model dialogs/> };
    view! {
        <article class="provider" aria-label=name>
            <header class="provider-head">
                <div class="provider-title">
                    <h2>{provider.name}</h2>
                    <span class="provider-style">{provider.style.label()} " API"</span>
                </div>
                <div class="provider-actions">
                    <Button label="Add model" on_click=dialogs.opener(OpenDialog::AddModel(extended))/>
                    <IconButton label="Edit" glyph=Glyph::Edit on_click=move |_| dialogs.open(OpenDialog::EditProvider(edited.clone()))/>
                    <IconButton label="Delete" glyph=Glyph::Trash danger=true
                        on_click=move |_| dialogs.open(OpenDialog::Delete(DeleteTarget::Provider(deleted.clone())))/>
                </div>
            </header>
            <dl class="provider-properties">
                <dt>"Address"</dt>
                <dd><code>{provider.base_url}</code></dd>
                <dt>"Key"</dt>
                <dd>{link_view(provider.link, "No key")}</dd>
            </dl>
            {(!provider.models.is_empty()).then(|| view! {
                <table class="table" aria-label=models>
                    <thead>
                        <tr>
                            <th scope="col">"Model"</th>
                            <th scope="col">"Key"</th>
                            <th scope="col"><span class="visually-hidden">"Action"</span></th>
                        </tr>
                    </thead>
                    <tbody>{provider.models.into_iter().map(row).collect_view()}</tbody>
                </table>
            })}
        </article>
    }
}

#[component]
fn ModelTableRow(model: ModelRow, dialogs: Dialogs<OpenDialog>) -> impl IntoView {
    let (edited, deleted, name) = (model.clone(), model.clone(), model.name.clone());
    view! {
        <tr aria-label=name>
            <td class="cell-name">{model.name}</td>
            <td class="cell-soft" data-label="Key">{link_view(model.link, "Provider’s key")}</td>
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
