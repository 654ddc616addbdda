//! The limits of a key, in the create and edit dialogs.

pub(super) mod format;
mod rates;

use leptos::prelude::*;

use latchkey_types::{
    error::Fault,
    limits::{self, Credits, EditedCredits, Limits, RateLimit, Refill, WantedCredits},
};
use latchkey_ui::{
    field::{Field, TextArea, Typed},
    form::{Form, FormWrong},
    select::{SelectField, choices},
};
use rates::RateLimitFields;

/// The validated form values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct FilledLimits {
    pub rate_limits: Vec<RateLimit>,
    pub credits: Option<WantedCredits>,
    /// IP addresses and networks.
    pub allowed_ips: Vec<String>,
}

/// The changed values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct EditedLimits {
    pub rate_limits: Option<Vec<RateLimit>>,
    pub credits: Option<EditedCredits>,
    /// IP addresses and networks.
    pub allowed_ips: Option<Vec<String>>,
}

impl FilledLimits {
    /// The difference to the current limits. Unchanged credits are not sent, because they may be spent in the meantime.
    pub(super) fn edited(self, before: &Limits) -> EditedLimits {
        EditedLimits {
            credits: edited_credits(self.credits, before.credits),
            rate_limits: (self.rate_limits != before.rate_limits).then_some(self.rate_limits),
            allowed_ips: (self.allowed_ips != before.allowed_ips).then_some(self.allowed_ips),
        }
    }
}

fn edited_credits(request: Option<WantedCredits>, before: Option<Credits>) -> Option<EditedCredits> {
    match (request, before) {
        (None, None) => None,
        (None, Some(_)) => Some(EditedCredits::Unlimited),
        (Some(WantedCredits { remaining: None, refill, amount }), Some(before))
            if refill == before.refill && amount.unwrap_or_default() == before.amount =>
        {
            None
        }
        (Some(request), _) => Some(EditedCredits::Set(request)),
    }
}

/// Validates all fields, so that all errors are shown together. `before` is the key's current limits.
pub(super) fn check(form: Form, before: &Limits) -> Option<FilledLimits> {
    let rate_limits = rates::check(form);
    let credits = if form.has("credits.remaining") { check_credits(form, before.credits).map(Some) } else { Some(None) };
    let allowed_ips = lines(&form.value("allowed_ips"));
    Some(FilledLimits { rate_limits: rate_limits?, credits: credits?, allowed_ips })
}

fn check_credits(form: Form, before: Option<Credits>) -> Option<WantedCredits> {
    let read = |field| form.check(field, parse_number);
    let refill = form.value("credits.refill").parse().unwrap_or_default();
    let remaining = read("credits.remaining");
    // Without a refill there is no amount field, and the previous amount is kept.
    let amount = if form.has("credits.amount") { read("credits.amount") } else { Some(before.map(|before| before.amount)) };
    let previous = before.map(|before| before.remaining);
    let request = WantedCredits { remaining: remaining?.filter(|typed| Some(*typed) != previous), refill, amount: amount? };
    form.keep(limits::credits(request, previous).map(|_| request))
}

/// Parses an optional number.
fn parse_number(field: &str, typed: &str) -> Result<Option<i64>, Fault> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    format::number(typed).map(Some).ok_or_else(|| Fault::invalid(field, "Enter a number."))
}

/// The non-empty lines.
fn lines(typed: &str) -> Vec<String> {
    typed.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Maps the server's error about one network to the field that contains all networks.
pub(super) fn at_their_field(fault: Fault, allowed_ips: &[String]) -> Fault {
    let index_of = |field: &str| field.strip_prefix("allowed_ips[")?.strip_suffix(']')?.parse::<usize>().ok();
    match fault {
        Fault::Invalid { field, message } => match index_of(&field).and_then(|at| allowed_ips.get(at)) {
            Some(line) => Fault::invalid("allowed_ips", format!("“{line}”: {message}")),
            None => Fault::Invalid { field, message },
        },
        other => other,
    }
}

/// The fields, collapsed if the key has no limits.
#[component]
pub(super) fn LimitFields(form: Form, before: Limits) -> impl IntoView {
    let open = !before.is_empty();
    let allowed_ips = before.allowed_ips.join("\n");
    view! {
        <details class="limits" open=open>
            <summary>"Limits"</summary>
            <div class="limits-body">
                <RateLimitFields form before=before.rate_limits/>
                <CreditFields form before=before.credits/>
                <TextArea form name="allowed_ips" label="Allowed addresses" value=allowed_ips
                    hint="One IP or CIDR per line, e.g. 192.0.2.0/24. Leave blank to allow any. If set, requests without an IP are refused."/>
            </div>
        </details>
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
        let words = Refill::ALL.map(|(refill, words)| (refill.word(), words));
        view! {
            <div class="credits">
                <Field form name="credits.remaining" label="Remaining" typed=Typed::Number value=remaining/>
                <SelectField form name="credits.refill" label="Refill" options=choices(&words) value=refill.get_untracked().word().to_owned()
                    on_change=move |chosen: String| refill.set(chosen.parse().unwrap_or_default())/>
                {move || (refill.get() != Refill::Never).then(|| view! {
                    <Field form name="credits.amount" label="Amount" typed=Typed::Number value=amount.clone()/>
                })}
            </div>
        }
    };
    view! {
        <fieldset class="field check-group limits-part" aria-describedby="hint-credits">
            <legend>"Credits"</legend>
            <label class="check">
                <input type="checkbox" class="checkbox" checked=before.is_some() on:change:target=move |event| limited.set(event.target().checked())/>
                <span>"Limit total uses (credits)"</span>
            </label>
            {move || limited.get().then(fields.clone())}
            <FormWrong form about="credits"/>
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
        let edited = |credits| FilledLimits { credits, ..FilledLimits::default() }.edited(&before).credits;
        let request = |remaining, refill, amount| Some(WantedCredits { remaining, refill, amount });
        assert_eq!(edited(request(None, Refill::Daily, Some(100))), None);
        assert_eq!(edited(None), Some(EditedCredits::Unlimited));
        let more = request(None, Refill::Daily, Some(200));
        assert_eq!(edited(more), more.map(EditedCredits::Set), "the balance is kept");
        let reset = request(Some(50), Refill::Daily, Some(100));
        assert_eq!(edited(reset), reset.map(EditedCredits::Set));
        assert_eq!(FilledLimits::default().edited(&Limits::default()), EditedLimits::default());
        let first = FilledLimits { credits: request(Some(5), Refill::Never, None), ..FilledLimits::default() };
        assert_eq!(first.clone().edited(&Limits::default()).credits, first.credits.map(EditedCredits::Set));
    }

    #[test]
    fn changed_networks_are_sent() {
        let before = Limits { allowed_ips: vec!["10.0.0.0/8".to_owned()], ..Limits::default() };
        let edited = |typed| FilledLimits { allowed_ips: lines(typed), ..FilledLimits::default() }.edited(&before).allowed_ips;
        assert_eq!(edited("\n 10.0.0.0/8 \r\n"), None);
        assert_eq!(edited(""), Some(Vec::new()));
        assert_eq!(edited("10.0.0.0/8\n::1"), Some(vec!["10.0.0.0/8".to_owned(), "::1".to_owned()]));
    }

    #[test]
    fn network_error_is_mapped_to_its_field() {
        let typed = lines("10.0.0.0/8\n\nnonsense");
        let mapped = |field| at_their_field(Fault::invalid(field, "No."), &typed);
        assert_eq!(mapped("allowed_ips[1]"), Fault::invalid("allowed_ips", "“nonsense”: No."));
        for other in ["allowed_ips", "name", "allowed_ips[9]"] {
            assert_eq!(mapped(other), Fault::invalid(other, "No."));
        }
    }
}
