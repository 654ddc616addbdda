//! The used keys of a month: search, export, table and pages.

use leptos::prelude::*;

use super::{
    export_format::export,
    query_state::{BillingQueryState, UsageQuery},
};
use crate::api::billing::month_usage;
use latchkey_types::{
    billing::{KEYS_PER_PAGE, KeyUsage, Month, MonthUsage},
    error::Error,
    key_kind::Mask,
};
use latchkey_ui::{
    browser,
    button::Button,
    message::AlertWithRetry,
    money::{Price, RoundedPrice},
    number::{format_integer, page_range, pluralize},
    pending_action::PendingAction,
    resource::Refetchable,
    search::SearchField,
    table::{Column, RowTable},
    toast::use_toasts,
};

#[component]
pub(super) fn KeyList(usage: MonthUsage, currency: String, query_state: BillingQueryState) -> impl IntoView {
    // Data
    let month = usage.month;
    let list = Refetchable::new(usage);
    let read = move |query: UsageQuery| list.refetch(move || month_usage(Some(month), Some(query.search.clone()), Some(query.page)));
    Effect::new(move |before: Option<UsageQuery>| {
        let query = query_state.get();
        // Another month reloads the page.
        if before.is_some_and(|before| before.month == query.month && before != query) {
            read(query.clone());
        }
        query
    });

    // View
    let retry = Callback::new(move |()| read(query_state.get_untracked()));
    let columns = vec![
        "API Key".into(),
        "Kind".into(),
        "Key".into(),
        Column::Number("Requests"),
        "Share".into(),
        Column::Number("Cost per request"),
        Column::Number("Total"),
    ];
    let rows = list.rows(|usage| &usage.keys, |key| key.id);
    let row_currency = currency.clone();
    let hidden = Memo::new(move |_| list.with(|usage| usage.hidden));
    view! {
        <div class="toolbar">
            <SearchField placeholder="Key name" search=query_state.search() on_search=move |search: String| query_state.search_for(&search)/>
            <span class="count">{move || list.with(|usage| pluralize(usage.count, "key", "keys"))}</span>
            <ExportButton month currency query_state/>
        </div>
        {move || list.error().get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=retry/> })}
        <RowTable label="Requests by key" columns rows empty=|| view! { <p class="billing-empty" role="status">"No keys match your search."</p> } let(key)>
            <KeyUsageRow key currency=row_currency.clone()/>
        </RowTable>
        <Pager list query_state/>
        {move || Some(hidden.get()).filter(|hidden| *hidden > 0).map(|hidden| view! {
            <p class="billing-hidden">{pluralize(hidden, "key of another member was used too.", "keys of other members were used too.")}</p>
        })}
    }
}

#[component]
fn ExportButton(month: Month, currency: String, query_state: BillingQueryState) -> impl IntoView {
    let toasts = use_toasts();
    let exporting = PendingAction::new();
    let start = move |()| {
        let (search, currency) = (query_state.get_untracked().search, currency.clone());
        exporting.run(async move { export(search, month, &currency).await }, move |result| match result {
            Ok(()) => toasts.success("Export downloaded".to_owned()),
            Err(Error::SignedOut) => browser::go_to_sign_in(),
            Err(error) => toasts.error(error.to_string()),
        });
    };
    view! { <Button label="Export CSV" on_click=start pending=exporting.pending()/> }
}

#[component]
fn KeyUsageRow(key: Memo<KeyUsage>, currency: String) -> impl IntoView {
    let name = move || key.with(|key| key.name.clone());
    view! { <tr aria-label=name>{move || cells(key.get(), &currency)}</tr> }
}

fn cells(key: KeyUsage, currency: &str) -> AnyView {
    let share = if key.share == 0 { "<0.1%".to_owned() } else { key.share_text() + "%" };
    let (each, total) = match key.average_cost() {
        Some(average) => (
            view! { <Price amount=average currency=currency.to_owned()/> }.into_any(),
            view! { <RoundedPrice amount=key.cost currency=currency.to_owned()/> }.into_any(),
        ),
        None => (not_priced(), not_priced()),
    };
    let mask = if key.mask == Mask::ELLIPSIS { "–".into_any() } else { view! { <code class="key-mask">{key.mask}</code> }.into_any() };
    view! {
        <td class="cell-name">
            <span class="name-with-tag">
                <span class="cell-text" dir="auto">{key.name}</span>
                {key.is_deleted.then(|| view! { <span class="tag">"Deleted"</span> })}
            </span>
        </td>
        <td class="cell-soft" data-label="Kind"><span>{key.kind.spec().label}</span></td>
        <td class="cell-soft" data-label="Key"><span>{mask}</span></td>
        <td class="cell-number" data-label="Requests"><span>{format_integer(key.requests)}</span></td>
        <td data-label="Share">
            <span class="billing-share">
                <meter min="0" max="1000" value=key.share.to_string() aria-hidden="true"></meter>
                <span>{share}</span>
            </span>
        </td>
        <td class="cell-number" data-label="Cost per request">{each}</td>
        <td class="cell-number" data-label="Total">{total}</td>
    }
    .into_any()
}

fn not_priced() -> AnyView {
    view! { <span class="no-value" title="Not priced"><span aria-hidden="true">"–"</span><span class="visually-hidden">"Not priced"</span></span> }
        .into_any()
}

/// Opens other pages of the keys; empty if there is only one.
#[component]
fn Pager(list: Refetchable<MonthUsage>, query_state: BillingQueryState) -> impl IntoView {
    let position = Memo::new(move |_| list.with(|usage| (usage.page, usage.pages(), usage.count)));
    // Repeated clicks count from the page in the address, not from the one still shown.
    let turn = move |by: i64| {
        let last = position.get_untracked().1;
        query_state.turn_to((query_state.get_untracked().page.min(last) + by).clamp(1, last));
    };
    let range = move || {
        let (page, _, count) = position.get();
        page_range(page, KEYS_PER_PAGE, count)
    };
    view! {
        <Show when={move || position.get().1 > 1}>
            <nav class="pager" aria-label="Pages">
                <p class="pager-range" role="status">{range}</p>
                <span class="pager-pages">
                    <Button label="Previous page" on_click=move |()| turn(-1) disabled=Signal::derive(move || position.get().0 <= 1)/>
                    <Button label="Next page" on_click=move |()| turn(1) disabled=Signal::derive(move || position.get().0 >= position.get().1)/>
                </span>
            </nav>
        </Show>
    }
}
