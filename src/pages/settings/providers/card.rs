//! One provider with its models.

use leptos::prelude::*;

use super::{Asked, Doomed};
use crate::{
    model::provider::{Link, ModelRow, ProviderRow},
    ui::{
        button::{Button, IconButton},
        icon::{Glyph, Icon},
    },
};

/// A provider, what it is used with, and its models.
#[component]
pub fn ProviderCard(
    /// The provider.
    provider: ProviderRow,
    /// Opens a dialog.
    ask: Callback<Asked>,
) -> impl IntoView {
    let [edited, extended, doomed] = [(); 3].map(|()| provider.clone());
    let (name, models) = (provider.name.clone(), format!("Models of {}", provider.name));
    let line = move |model: ModelRow| view! { <ModelLine model ask/> };
    view! {
        <article class="provider" aria-label=name>
            <header class="provider-head">
                <div class="provider-title">
                    <h2>{provider.name}</h2>
                    <span class="provider-style">{provider.style.label()} " API"</span>
                </div>
                <div class="provider-actions">
                    <Button label="Add model" on_click=move |()| ask.run(Asked::AddModel(extended.clone()))/>
                    <IconButton label="Edit" glyph=Glyph::Edit on_click=move |_| ask.run(Asked::EditProvider(edited.clone()))/>
                    <IconButton label="Delete" glyph=Glyph::Trash danger=true
                        on_click=move |_| ask.run(Asked::Delete(Doomed::Provider(doomed.clone())))/>
                </div>
            </header>
            <dl class="provider-facts">
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
                    <tbody>{provider.models.into_iter().map(line).collect_view()}</tbody>
                </table>
            })}
        </article>
    }
}

#[component]
fn ModelLine(model: ModelRow, ask: Callback<Asked>) -> impl IntoView {
    let (edited, doomed, name) = (model.clone(), model.clone(), model.name.clone());
    view! {
        <tr aria-label=name>
            <td class="cell-name">{model.name}</td>
            <td class="cell-soft" data-label="Key">{link_view(model.link, "The provider's")}</td>
            <td class="cell-action">
                <IconButton label="Edit" glyph=Glyph::Edit on_click=move |_| ask.run(Asked::EditModel(edited.clone()))/>
                <IconButton label="Delete" glyph=Glyph::Trash danger=true
                    on_click=move |_| ask.run(Asked::Delete(Doomed::Model(doomed.clone())))/>
            </td>
        </tr>
    }
}

/// The key, or why there is none and what to do about it.
fn link_view(link: Link, nothing: &'static str) -> AnyView {
    let lost = |why: &'static str| view! { <span class="provider-lost"><Icon glyph=Glyph::Warning/> {why}</span> }.into_any();
    match link {
        Link::Key(key) => view! { <span>{key.name} " " <code class="key-mask">{key.mask}</code></span> }.into_any(),
        Link::Nothing => nothing.into_any(),
        Link::Deleted => lost("No key: it was deleted. Edit to choose another."),
        Link::Moved => lost("No key: the address was changed. Edit to choose it again."),
    }
}
