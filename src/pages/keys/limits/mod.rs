//! The limits of a key, in the create and edit dialogs.

pub(super) mod format;
mod rates;

use leptos::prelude::*;

use latchkey_types::{
    error::Error,
    limits::{self, Credits, CreditsPatch, CreditsRequest, Limits, RateLimit, Refill},
};
use latchkey_ui::{
    field::{Field, InputKind, TextArea},
    form::{Form, FormError},
    select::{SelectField, choices},
};
use rates::RateLimitFields;

/// The validated form values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct LimitFormValues {
    pub rate_limits: Vec<RateLimit>,
    pub credits: Option<CreditsRequest>,
    /// IP addresses and networks.
    pub allowed_ips: Vec<String>,
}

/// The changed values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct LimitsPatch {
    pub rate_limits: Option<Vec<RateLimit>>,
    pub credits: Option<CreditsPatch>,
    /// IP addresses and networks.
    pub allowed_ips: Option<Vec<String>>,
}

impl LimitFormValues {
    /// The difference to the current limits. Unchanged credits are not sent, because they may be spent in the meantime.
    pub(super) fn diff(self, before: &Limits) -> LimitsPatch {
        LimitsPatch {
            credits: edited_credits(self.credits, before.credits),
            rate_limits: (self.rate_limits != before.rate_limits).then_some(self.rate_limits),
            allowed_ips: (self.allowed_ips != before.allowed_ips).then_some(self.allowed_ips),
        }
    }
}

fn edited_credits(request: Option<CreditsRequest>, before: Option<Credits>) -> Option<CreditsPatch> {
    match (request, before) {
        (None, None) => None,
        (None, Some(_)) => Some(CreditsPatch::Unlimited),
        (Some(CreditsRequest { remaining: None, refill, amount }), Some(before))
            if refill == before.refill && amount.unwrap_or_default() == before.amount =>
        {
            None
        }
        (Some(request), _) => Some(CreditsPatch::Set(request)),
    }
}

/// Validates all fields, so that all errors are shown together. `before` is the key's current limits.
pub(super) fn check(form: Form, before: &Limits) -> Option<LimitFormValues> {
    let rate_limits = rates::check(form);
    let credits = if form.has("credits.remaining") { check_credits(form, before.credits).map(Some) } else { Some(None) };
    let networks = lines(&form.value("allowed_ips"));
    let checked = limits::allowed_ips(&networks).map_err(|error| map_network_errors(error, &networks));
    let allowed_ips = form.record(checked).map(|()| networks);
    Some(LimitFormValues { rate_limits: rate_limits?, credits: credits?, allowed_ips: allowed_ips? })
}

/// The limits as they are typed, without those that are not complete.
pub(super) fn typed(form: Form) -> Limits {
    let number = |field| format::number(&form.value(field));
    let amount = number("credits.amount").unwrap_or_default();
    let refill = form.value("credits.refill").parse().unwrap_or_default();
    let credits = form.has("credits.remaining").then(|| Credits { remaining: number("credits.remaining").unwrap_or(amount), refill, amount });
    Limits { rate_limits: rates::typed(form), credits, allowed_ips: lines(&form.value("allowed_ips")) }
}

fn check_credits(form: Form, before: Option<Credits>) -> Option<CreditsRequest> {
    let read = |field| form.check(field, parse_number);
    let refill = form.value("credits.refill").parse().unwrap_or_default();
    let remaining = read("credits.remaining");
    // Without a refill there is no amount field, and the previous amount is kept.
    let amount = if form.has("credits.amount") { read("credits.amount") } else { Some(before.map(|before| before.amount)) };
    let previous = before.map(|before| before.remaining);
    let request = CreditsRequest { remaining: remaining?.filter(|typed| Some(*typed) != previous), refill, amount: amount? };
    // Both rules, so that both errors are shown.
    let (balance, amount) = (form.record(limits::credit_balance(request, previous)), form.record(limits::credit_amount(request)));
    balance.and(amount).map(|_| request)
}

/// Parses an optional number.
fn parse_number(field: &str, typed: &str) -> Result<Option<i64>, Error> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    format::number(typed).map(Some).ok_or_else(|| Error::invalid(field, "Enter a number."))
}

/// The non-empty lines.
fn lines(typed: &str) -> Vec<String> {
    typed.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Maps the server's error about one network to the field that contains all networks.
pub(super) fn map_network_errors(error: Error, allowed_ips: &[String]) -> Error {
    let index_of = |field: &str| field.strip_prefix("allowed_ips[")?.strip_suffix(']')?.parse::<usize>().ok();
    match error {
        Error::Invalid { field, message } => match index_of(&field).and_then(|at| allowed_ips.get(at)) {
            Some(line) => Error::invalid("allowed_ips", format!("“{line}”: {message}")),
            None => Error::Invalid { field, message },
        },
        other => other,
    }
}

/// The fields for all limits.
#[component]
pub(super) fn LimitFields(
    form: Form,
    /// The current limits.
    before: Limits,
) -> impl IntoView {
    let allowed_ips = before.allowed_ips.join("\n");
    view! {
        <RateLimitFields form before=before.rate_limits/>
        <CreditFields form before=before.credits/>
        <TextArea form name="allowed_ips" label="Allowed addresses" value=allowed_ips optional=true
            hint="One IP or CIDR per line, e.g. 192.0.2.0/24. Leave blank to allow any. If set, requests without an IP are refused."/>
    }
}

#[component]
fn CreditFields(form: Form, before: Option<Credits>) -> impl IntoView {
    let limited = RwSignal::new(before.is_some());
    let refill = RwSignal::new(before.map(|credits| credits.refill).unwrap_or_default());
    let remaining = before.map(|credits| credits.remaining.to_string()).unwrap_or_default();
    let amount = before.map(|credits| credits.amount).filter(|amount| *amount > 0).map(|amount| amount.to_string()).unwrap_or_default();
    let fields = move || {
        let (remaining, amount) = (remaining.clone(), amount.clone());
        let words = Refill::ALL.map(|(refill, words)| (refill.as_str(), words));
        view! {
            <div class="credits">
                <Field form name="credits.remaining" label="Remaining" kind=InputKind::Number value=remaining/>
                <SelectField form name="credits.refill" label="Refill" options=choices(&words) value=refill.get_untracked().as_str().to_owned()
                    on_change=move |chosen: String| refill.set(chosen.parse().unwrap_or_default())/>
                {move || (refill.get() != Refill::Never).then(|| view! {
                    <Field form name="credits.amount" label="Amount" kind=InputKind::Number value=amount.clone()/>
                })}
            </div>
        }
    };
    view! {
        <fieldset class="field check-group limits-group" aria-describedby="hint-credits">
            <legend>"Credits"</legend>
            <label class="check">
                <input type="checkbox" class="checkbox" name="credits.limited" checked=before.is_some()
                    on:change:target=move |event| limited.set(event.target().checked())/>
                <span>"Limit total uses (credits)"</span>
            </label>
            {move || limited.get().then(fields.clone())}
            <FormError form about="credits"/>
            <p class="field-hint" id="hint-credits">
                {move || if limited.get() {
                    "Requests fail when credits run out. Refills reset the balance at midnight UTC."
                } else {
                    "Unlimited uses"
                }}
            </p>
        </fieldset>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unchanged_credits_are_not_sent() {
        let before = Limits { credits: Some(Credits { remaining: 7, refill: Refill::Daily, amount: 100 }), ..Limits::default() };
        let edited = |credits| LimitFormValues { credits, ..LimitFormValues::default() }.diff(&before).credits;
        let request = |remaining, refill, amount| Some(CreditsRequest { remaining, refill, amount });
        assert_eq!(edited(request(None, Refill::Daily, Some(100))), None);
        assert_eq!(edited(None), Some(CreditsPatch::Unlimited));
        let more = request(None, Refill::Daily, Some(200));
        assert_eq!(edited(more), more.map(CreditsPatch::Set), "the balance is kept");
        let reset = request(Some(50), Refill::Daily, Some(100));
        assert_eq!(edited(reset), reset.map(CreditsPatch::Set));
        assert_eq!(LimitFormValues::default().diff(&Limits::default()), LimitsPatch::default());
        let first = LimitFormValues { credits: request(Some(5), Refill::Never, None), ..LimitFormValues::default() };
        assert_eq!(first.clone().diff(&Limits::default()).credits, first.credits.map(CreditsPatch::Set));
    }

    #[test]
    fn changed_networks_are_sent() {
        let before = Limits { allowed_ips: vec!["10.0.0.0/8".to_owned()], ..Limits::default() };
        let edited = |typed| LimitFormValues { allowed_ips: lines(typed), ..LimitFormValues::default() }.diff(&before).allowed_ips;
        assert_eq!(edited("\n 10.0.0.0/8 \r\n"), None);
        assert_eq!(edited(""), Some(Vec::new()));
        assert_eq!(edited("10.0.0.0/8\n::1"), Some(vec!["10.0.0.0/8".to_owned(), "::1".to_owned()]));
    }

    #[test]
    fn network_error_is_mapped_to_its_field() {
        let typed = lines("10.0.0.0/8\n\nnonsense");
        let mapped = |field| map_network_errors(Error::invalid(field, "No."), &typed);
        assert_eq!(mapped("allowed_ips[1]"), Error::invalid("allowed_ips", "“nonsense”: No."));
        for other in ["allowed_ips", "name", "allowed_ips[9]"] {
            assert_eq!(mapped(other), Error::invalid(other, "No."));
        }
    }
}
