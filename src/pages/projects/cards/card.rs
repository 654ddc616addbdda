//! One template, as its requesters see it.

use leptos::prelude::*;

use super::{request_status::RequestStatus, state::TilesContext};
use latchkey_types::{
    key_template::{IssuedField, KeyCard},
    money::Money,
    permission::Permission,
};
use latchkey_ui::{money::Price, number::pluralize};

#[component]
pub(super) fn Tile(context: TilesContext, tile: Memo<KeyCard>) -> impl IntoView {
    let text = move |pick: fn(&KeyCard) -> String| Signal::derive(move || tile.with(pick));
    let (name, description) = (text(|tile| tile.name.clone()), text(|tile| tile.description.clone()));
    let has_description = move || description.with(|description| !description.is_empty());
    view! {
        <article class="tile" aria-label=name>
            <header class="tile-head"><h3 class="tile-name">{name}</h3></header>
            {move || has_description().then(|| view! { <p class="tile-description tile-lines">{description.get()}</p> })}
            {move || facts(context, &tile.get())}
            {move || fields(tile.with(|tile| tile.fields.clone()))}
            <RequestStatus context tile/>
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
            <dd><span class="role-name">{tile.role.clone()}</span></dd>
            <dt>"Permits"</dt>
            <dd>{permits}</dd>
            {(price != Money::default()).then(|| view! {
                <dt>"Price per request"</dt>
                <dd><Price amount=price currency/></dd>
            })}
            {days.map(|days| view! {
                <dt>"Expiry"</dt>
                <dd>{pluralize(days, "day", "days")} " after approval"</dd>
            })}
        </dl>
    }
}

fn fields(fields: Vec<IssuedField>) -> Option<AnyView> {
    let item = |field: IssuedField| {
        view! {
            <li class="tile-field">
                <span class="tile-field-name">{field.name}</span>
                {(!field.description.is_empty()).then(|| view! { <span class="tile-field-description tile-lines">{field.description}</span> })}
                {(!field.value.is_empty()).then(|| view! { <code class="tile-field-value tile-lines">{field.value}</code> })}
            </li>
        }
    };
    if fields.is_empty() {
        return None;
    }
    Some(view! { <ul class="tile-field-list" aria-label="Information fields">{fields.into_iter().map(item).collect_view()}</ul> }.into_any())
}
