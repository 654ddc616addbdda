//! Above the list: period, order, refresh and export.

use std::time::Duration;

use leptos::{html, leptos_dom::helpers::debounce, prelude::*, task::spawn_local};

use super::{context::IssuedContext, export_format};
use crate::{
    pages::{projects::frame::use_project, viewer::use_viewer},
    routes,
};
use latchkey_types::{
    error::Error,
    issued_key::{IssuedSort, PeriodQuery, Span, UsagePeriod, date},
    time::{DAY_MS, Timestamp},
};
use latchkey_ui::{
    browser,
    button::Button,
    hydration::now,
    select::{Select, choices},
    toast::use_toasts,
};

/// Delay before a typed date takes effect.
const DATE_DEBOUNCE: Duration = Duration::from_millis(800);

#[component]
pub(super) fn Toolbar(context: IssuedContext) -> impl IntoView {
    let query_state = context.query_state;
    let (now, toasts) = (now(), use_toasts());
    let currency = StoredValue::new(use_project().viewer().currency);
    let exporting = RwSignal::new(false);

    // Actions
    let choose_period = move |value: String| {
        let period: UsagePeriod = value.parse().unwrap_or_default();
        query_state.change(|query| {
            let days = if period == UsagePeriod::Custom { days_of(&query.period, now.get_untracked()) } else { Default::default() };
            query.period = PeriodQuery { period, from: days.0, to: days.1 };
            query.page = 1;
        });
    };
    let choose_order = move |value: String| {
        query_state.change(|query| {
            query.sort = value.parse().unwrap_or_default();
            query.page = 1;
        });
    };
    let export = move |()| {
        exporting.set(true);
        spawn_local(async move {
            let result = export_format::export(context.project, query_state.now(), &currency.get_value()).await;
            let _ = exporting.try_set(false);
            match result {
                Ok(()) => {}
                Err(Error::SignedOut) => browser::go_to_sign_in(),
                Err(error) => toasts.error(error.to_string()),
            }
        });
    };

    // View
    let periods = choices(&UsagePeriod::ALL.map(|period| (period.as_str(), period.label())));
    let orders = [(IssuedSort::Received, "Newest"), (IssuedSort::Requests, "Most requests"), (IssuedSort::Total, "Highest total")];
    let orders = choices(&orders.map(|(sort, label)| (sort.as_str(), label)));
    let is_chosen = Memo::new(move |_| query_state.get().period.period == UsagePeriod::Custom);
    view! {
        <div class="toolbar issued-toolbar">
            <Select label="Period" options=periods value=Signal::derive(move || query_state.get().period.period.as_str().to_owned()) on_change=choose_period/>
            <Show when=move || is_chosen.get()>
                <DayInput context field="from" label="From"/>
                <DayInput context field="to" label="To"/>
            </Show>
            <Select label="Order" options=orders value=Signal::derive(move || query_state.get().sort.as_str().to_owned()) on_change=choose_order/>
            <span class="toolbar-end issued-buttons">
                <Button label="Refresh" on_click=move |()| context.read() pending=context.pending/>
                <Button label="CSV" on_click=export pending=exporting/>
            </span>
        </div>
        {move || ["from", "to"].into_iter().find_map(|field| {
            let message = context.field_error(field)?;
            Some(view! { <p class="field-error" id="issued-days-error" role="alert">{message}</p> })
        })}
        <Lead/>
    }
}

#[component]
fn Lead() -> impl IntoView {
    // The link is only for viewers who can see billing.
    let viewer = use_viewer();
    let billing = Suspend::new(async move {
        let can_see = viewer.await.is_ok_and(|viewer| viewer.can(latchkey_types::permission::Permission::ViewBilling));
        can_see.then(|| view! { " Also shown in " <a href=routes::BILLING.path>{routes::BILLING.label}</a> "." })
    });
    view! {
        <p class="issued-lead">
            "Costs use the price at the time of each request. Days are in UTC."
            <Suspense>{billing}</Suspense>
        </p>
    }
}

/// First and last day of a period, as the initial custom range.
fn days_of(period: &PeriodQuery, now: Option<Timestamp>) -> (String, String) {
    let Some(now) = now else { return Default::default() };
    let today = now.0.div_euclid(DAY_MS);
    let (from, to) = period.span(now).map_or((now, now), Span::bounds);
    let last = to.plus_ms(-1).0.div_euclid(DAY_MS).min(today);
    (date(from.0.div_euclid(DAY_MS)), date(last))
}

/// The first or last day of a custom range.
#[component]
fn DayInput(context: IssuedContext, field: &'static str, label: &'static str) -> impl IntoView {
    let query_state = context.query_state;
    let value = move || {
        let period = query_state.get().period;
        if field == "from" { period.from } else { period.to }
    };
    let input = NodeRef::<html::Input>::new();
    let apply = move || {
        let Some(typed) = input.try_get_untracked().flatten().map(|input| input.value()) else { return };
        query_state.change_replacing_history(|query| {
            let is_chosen = query.period.period == UsagePeriod::Custom;
            let day = if field == "from" { &mut query.period.from } else { &mut query.period.to };
            // `blur` also fires when nothing was typed, and when the field is removed.
            if is_chosen && *day != typed {
                *day = typed;
                query.page = 1;
            }
        });
    };
    // Browsers fire `change` for each digit of a typed year: 0002, 0020, 0202. A valid date applies after a pause;
    // leaving the field or pressing Enter applies it immediately.
    let mut apply_later = debounce(DATE_DEBOUNCE, move |()| {
        if input.try_get_untracked().flatten().is_some_and(|input| input.check_validity()) {
            apply();
        }
    });
    let is_wrong = move || context.field_error(field).is_some();
    view! {
        <div class="filter-select issued-day">
            <span aria-hidden="true">{label}</span>
            <input type="date" name=field aria-label=label min="2000-01-01" max="2199-12-31" prop:value=value
                aria-invalid=move || is_wrong().then_some("true") aria-describedby=move || is_wrong().then_some("issued-days-error")
                node_ref=input on:change=move |_| apply_later(()) on:blur=move |_| apply()
                on:keydown=move |event| if event.key() == "Enter" { apply() }/>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_range_starts_from_the_shown_days() {
        let now = Some(Timestamp(1_795_257_000_000));
        let of = |period| days_of(&PeriodQuery { period, ..PeriodQuery::default() }, now);
        assert_eq!(of(UsagePeriod::Week), ("2026-11-15".to_owned(), "2026-11-21".to_owned()));
        assert_eq!(of(UsagePeriod::Month), ("2026-11-01".to_owned(), "2026-11-21".to_owned()));
        assert_eq!(of(UsagePeriod::Day), ("2026-11-20".to_owned(), "2026-11-21".to_owned()));
    }
}
