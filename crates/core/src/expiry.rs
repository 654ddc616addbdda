//! Expiry of keys and credentials, by the rules of their kind.

use latchkey_types::{
    error::Error,
    key::RequestedExpiry,
    key_kind::{Expiry, KindSpec},
    time::Timestamp,
};

pub use latchkey_types::limits::DURATION_MAX_DAYS;

/// The expiry of a key of this kind that is created or changed at `now`. `None` for never.
///
/// # Errors
/// `Invalid` at `duration_days`.
pub fn resolve(spec: &KindSpec, ends: RequestedExpiry, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let invalid = |message: String| Err(Error::invalid("duration_days", message));
    let last = now.plus_days(DURATION_MAX_DAYS);
    match (spec.expiry, ends) {
        (Expiry::Never | Expiry::ChosenOrNever, RequestedExpiry::KindDefault) => Ok(None),
        (Expiry::Days(days), RequestedExpiry::KindDefault) => Ok(Some(now.plus_days(days))),
        (Expiry::Chosen, RequestedExpiry::KindDefault) => invalid("Choose a duration.".to_owned()),
        (Expiry::Never, _) => invalid("Keys of this kind do not expire.".to_owned()),
        (Expiry::Days(days), _) => invalid(format!("Keys of this kind always expire after {days} days.")),
        (_, RequestedExpiry::Days(days)) if !(1..=DURATION_MAX_DAYS).contains(&days) => invalid(format!("Choose 1 to {DURATION_MAX_DAYS} days.")),
        (_, RequestedExpiry::Days(days)) => Ok(Some(now.plus_days(days))),
        (_, RequestedExpiry::At(at)) if at <= now => invalid("Choose a future date.".to_owned()),
        (_, RequestedExpiry::At(at)) if at > last => invalid(format!("Choose a date within {DURATION_MAX_DAYS} days.")),
        (_, RequestedExpiry::At(at)) => Ok(Some(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::key_kind::{KIND_SPECS, KeyKind};

    const NOW: Timestamp = Timestamp(1_000_000);

    #[test]
    fn expiry_follows_the_kind() {
        for spec in KIND_SPECS {
            let usual = resolve(spec, RequestedExpiry::KindDefault, NOW);
            let thirty = resolve(spec, RequestedExpiry::Days(30), NOW);
            match spec.expiry {
                Expiry::Never => assert!(usual == Ok(None) && thirty.is_err()),
                Expiry::Days(days) => assert!(usual == Ok(Some(NOW.plus_days(days))) && thirty.is_err()),
                Expiry::Chosen => assert!(usual.is_err() && thirty == Ok(Some(NOW.plus_days(30)))),
                Expiry::ChosenOrNever => assert!(usual == Ok(None) && thirty == Ok(Some(NOW.plus_days(30)))),
            }
        }
    }

    #[test]
    fn expiry_is_in_the_future_and_within_ten_years() {
        let spec = KeyKind::Internal.spec();
        for ends in [
            RequestedExpiry::Days(1),
            RequestedExpiry::Days(DURATION_MAX_DAYS),
            RequestedExpiry::At(NOW.plus_ms(1)),
            RequestedExpiry::At(NOW.plus_days(DURATION_MAX_DAYS)),
        ] {
            assert!(resolve(spec, ends, NOW).is_ok(), "{ends:?}");
        }
        for ends in [
            RequestedExpiry::Days(0),
            RequestedExpiry::Days(-1),
            RequestedExpiry::Days(i64::MAX),
            RequestedExpiry::At(NOW),
            RequestedExpiry::At(Timestamp(i64::MAX)),
            RequestedExpiry::At(Timestamp(i64::MIN)),
        ] {
            assert!(resolve(spec, ends, NOW).is_err(), "{ends:?}");
        }
    }
}
