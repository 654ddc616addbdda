//! What a template's keys may do, cost, and for how long.

use leptos::prelude::*;

use super::{desk::Desk, role::RoleChooser};
use crate::{
    model::template::{TemplateRow, TemplateValue, days_text},
    ui::{
        in_place::{Editor, InPlace},
        number::counted,
    },
};

/// Role, price and expiry.
#[component]
pub fn Facts(
    /// The page.
    desk: Desk,
    /// The template.
    template: Memo<TemplateRow>,
) -> impl IntoView {
    let id = template.with_untracked(|template| template.id);
    let price = Signal::derive(move || template.with(|template| template.price.to_string()));
    let days = Signal::derive(move || template.with(|template| days_text(template.duration_days)));
    let (price, days) = (Editor::new(price, desk.saves(id, TemplateValue::Price)), Editor::new(days, desk.saves(id, TemplateValue::DurationDays)));
    let currency = untrack(|| desk.with(|data| data.currency.clone()));
    let told_price = Callback::new(move |price: String| format!("{price} {currency}"));
    view! {
        <dl class="tile-facts">
            <dt>"Role"</dt>
            <dd><RoleChooser desk template/></dd>
            <dt>"Price per request"</dt>
            <dd>
                <InPlace editor=price label="Price per request" id=format!("{id}-price") placeholder="" told=told_price
                    hint="Down to a millionth, such as 0.0025. It counts from the next request on."/>
            </dd>
            <dt>"Expiry"</dt>
            <dd>
                <InPlace editor=days label="Expiry" id=format!("{id}-expiry") placeholder="Never" told=Callback::new(|days: String| days_told(&days))
                    hint="Days after a key was granted; nothing for never."/>
            </dd>
        </dl>
    }
}

/// `90` as “90 days”, nothing as “Never”.
fn days_told(days: &str) -> String {
    days.parse().map_or_else(|_| "Never".to_owned(), |days| counted(days, "day", "days"))
}
