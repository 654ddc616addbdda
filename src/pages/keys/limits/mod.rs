//! The limits of a key, in the create and edit dialogs.

pub(super) mod format;
mod rates;

use leptos::prelude::*;

use latchkey_types::{
    error::Error,
    key::KeyPatch,
    limits::{self, Credits, CreditsPatch, CreditsRequest, Limits, RateLimit, Refill},
    origin,
};
use latchkey_ui::{
    field::{Field, InputKind, TextArea},
    form::{Form, FormError},
    number::{check_integer, check_optional, parse_integer},
    select::{SelectField, choices},
};
use rates::RateLimitFields;

/// The validated form values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct LimitFormValues {
    pub rate_limits: Vec<RateLimit>,
    /// Limits for each client address.
    pub address_rate_limits: Vec<RateLimit>,
    pub credits: Option<CreditsRequest>,
    /// IP addresses and networks.
    pub allowed_ips: Vec<String>,
    /// In their normal form.
    pub allowed_origins: Vec<String>,
}

impl LimitFormValues {
    /// The changes to the current limits. Unchanged credits are not sent, because they may be spent in the meantime.
    pub(super) fn into_patch(self, before: &Limits) -> KeyPatch {
        KeyPatch {
            credits: edited_credits(self.credits, before.credits),
            rate_limits: (self.rate_limits != before.rate_limits).then_some(self.rate_limits),
            address_rate_limits: (self.address_rate_limits != before.address_rate_limits).then_some(self.address_rate_limits),
            allowed_ips: (self.allowed_ips != before.allowed_ips).then_some(self.allowed_ips),
            allowed_origins: (self.allowed_origins != before.allowed_origins).then_some(self.allowed_origins),
            ..KeyPatch::default()
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

/// Validates all fields, so that all errors are shown together. `before` is the key's current limits. Limits without a field are empty.
pub(super) fn check(form: Form, before: &Limits) -> Option<LimitFormValues> {
    let (rate_limits, address_rate_limits) = (rates::check(form, rates::OF_KEY), rates::check(form, rates::OF_ADDRESS));
    let credits = if form.has("credits.remaining") { check_credits(form, before.credits).map(Some) } else { Some(None) };
    let networks = lines(&form.value("allowed_ips"));
    let checked = limits::allowed_ips(&networks).map_err(|error| map_line_error(error, "allowed_ips", &networks));
    let allowed_ips = form.record(checked).map(|()| networks);
    let origins = lines(&form.value("allowed_origins"));
    let allowed_origins = form.record(origin::allowed_origins(&origins).map_err(|error| map_line_error(error, "allowed_origins", &origins)));
    Some(LimitFormValues {
        rate_limits: rate_limits?,
        address_rate_limits: address_rate_limits?,
        credits: credits?,
        allowed_ips: allowed_ips?,
        allowed_origins: allowed_origins?,
    })
}

/// The limits as they are typed, without those that are not complete.
pub(super) fn typed(form: Form) -> Limits {
    let number = |field| parse_integer(&form.value(field));
    let amount = number("credits.amount").unwrap_or_default();
    let refill = form.value("credits.refill").parse().unwrap_or_default();
    let credits = form.has("credits.remaining").then(|| Credits { remaining: number("credits.remaining").unwrap_or(amount), refill, amount });
    Limits {
        rate_limits: rates::typed(form, rates::OF_KEY),
        address_rate_limits: rates::typed(form, rates::OF_ADDRESS),
        credits,
        allowed_ips: lines(&form.value("allowed_ips")),
        allowed_origins: lines(&form.value("allowed_origins")),
    }
}

fn check_credits(form: Form, before: Option<Credits>) -> Option<CreditsRequest> {
    let read = |field| form.check(field, |field, typed| check_optional(field, typed, check_integer));
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

/// The non-empty lines.
fn lines(typed: &str) -> Vec<String> {
    typed.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Maps the server's error about one line to the field that contains all lines.
pub(super) fn map_line_errors(error: Error, sent: &LimitFormValues) -> Error {
    map_line_error(map_line_error(error, "allowed_ips", &sent.allowed_ips), "allowed_origins", &sent.allowed_origins)
}

/// Maps an error about one line of a field, such as `allowed_ips[1]`, to the field.
pub(super) fn map_line_error(error: Error, field: &str, lines: &[String]) -> Error {
    let index_of = |entry: &str| entry.strip_prefix(field)?.strip_prefix('[')?.strip_suffix(']')?.parse::<usize>().ok();
    match error {
        Error::Invalid { field: entry, message } => match index_of(&entry).and_then(|at| lines.get(at)) {
            Some(line) => Error::invalid(field, format!("“{line}”: {message}")),
            None => Error::Invalid { field: entry, message },
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
    /// Whether the key is used by public web pages.
    is_public: bool,
) -> impl IntoView {
    let (allowed_ips, allowed_origins) = (before.allowed_ips.join("\n"), before.allowed_origins.join("\n"));
    let callers = if is_public {
        view! {
            <TextArea form name="allowed_origins" label="Allowed origins" value=allowed_origins optional=true
                hint="One origin per line, e.g. https://www.example.com. Leave blank to allow any web page. Programs can send any origin."/>
        }
        .into_any()
    } else {
        view! {
            <TextArea form name="allowed_ips" label="Allowed addresses" value=allowed_ips optional=true
                hint="One IP or CIDR per line, e.g. 192.0.2.0/24. Leave blank to allow any. If set, requests without an IP are refused."/>
        }
        .into_any()
    };
    let address_rate_limits = before.address_rate_limits;
    view! {
        <RateLimitFields form list=rates::OF_KEY before=before.rate_limits/>
        {is_public.then(|| view! { <RateLimitFields form list=rates::OF_ADDRESS before=address_rate_limits/> })}
        <CreditFields form before=before.credits/>
        {callers}
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
        let edited = |credits| LimitFormValues { credits, ..LimitFormValues::default() }.into_patch(&before).credits;
        let request = |remaining, refill, amount| Some(CreditsRequest { remaining, refill, amount });
        assert_eq!(edited(request(None, Refill::Daily, Some(100))), None);
        assert_eq!(edited(None), Some(CreditsPatch::Unlimited));
        let more = request(None, Refill::Daily, Some(200));
        assert_eq!(edited(more), more.map(CreditsPatch::Set), "the balance is kept");
        let reset = request(Some(50), Refill::Daily, Some(100));
        assert_eq!(edited(reset), reset.map(CreditsPatch::Set));
        assert_eq!(LimitFormValues::default().into_patch(&Limits::default()), KeyPatch::default());
        let first = LimitFormValues { credits: request(Some(5), Refill::Never, None), ..LimitFormValues::default() };
        assert_eq!(first.clone().into_patch(&Limits::default()).credits, first.credits.map(CreditsPatch::Set));
    }

    #[test]
    fn changed_networks_are_sent() {
        let before = Limits { allowed_ips: vec!["10.0.0.0/8".to_owned()], ..Limits::default() };
        let edited = |typed| LimitFormValues { allowed_ips: lines(typed), ..LimitFormValues::default() }.into_patch(&before).allowed_ips;
        assert_eq!(edited("\n 10.0.0.0/8 \r\n"), None);
        assert_eq!(edited(""), Some(Vec::new()));
        assert_eq!(edited("10.0.0.0/8\n::1"), Some(vec!["10.0.0.0/8".to_owned(), "::1".to_owned()]));
    }

    #[test]
    fn changed_limits_of_public_keys_are_sent() {
        let limit = RateLimit { name: "each".to_owned(), limit: 1, duration_ms: 1000, strict: false };
        let before = Limits { address_rate_limits: vec![limit], allowed_origins: vec!["https://example.com".to_owned()], ..Limits::default() };
        let same = LimitFormValues {
            address_rate_limits: before.address_rate_limits.clone(),
            allowed_origins: before.allowed_origins.clone(),
            ..LimitFormValues::default()
        };
        assert_eq!(same.into_patch(&before), KeyPatch::default());
        let removed = KeyPatch { address_rate_limits: Some(Vec::new()), allowed_origins: Some(Vec::new()), ..KeyPatch::default() };
        assert_eq!(LimitFormValues::default().into_patch(&before), removed);
    }

    #[test]
    fn error_about_a_line_is_mapped_to_its_field() {
        let sent = LimitFormValues {
            allowed_ips: lines("10.0.0.0/8\n\nnonsense"),
            allowed_origins: lines("https://example.com\nexample.com"),
            ..LimitFormValues::default()
        };
        let mapped = |field| map_line_errors(Error::invalid(field, "No."), &sent);
        assert_eq!(mapped("allowed_ips[1]"), Error::invalid("allowed_ips", "“nonsense”: No."));
        assert_eq!(mapped("allowed_origins[1]"), Error::invalid("allowed_origins", "“example.com”: No."));
        for other in ["allowed_ips", "name", "allowed_ips[9]", "rate_limits[0].name"] {
            assert_eq!(mapped(other), Error::invalid(other, "No."));
        }
    }
}
