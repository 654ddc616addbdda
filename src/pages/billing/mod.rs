//! `/billing`

mod chart;
mod export_format;
mod keys;
mod models;
mod query_state;

use leptos::prelude::*;
use leptos_meta::Title;

use super::{error_page::LoadFailed, viewer::use_viewer};
use crate::{api::billing::month_usage, routes};
use chart::chart_data;
use keys::KeyList;
use latchkey_types::{
    billing::{Month, MonthUsage},
    permission::Permission,
};
use latchkey_ui::{
    chart::Chart,
    empty_state::EmptyState,
    icon::{Glyph, Icon},
    money::RoundedPrice,
    number::format_integer,
    page::PageActions,
    skeleton::PageSkeleton,
    suspend::suspend,
};
use models::ModelUsage;
use query_state::{BillingQueryState, month_address};

/// Requests and cost per key and language model, by month.
#[component]
pub fn BillingPage() -> impl IntoView {
    let query_state = BillingQueryState::from_url();
    let month = query_state.month();
    let viewer = use_viewer();
    // Another search or page of keys is read by the list.
    let usage = Resource::new(
        move || month.get(),
        move |month| {
            let query = query_state.get_untracked();
            month_usage(month, Some(query.search), Some(query.page))
        },
    );
    view! {
        <Title text=routes::BILLING.label/>
        // An error has a heading of its own.
        <Transition fallback=|| view! { <PageSkeleton heading=routes::BILLING.label/> }>
            {move || suspend(
                async move { Ok((viewer.await?, usage.await?)) },
                move |(viewer, usage)| view! {
                    <div class="page">
                        <h1>{routes::BILLING.label}</h1>
                        <PageActions><MonthSwitch month=usage.month span=usage.span/></PageActions>
                        <Lead can_see_external=viewer.can(Permission::ManageApiKeys)/>
                        <Usage usage currency=viewer.currency query_state/>
                    </div>
                },
                |error| view! { <LoadFailed error/> },
            )}
        </Transition>
    }
}

/// Explains the figures. Links to external keys for viewers who can see them.
#[component]
fn Lead(can_see_external: bool) -> impl IntoView {
    let external = can_see_external.then(|| view! { " Storage is billed by your provider; manage credentials under " <a href=routes::EXTERNAL_KEYS.path>{routes::EXTERNAL_KEYS.label}</a> "." });
    view! {
        <p class="page-lead">
            "Usage is counted per verified call, at the price in effect at the time, and appears within seconds. Days are in UTC."
            {external}
        </p>
    }
}

/// The name of the month, between links to its neighbors.
#[component]
fn MonthSwitch(month: Month, span: (Month, Month)) -> impl IntoView {
    view! {
        <nav class="month-switch" aria-label="Months">
            <MonthLink label="Previous month" glyph=Glyph::Back month=month.previous() is_available={month > span.0}/>
            <h2 id="billing-month">{month.name()}</h2>
            <MonthLink label="Next month" glyph=Glyph::Forward month=month.next() is_available={month < span.1}/>
        </nav>
    }
}

/// A link to another month, disabled outside the range that has data.
#[component]
fn MonthLink(label: &'static str, glyph: Glyph, month: Month, is_available: bool) -> impl IntoView {
    if is_available {
        view! { <a class="icon-button" href=month_address(month) aria-label=label title=label><Icon glyph/></a> }.into_any()
    } else {
        view! { <a class="icon-button" role="link" aria-disabled="true" aria-label=label><Icon glyph/></a> }.into_any()
    }
}

#[component]
fn Usage(usage: MonthUsage, currency: String, query_state: BillingQueryState) -> impl IntoView {
    let (month, span, today) = (usage.month, usage.span, usage.today);
    let (total, cost, models) = (usage.total(), usage.cost(), usage.models.clone());
    let (has_requests, has_models) = (total > 0, !models.is_empty());
    Effect::new(move || query_state.correct_month(span));
    let requests = has_requests.then(|| {
        view! {
            <dl class="billing-figures">
                <div><dt>"Requests"</dt><dd>{format_integer(total)}</dd></div>
                <div><dt>"Cost"</dt><dd><RoundedPrice amount=cost currency=currency.clone()/></dd></div>
            </dl>
            <div class="billing-chart"><Chart series=chart::SERIES data=chart_data(month, &usage.days, &usage.costs, &currency, today)/></div>
            <KeyList usage currency query_state/>
        }
    });
    view! {
        <section class="billing" aria-labelledby="billing-month">
            {(!has_requests && !has_models).then(|| view! {
                <EmptyState glyph=Glyph::Chart title="No requests this month" text="Usage appears here as soon as a key is verified or calls a model."/>
            })}
            {requests}
            {has_models.then(|| view! { <ModelUsage models/> })}
        </section>
    }
}
