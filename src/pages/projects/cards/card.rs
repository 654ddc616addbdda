//! One template, as its requesters see it.

use leptos::prelude::*;

use super::{request_status::RequestStatus, state::TilesContext};
use latchkey_types::{
    key_template::{IssuedField, KeyCard},
    money::Money,
    permission::{Permission, role_label},
};
use latchkey_ui::{
    money::Price,
    number::{pluralize, pluralize_count},
};

/// Fields that are shown at once. Further ones are folded, so that the next tile stays near.
const SHOWN_FIELDS: usize = 3;

#[component]
pub(super) fn Tile(context: TilesContext, tile: Memo<KeyCard>) -> impl IntoView {
    let text = move |pick: fn(&KeyCard) -> String| Signal::derive(move || tile.with(pick));
    let (name, description) = (text(|tile| tile.name.clone()), text(|tile| tile.description.clone()));
    let all_fields = Memo::new(move |_| tile.with(|tile| tile.fields.clone()));
    let has_description = move || description.with(|description| !description.is_empty());
    view! {
        <article class="tile" aria-label=name>
            <header class="tile-head"><h3 class="tile-name" dir="auto">{name}</h3></header>
            <RequestStatus context tile/>
            {move || has_description().then(|| view! { <p class="tile-description tile-lines">{description.get()}</p> })}
            {move || facts(context, &tile.get())}
            {move || fields(all_fields.get())}
        </article>
    }
}

fn facts(context: TilesContext, tile: &KeyCard) -> impl IntoView + use<> {
    let currency = context.with(|data| data.currency.clone());
    let permits: Vec<_> = tile.permits.iter().map(Permission::label).collect();
    let permits = if permits.is_empty() { "Nothing in this project".to_owned() } else { permits.join(", ") };
    let (price, days) = (tile.price, tile.duration_days);
    view! {
        <dl class="tile-properties">
            <dt>"Role"</dt>
            <dd>{role_label(&tile.role)}</dd>
            <dt>"Permits"</dt>
            <dd>{permits}</dd>
            <dt>"Price per request"</dt>
            <dd>{if price == Money::default() { view! { <span>"Free"</span> }.into_any() } else { view! { <Price amount=price currency/> }.into_any() }}</dd>
            {days.map(|days| view! {
                <dt>"Expiry"</dt>
                <dd>{pluralize(days, "day", "days")} " after approval"</dd>
            })}
        </dl>
    }
}

fn fields(mut fields: Vec<IssuedField>) -> Option<AnyView> {
    let item = |field: IssuedField| {
        view! {
            <li class="tile-field">
                <span class="tile-field-name">{field.name}</span>
                {(!field.value.is_empty()).then(|| view! { <code class="tile-field-value tile-lines">{field.value}</code> })}
                {(!field.description.is_empty()).then(|| view! { <span class="tile-field-description tile-lines">{field.description}</span> })}
            </li>
        }
    };
    if fields.is_empty() {
        return None;
    }
    let folded = fields.split_off(fields.len().min(SHOWN_FIELDS));
    let more = (!folded.is_empty()).then(|| {
        view! {
            <details class="tile-more">
                <summary>{pluralize_count(folded.len(), "more field", "more fields")}</summary>
                <ul class="tile-field-list" aria-label="More information fields">{folded.into_iter().map(item).collect_view()}</ul>
            </details>
        }
    });
    Some(view! { <ul class="tile-field-list" aria-label="Information fields">{fields.into_iter().map(item).collect_view()}</ul> {more} }.into_any())
}
