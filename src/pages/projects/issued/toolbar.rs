//! Above the list: for which time it counts, in which order, counting anew, and the list as a file.

use std::time::Duration;

use leptos::{html, leptos_dom::helpers::debounce, prelude::*, task::spawn_local};

use super::{Listing, file};
use crate::{
    model::{
        fault::Fault,
        issued::{IssuedSort, Period, Span, WantedPeriod, date},
        time::{DAY_MS, Timestamp},
    },
    pages::{frame::use_viewer, projects::frame::use_project},
    ui::{
        browser,
        button::Button,
        live::now,
        select::{Select, choices},
        toast::use_toasts,
    },
};

/// A day that was typed counts after this.
const PAUSE: Duration = Duration::from_millis(800);

#[component]
pub(super) fn Toolbar(listing: Listing) -> impl IntoView {
    let place = listing.place;
    let (now, toasts) = (now(), use_toasts());
    let currency = StoredValue::new(use_project().viewer().currency);
    let exporting = RwSignal::new(false);

    // Actions
    let choose = move |word: String| {
        let period: Period = word.parse().unwrap_or_default();
        place.change(|wish| {
            let days = if period == Period::Chosen { days_of(&wish.wanted, now.get_untracked()) } else { Default::default() };
            wish.wanted = WantedPeriod { period, from: days.0, to: days.1 };
            wish.page = 1;
        });
    };
    let order = move |word: String| {
        place.change(|wish| {
            wish.sort = word.parse().unwrap_or_default();
            wish.page = 1;
        });
    };
    let export = move |()| {
        exporting.set(true);
        spawn_local(async move {
            let outcome = file::export(listing.project, place.now(), &currency.get_value()).await;
            let _ = exporting.try_set(false);
            match outcome {
                Ok(()) => {}
                Err(Fault::SignedOut) => browser::go_to_sign_in(),
                Err(fault) => toasts.warn(fault.to_string()),
            }
        });
    };

    // View
    let periods = choices(&Period::ALL.map(|period| (period.word(), period.label())));
    let orders = [(IssuedSort::Received, "Newest"), (IssuedSort::Requests, "Most requests"), (IssuedSort::Total, "Highest total")];
    let orders = choices(&orders.map(|(sort, label)| (sort.word(), label)));
    let is_chosen = Memo::new(move |_| place.get().wanted.period == Period::Chosen);
    view! {
        <div class="toolbar issued-toolbar">
            <Select label="Period" options=periods value=Signal::derive(move || place.get().wanted.period.word().to_owned()) on_change=choose/>
            <Show when=move || is_chosen.get()>
                <DayInput listing field="from" label="From"/>
                <DayInput listing field="to" label="To"/>
            </Show>
            <Select label="Order" options=orders value=Signal::derive(move || place.get().sort.word().to_owned()) on_change=order/>
            <span class="toolbar-end issued-buttons">
                <Button label="Refresh" on_click=move |()| listing.read() pending=listing.pending/>
                <Button label="CSV" on_click=export pending=exporting/>
            </span>
        </div>
        {move || ["from", "to"].into_iter().find_map(|field| {
            let message = listing.wrong_with(field)?;
            Some(view! { <p class="field-error" id="issued-days-error" role="alert">{message}</p> })
        })}
        <Lead/>
    }
}

#[component]
fn Lead() -> impl IntoView {
    // Only those who may see the bill are led to it.
    let viewer = use_viewer();
    let billing = Suspend::new(async move {
        let may = viewer.await.is_ok_and(|viewer| viewer.may(crate::model::permission::Permission::ViewBilling));
        may.then(|| view! { " The same is under " <a href="/billing">"Billing"</a> "." })
    });
    view! {
        <p class="issued-lead">
            "Each request counts at the price of its moment. Days are UTC."
            <Suspense>{billing}</Suspense>
        </p>
    }
}

/// The days of a period, for those who want to begin from it.
fn days_of(wanted: &WantedPeriod, now: Option<Timestamp>) -> (String, String) {
    let Some(now) = now else { return Default::default() };
    let today = now.0.div_euclid(DAY_MS);
    let (from, to) = wanted.span(now).map_or((now, now), Span::moments);
    let last = to.plus_ms(-1).0.div_euclid(DAY_MS).min(today);
    (date(from.0.div_euclid(DAY_MS)), date(last))
}

/// One of the two days.
#[component]
fn DayInput(listing: Listing, field: &'static str, label: &'static str) -> impl IntoView {
    let place = listing.place;
    let value = move || {
        let wanted = place.get().wanted;
        if field == "from" { wanted.from } else { wanted.to }
    };
    let input = NodeRef::<html::Input>::new();
    let take = move || {
        let Some(typed) = input.try_get_untracked().flatten().map(|input| input.value()) else { return };
        place.adjust(|wish| {
            let is_chosen = wish.wanted.period == Period::Chosen;
            let day = if field == "from" { &mut wish.wanted.from } else { &mut wish.wanted.to };
            // A field says that it is left also where nothing was typed, and where it goes away.
            if is_chosen && *day != typed {
                *day = typed;
                wish.page = 1;
            }
        });
    };
    // A browser says `change` for every year that one is on the way to: 0002, 0020, 0202. After a pause it is meant, unless it can't be;
    // who leaves the field or presses Enter means it in any case.
    let mut take_later = debounce(PAUSE, move |()| {
        if input.try_get_untracked().flatten().is_some_and(|input| input.check_validity()) {
            take();
        }
    });
    let is_wrong = move || listing.wrong_with(field).is_some();
    view! {
        <div class="filter-select issued-day">
            <span aria-hidden="true">{label}</span>
            <input type="date" name=field aria-label=label min="2000-01-01" max="2199-12-31" prop:value=value
                aria-invalid=move || is_wrong().then_some("true") aria-describedby=move || is_wrong().then_some("issued-days-error")
                node_ref=input on:change=move |_| take_later(()) on:blur=move |_| take()
                on:keydown=move |event| if event.key() == "Enter" { take() }/>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_begins_from_the_days_that_were_shown() {
        let now = Some(Timestamp(1_795_257_000_000));
        let of = |period| days_of(&WantedPeriod { period, ..WantedPeriod::default() }, now);
        assert_eq!(of(Period::Week), ("2026-11-15".to_owned(), "2026-11-21".to_owned()));
        assert_eq!(of(Period::Month), ("2026-11-01".to_owned(), "2026-11-21".to_owned()));
        assert_eq!(of(Period::Day), ("2026-11-20".to_owned(), "2026-11-21".to_owned()));
    }
}
