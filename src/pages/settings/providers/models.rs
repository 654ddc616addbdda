//! The table of a provider's models.

use leptos::prelude::*;

use super::{
    ModelNames,
    card::{link_view, warning},
    delete::DeleteTarget,
    name_of,
    open_dialog::OpenDialog,
};
use crate::pages::dollars::{price_of_tokens, rounded_dollars};
use latchkey_types::{
    id::ModelId,
    provider::{ModelRow, PriceSource, ProviderRow, RecentCalls},
};
use latchkey_ui::{
    button::IconButton,
    dialog::Dialogs,
    icon::Glyph,
    number::{format_integer, pluralize_count},
};

/// The models of a provider, which can be folded.
#[component]
pub(super) fn Models(
    provider: Memo<ProviderRow>,
    /// Whether they are shown at first.
    unfolded: bool,
    /// All models of the organization.
    names: ModelNames,
    dialogs: Dialogs<OpenDialog>,
) -> impl IntoView {
    let row = move |model: ModelRow| view! { <ModelTableRow model names dialogs/> };
    view! {
        <details class="provider-models" open=unfolded>
            <summary>{move || provider.with(|provider| pluralize_count(provider.models.len(), "model", "models"))}</summary>
            <div class="table-frame">
                <table class="table" aria-label=move || provider.with(|provider| format!("Models of {}", provider.name))>
                    <thead>
                        <tr>
                            <th scope="col">"Model"</th>
                            <th scope="col">"Key"</th>
                            <th scope="col">"Price per million tokens"</th>
                            <th scope="col" class="cell-number">"Calls, 24 h"</th>
                            <th scope="col" class="cell-number">"Cost, 24 h"</th>
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
fn ModelTableRow(model: ModelRow, names: ModelNames, dialogs: Dialogs<OpenDialog>) -> impl IntoView {
    let (edited, deleted, tried, name) = (model.clone(), model.clone(), model.name.clone(), model.name.clone());
    let is_renamed = model.upstream_name != model.name;
    let upstream_name =
        is_renamed.then(|| view! { <span class="model-detail">"At the provider: " <span dir="auto">{model.upstream_name}</span></span> });
    let fallbacks = fallbacks_view(model.fallbacks, names);
    let price = price_view(&model.price, model.allow_unpriced);
    view! {
        <tr aria-label=name>
            <td class="cell-name"><span class="model-name"><span>{model.name}</span> {upstream_name} {fallbacks}</span></td>
            <td class="cell-soft cell-text" data-label="Key">{link_view(model.link, "Provider’s key")}</td>
            <td class="cell-soft" data-label="Price per million tokens">{price}</td>
            <td class="cell-number" data-label="Calls, 24 h">{calls_text(&model.recent)}</td>
            <td class="cell-number" data-label="Cost, 24 h">{rounded_dollars(model.recent.cost)}</td>
            <td class="cell-action">
                <IconButton label="Try it" glyph=Glyph::Play on_click=move |_| dialogs.open(OpenDialog::Try(tried.clone()))/>
                <IconButton label="Edit" glyph=Glyph::Edit on_click=move |_| dialogs.open(OpenDialog::EditModel(edited.clone()))/>
                <IconButton label="Delete" glyph=Glyph::Trash danger=true
                    on_click=move |_| dialogs.open(OpenDialog::Delete(DeleteTarget::Model(deleted.clone())))/>
            </td>
        </tr>
    }
}

/// The fallbacks in their order; nothing without any.
fn fallbacks_view(fallbacks: Vec<ModelId>, names: ModelNames) -> Option<AnyView> {
    if fallbacks.is_empty() {
        return None;
    }
    let list = move || names.with(|names| fallbacks.iter().map(|id| name_of(names, *id)).collect::<Vec<_>>().join(", "));
    Some(view! { <span class="model-detail">"If it fails: " <span dir="auto">{list}</span></span> }.into_any())
}

fn price_view(price: &PriceSource, allow_unpriced: bool) -> AnyView {
    let source = match price {
        PriceSource::Own(_) => "own price",
        PriceSource::Table(_) => "built in",
        PriceSource::Unknown => "",
    };
    match price.price() {
        Some(price) => view! { <span>{price_of_tokens(price)} " " <span class="provider-style">{source}</span></span> }.into_any(),
        None if allow_unpriced => warning("No price. Calls are allowed, and their cost is unknown."),
        None => warning("No price: calls are refused. Edit to enter one."),
    }
}

/// `1,204`, with the failures if there are any.
fn calls_text(recent: &RecentCalls) -> String {
    let calls = format_integer(recent.calls);
    if recent.failures == 0 { calls } else { format!("{calls} ({} failed)", format_integer(recent.failures)) }
}
