//! Role, price and expiry of a template's keys.

use leptos::prelude::*;

use super::{context::TemplatesContext, role_chooser::RoleChooser};
use latchkey_types::{
    key_template::{TemplateRow, TemplateValue, days_text},
    money::Money,
};
use latchkey_ui::{
    hydration::is_hydrated,
    inline_edit::{InlineEdit, InlineEditor},
    money::price_text,
    number::pluralize,
};

#[component]
pub(super) fn SettingsFields(context: TemplatesContext, template: Memo<TemplateRow>) -> impl IntoView {
    let id = template.with_untracked(|template| template.id);
    let price = Signal::derive(move || template.with(|template| template.price.to_string()));
    let days = Signal::derive(move || template.with(|template| days_text(template.duration_days)));
    let (price, days) = (
        InlineEditor::new(price, context.save_callback(id, TemplateValue::Price)),
        InlineEditor::new(days, context.save_callback(id, TemplateValue::DurationDays)),
    );
    let currency = untrack(|| context.with(|data| data.currency.clone()));
    let hydrated = is_hydrated();
    let format_price = Callback::new(move |price: String| format_price(&price, &currency, hydrated.get()));
    view! {
        <dl class="tile-properties">
            <dt>"Role"</dt>
            <dd><RoleChooser context template/></dd>
            <dt>"Price per request"</dt>
            <dd>
                <InlineEdit editor=price label="Price per request" id=format!("{id}-price") placeholder="" format=format_price
                    hint="Up to 6 decimals, e.g. 0.0025. Applies to future requests."/>
            </dd>
            <dt>"Expiry"</dt>
            <dd>
                <InlineEdit editor=days label="Expiry" id=format!("{id}-expiry") placeholder="Never" format=Callback::new(|days: String| format_days(&days))
                    hint="Days after approval. Leave blank for no expiry."/>
            </dd>
        </dl>
    }
}

/// A stored price always parses.
fn format_price(price: &str, currency: &str, is_hydrated: bool) -> String {
    match Money::price("price", price) {
        Ok(Money(0)) => "Free".to_owned(),
        Ok(price) => price_text(price, currency, is_hydrated),
        Err(_) => price.to_owned(),
    }
}

/// Formats `90` as “90 days”, and an empty value as “Never”.
fn format_days(days: &str) -> String {
    days.parse().map_or_else(|_| "Never".to_owned(), |days| pluralize(days, "day", "days"))
}
