//! `/billing`

mod chart;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::{error_page::LoadFailed, viewer::use_viewer};
use crate::{api::billing::month_usage, routes};
use chart::DaysChart;
use latchkey_types::{
    billing::{KeyUsage, Month, MonthUsage},
    permission::Permission,
};
use latchkey_ui::{
    icon::Glyph,
    message::EmptyState,
    money::Price,
    number::{format_integer, pluralize},
    suspend::suspend,
    table::{Column, Table},
};

/// Requests and cost per key, by month.
#[component]
pub fn BillingPage() -> impl IntoView {
    let query = use_query_map();
    // An invalid month selects the current one.
    let month = Memo::new(move |_| query.with(|query| query.get_str("month").and_then(|text| text.parse::<Month>().ok())));
    let viewer = use_viewer();
    let usage = Resource::new(move || month.get(), month_usage);
    view! {
        <Title text=routes::BILLING.label/>
        <div class="page">
            <h1>"Billing"</h1>
            <Lead/>
            <Transition fallback=|| view! { <p class="billing-loading" role="status">"Loading…"</p> }>
                {move || suspend(
                    async move { Ok((viewer.await?, usage.await?)) },
                    |(viewer, usage)| view! { <Usage usage currency=viewer.currency/> },
                    |error| view! { <LoadFailed error/> },
                )}
            </Transition>
        </div>
    }
}

/// Explains the figures. Links to external keys for viewers who can see them.
#[component]
fn Lead() -> impl IntoView {
    let viewer = use_viewer();
    let external = Suspend::new(async move {
        let can_see = viewer.await.is_ok_and(|viewer| viewer.can(Permission::ManageApiKeys));
        can_see.then(|| view! { " Storage is billed by your provider; manage credentials under " <a href=routes::EXTERNAL_KEYS.path>{routes::EXTERNAL_KEYS.label}</a> "." })
    });
    view! {
        <p class="billing-lead">
            "Usage is counted per verified call, at the price in effect at the time, and appears within seconds. Days are in UTC."
            <Suspense>{external}</Suspense>
        </p>
    }
}

#[component]
fn Usage(usage: MonthUsage, currency: String) -> impl IntoView {
    let (total, cost) = (usage.total(), usage.cost());
    let MonthUsage { month, span, days, costs, keys, others } = usage;
    view! {
        <section class="billing-month" aria-labelledby="billing-month">
            <header class="billing-head">
                <h2 id="billing-month">{month.name()}</h2>
                <p class="billing-total">{pluralize(total, "request", "requests")} " · " <Price amount=cost currency=currency.clone()/></p>
                <nav class="billing-months" aria-label="Months">
                    <MonthLink label="Previous month" month=month.previous() is_available={month > span.0}/>
                    <MonthLink label="Next month" month=month.next() is_available={month < span.1}/>
                </nav>
            </header>
            {if total == 0 {
                view! {
                    <EmptyState glyph=Glyph::Chart title="No requests this month" text="Usage appears here as soon as a key is verified."/>
                }
                .into_any()
            } else {
                view! {
                    <DaysChart month days costs currency=currency.clone()/>
                    <KeyTable keys total currency/>
                    {(others > 0).then(|| view! { <p class="billing-others">{pluralize(others, "other key was used too.", "other keys were used too.")}</p> })}
                }
                .into_any()
            }}
        </section>
    }
}

/// A link to another month, disabled outside the range that has data.
#[component]
fn MonthLink(label: &'static str, month: Month, is_available: bool) -> impl IntoView {
    if is_available {
        view! { <a class="button" href=format!("{}?month={month}", routes::BILLING.path)>{label}</a> }.into_any()
    } else {
        view! { <a class="button" role="link" aria-disabled="true">{label}</a> }.into_any()
    }
}

#[component]
fn KeyTable(keys: Vec<KeyUsage>, total: i64, currency: String) -> impl IntoView {
    let columns = vec![
        "API Key".into(),
        "Kind".into(),
        "Key".into(),
        Column::Number("Requests"),
        Column::Styled { heading: "Share", class: "billing-share-head" },
        Column::Number("Total"),
    ];
    let rows = keys.into_iter().map(|key| view! { <KeyUsageRow key total currency=currency.clone()/> }).collect_view();
    view! { <Table label="Requests by key" columns>{rows}</Table> }
}

#[component]
fn KeyUsageRow(key: KeyUsage, total: i64, currency: String) -> impl IntoView {
    let spec = key.kind.spec();
    let percent = (key.requests * 100).checked_div(total).unwrap_or_default();
    let share = if percent == 0 { "<1%".to_owned() } else { format!("{percent}%") };
    view! {
        <tr>
            <td class="cell-name">
                <span title=key.name.clone()>{key.name.clone()}</span>
                {key.is_deleted.then(|| view! { <span class="billing-deleted">"Deleted"</span> })}
            </td>
            <td class="cell-soft" data-label="Kind">{spec.label}</td>
            <td class="cell-soft" data-label="Key"><code class="key-mask">{key.mask}</code></td>
            <td class="cell-number" data-label="Requests">{format_integer(key.requests)}</td>
            <td class="billing-share" data-label="Share">
                <meter min="0" max="100" value=percent.to_string() aria-hidden="true"></meter>
                <span>{share}</span>
            </td>
            <td class="cell-number" data-label="Total"><Price amount=key.cost currency/></td>
        </tr>
    }
}
