//! Expiry of keys and credentials, by the rules of their kind.

use latchkey_types::{
    error::Fault,
    key::Ends,
    key_kind::{Expiry, Policy},
    time::Timestamp,
};

/// The longest duration that can be chosen, in days (ten years).
pub const DURATION_MAX_DAYS: i64 = 3650;

/// The expiry of a key of this kind that is created or changed at `now`. `None` for never.
///
/// # Errors
/// `Invalid` at `duration_days`.
pub fn chosen(policy: &Policy, ends: Ends, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
    let invalid = |message: String| Err(Fault::invalid("duration_days", message));
    let last = now.plus_days(DURATION_MAX_DAYS);
    match (policy.expiry, ends) {
        (Expiry::Never | Expiry::ChosenOrNever, Ends::Usual) => Ok(None),
        (Expiry::Days(days), Ends::Usual) => Ok(Some(now.plus_days(days))),
        (Expiry::Chosen, Ends::Usual) => invalid("Choose a duration.".to_owned()),
        (Expiry::Never, _) => invalid("Keys of this kind do not expire.".to_owned()),
        (Expiry::Days(days), _) => invalid(format!("Keys of this kind always expire after {days} days.")),
        (_, Ends::Days(days)) if !(1..=DURATION_MAX_DAYS).contains(&days) => invalid(format!("Choose 1 to {DURATION_MAX_DAYS} days.")),
        (_, Ends::Days(days)) => Ok(Some(now.plus_days(days))),
        (_, Ends::At(at)) if at <= now => invalid("Choose a future date.".to_owned()),
        (_, Ends::At(at)) if at > last => invalid(format!("Choose a date within {DURATION_MAX_DAYS} days.")),
        (_, Ends::At(at)) => Ok(Some(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::key_kind::{KeyKind, POLICIES};

    const NOW: Timestamp = Timestamp(1_000_000);

    #[test]
    fn expiry_follows_the_kind() {
        for policy in POLICIES {
            let usual = chosen(policy, Ends::Usual, NOW);
            let thirty = chosen(policy, Ends::Days(30), NOW);
            match policy.expiry {
                Expiry::Never => assert!(usual == Ok(None) && thirty.is_err()),
                Expiry::Days(days) => assert!(usual == Ok(Some(NOW.plus_days(days))) && thirty.is_err()),
                Expiry::Chosen => assert!(usual.is_err() && thirty == Ok(Some(NOW.plus_days(30)))),
                Expiry::ChosenOrNever => assert!(usual == Ok(None) && thirty == Ok(Some(NOW.plus_days(30)))),
            }
        }
    }

    #[test]
    fn expiry_is_in_the_future_and_within_ten_years() {
        let policy = KeyKind::Platform.policy();
        for ends in [Ends::Days(1), Ends::Days(DURATION_MAX_DAYS), Ends::At(NOW.plus_ms(1)), Ends::At(NOW.plus_days(DURATION_MAX_DAYS))] {
            assert!(chosen(policy, ends, NOW).is_ok(), "{ends:?}");
        }
        for ends in [Ends::Days(0), Ends::Days(-1), Ends::Days(i64::MAX), Ends::At(NOW), Ends::At(Timestamp(i64::MAX)), Ends::At(Timestamp(i64::MIN))]
        {
            assert!(chosen(policy, ends, NOW).is_err(), "{ends:?}");
        }
    }
}
