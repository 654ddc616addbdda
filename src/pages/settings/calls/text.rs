//! Facts about a call as text.

use crate::pages::dollars::rounded_dollars;
use latchkey_types::{budget::UsageState, model_call::CallEvent};
use latchkey_ui::number::format_integer;

/// Stands for a fact that a call does not have.
pub(super) const NONE: &str = "–";

/// `1,204 in, 80 out`, or a dash if nothing was used.
pub(super) fn tokens(call: &CallEvent) -> String {
    let Some(state) = call.usage else { return NONE.to_owned() };
    format!("{}{} in, {} out", about(state), format_integer(call.tokens.input), format_integer(call.tokens.output))
}

/// `$0.0012`, or a dash if nothing was used.
pub(super) fn cost(call: &CallEvent) -> String {
    match (call.usage, call.cost) {
        (Some(state), Some(cost)) => format!("{}{}", about(state), rounded_dollars(cost)),
        (Some(_), None) => "No price".to_owned(),
        (None, _) => NONE.to_owned(),
    }
}

/// Before an estimate.
const fn about(state: UsageState) -> &'static str {
    if matches!(state, UsageState::Estimated) { "≈ " } else { "" }
}

/// `850 ms`, `12.3 s`.
pub(super) fn duration(ms: u32) -> String {
    if ms < 1000 { format!("{ms} ms") } else { format!("{}.{} s", format_integer(i64::from(ms / 1000)), ms % 1000 / 100) }
}

/// How the tokens of a call are known.
pub(super) const fn usage(state: Option<UsageState>) -> &'static str {
    match state {
        Some(UsageState::Reported) => "Reported by the provider",
        Some(UsageState::Estimated) => "Estimated: the provider reported no usage",
        Some(UsageState::Unpriced) => "Reported by the provider; the model has no price",
        None => "Nothing was used",
    }
}

/// The name of the key, or where a call without one comes from.
pub(super) fn caller(call: &CallEvent) -> String {
    if call.key.is_some() { call.key_name.clone() } else { "Page".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::{budget::TokenCounts, dollars::Dollars, time::Timestamp};

    fn sample() -> CallEvent {
        CallEvent {
            id: "req_0193456789ab7cdef0123456789abcde".parse().unwrap(),
            at: Timestamp(0),
            organization: "org_0193456789ab7cdef0123456789abcde".parse().unwrap(),
            user: "usr_0193456789ab7cdef0123456789abcde".parse().unwrap(),
            key: None,
            key_name: String::new(),
            model: "fast".to_owned(),
            target: "gpt-5-mini".to_owned(),
            provider: "OpenAI".to_owned(),
            path: "/v1/chat/completions".to_owned(),
            is_stream: false,
            status: 200,
            code: String::new(),
            tokens: TokenCounts { input: 1204, output: 80, ..TokenCounts::default() },
            cost: Some(Dollars(1_200_000)),
            usage: Some(UsageState::Reported),
            attempts: 1,
            first_byte_ms: Some(120),
            duration_ms: 850,
            has_bodies: false,
        }
    }

    #[test]
    fn estimates_and_missing_usage_are_marked() {
        let call = sample();
        assert_eq!((tokens(&call), cost(&call), caller(&call)), ("1,204 in, 80 out".to_owned(), "$0.0012".to_owned(), "Page".to_owned()));
        let estimated = CallEvent { usage: Some(UsageState::Estimated), ..sample() };
        assert_eq!((tokens(&estimated), cost(&estimated)), ("≈ 1,204 in, 80 out".to_owned(), "≈ $0.0012".to_owned()));
        let unpriced = CallEvent { usage: Some(UsageState::Unpriced), cost: None, ..sample() };
        assert_eq!(cost(&unpriced), "No price");
        let refused = CallEvent { usage: None, cost: None, ..sample() };
        assert_eq!((tokens(&refused), cost(&refused)), (NONE.to_owned(), NONE.to_owned()));
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        for (ms, text) in [(0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (12_345, "12.3 s"), (3_600_000, "3,600.0 s")] {
            assert_eq!(duration(ms), text);
        }
    }
}
