//! Role, price and expiry of a template's keys.

use leptos::prelude::*;

use super::{context::Desk, role_chooser::RoleChooser};
use latchkey_types::key_template::{TemplateRow, TemplateValue, days_text};
use latchkey_ui::{
    inline_edit::{Editor, InPlace},
    number::counted,
};

#[component]
pub(super) fn Facts(desk: Desk, template: Memo<TemplateRow>) -> impl IntoView {
    let id = template.with_untracked(|template| template.id);
    let price = Signal::derive(move || template.with(|template| template.price.to_string()));
    let days = Signal::derive(move || template.with(|template| days_text(template.duration_days)));
    let (price, days) = (Editor::new(price, desk.saves(id, TemplateValue::Price)), Editor::new(days, desk.saves(id, TemplateValue::DurationDays)));
    let currency = untrack(|| desk.with(|data| data.currency.clone()));
    let format_price = Callback::new(move |price: String| format!("{price} {currency}"));
    view! {
        <dl class="tile-facts">
            <dt>"Role"</dt>
            <dd><RoleChooser desk template/></dd>
            <dt>"Price per request"</dt>
            <dd>
                <InPlace editor=price label="Price per request" id=format!("{id}-price") placeholder="" told=format_price
                    hint="Up to 6 decimals, e.g. 0.0025. Applies to future requests."/>
            </dd>
            <dt>"Expiry"</dt>
            <dd>
                <InPlace editor=days label="Expiry" id=format!("{id}-expiry") placeholder="Never" told=Callback::new(|days: String| format_days(&days))
                    hint="Days after approval. Leave blank for no expiry."/>
            </dd>
        </dl>
    }
}

/// Formats `90` as “90 days”, and an empty value as “Never”.
fn format_days(days: &str) -> String {
    days.parse().map_or_else(|_| "Never".to_owned(), |days| counted(days, "day", "days"))
}
