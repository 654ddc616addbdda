//! Above the list: search, period, refresh and export.

use std::time::Duration;

use leptos::{html, leptos_dom::helpers::debounce, prelude::*};

use super::{context::IssuedContext, export_format::export};
use crate::{
    pages::{export_file::Format, projects::frame::use_project, viewer::use_viewer},
    routes,
};
use latchkey_types::{
    error::Error,
    issued_key::{PeriodQuery, Span, UsagePeriod, date},
    time::{DAY_MS, Timestamp},
};
use latchkey_ui::{
    browser,
    button::IconButton,
    hydration::now,
    icon::{Glyph, Icon},
    menu::{Menu, MenuAction, MenuChevron, MenuItem},
    pending_action::PendingAction,
    search::SearchField,
    select::{Select, choices},
    toast::use_toasts,
};

/// The orders, for narrow windows: as cards, the rows have no column heads.
const ORDERS: [(&str, &str); 10] = [
    ("received", "Newest"),
    ("-received", "Oldest"),
    ("requests", "Most requests"),
    ("-requests", "Fewest requests"),
    ("total", "Highest total"),
    ("-total", "Lowest total"),
    ("name", "Name, A to Z"),
    ("-name", "Name, Z to A"),
    ("user", "User, A to Z"),
    ("-user", "User, Z to A"),
];

/// Delay before a typed date takes effect.
const DATE_DEBOUNCE: Duration = Duration::from_millis(800);

#[component]
pub(super) fn Toolbar(context: IssuedContext) -> impl IntoView {
    let query_state = context.query_state;
    let now = now();

    // Actions
    let search = move |typed: String| {
        query_state.change_replacing_history(|query| {
            query.search = typed;
            query.page = 1;
        });
    };
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
            query.order = value.parse().unwrap_or_default();
            query.page = 1;
        });
    };

    // View
    let periods = choices(&UsagePeriod::ALL.map(|period| (period.as_str(), period.label())));
    let is_chosen = Memo::new(move |_| query_state.get().period.period == UsagePeriod::Custom);
    view! {
        <div class="toolbar issued-toolbar">
            <SearchField placeholder="Key or user" search=Signal::derive(move || query_state.get().search) on_search=search/>
            <Select label="Period" options=periods value=Signal::derive(move || query_state.get().period.period.as_str().to_owned()) on_change=choose_period/>
            <Show when=move || is_chosen.get()>
                <DayInput context field="from" label="From"/>
                <DayInput context field="to" label="To"/>
            </Show>
            <span class="issued-order">
                <Select label="Order" options=choices(&ORDERS) value=Signal::derive(move || query_state.get().order.to_string()) on_change=choose_order/>
            </span>
            <span class="toolbar-end issued-buttons">
                <IconButton label="Refresh" glyph=Glyph::Reload pending=context.pending on_click=move |_| context.read()/>
                <ExportMenu context/>
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
fn ExportMenu(context: IssuedContext) -> impl IntoView {
    let toasts = use_toasts();
    let currency = StoredValue::new(use_project().viewer().currency);
    let exporting = PendingAction::new();
    let download = move |format: Format| {
        let (query, currency) = (context.query_state.now(), currency.get_value());
        exporting.run(async move { export(context.project, query, format, &currency).await }, move |result| match result {
            Ok(()) => {}
            Err(Error::SignedOut) => browser::go_to_sign_in(),
            Err(error) => toasts.error(error.to_string()),
        });
    };
    let item = |label, format| MenuItem { label, glyph: Glyph::Download, action: MenuAction::Run(Callback::new(move |()| download(format))) };
    view! {
        <Menu id="export-menu" class="button" items=vec![item("CSV", Format::Csv), item("JSON", Format::Json)]>
            <Icon glyph=Glyph::Download/>
            "Export"
            <MenuChevron/>
        </Menu>
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
    use latchkey_types::issued_key::IssuedOrder;

    #[test]
    fn each_order_round_trips() {
        for (value, _) in ORDERS {
            assert_eq!(value.parse::<IssuedOrder>().unwrap().to_string(), value);
        }
    }

    #[test]
    fn custom_range_starts_from_the_shown_days() {
        let now = Some(Timestamp(1_795_257_000_000));
        let of = |period| days_of(&PeriodQuery { period, ..PeriodQuery::default() }, now);
        assert_eq!(of(UsagePeriod::Week), ("2026-11-15".to_owned(), "2026-11-21".to_owned()));
        assert_eq!(of(UsagePeriod::Month), ("2026-11-01".to_owned(), "2026-11-21".to_owned()));
        assert_eq!(of(UsagePeriod::Day), ("2026-11-20".to_owned(), "2026-11-21".to_owned()));
    }
}
