//! When a key or a credential ends, as its kind has it.

use crate::model::{
    fault::Fault,
    key::Ends,
    policy::{Expiry, Policy},
    time::Timestamp,
};

/// The longest duration that can be chosen, in days: ten years.
pub const DURATION_MAX_DAYS: i64 = 3650;

/// When what is made now ends; `None` for never.
///
/// # Errors
/// `Invalid` at `duration_days` for what its kind does not let one choose, or a moment that is past or too far away.
pub fn chosen(policy: &Policy, ends: Ends, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
    let end = match (policy.expiry, ends) {
        (Expiry::Never | Expiry::ChosenOrNever, Ends::Usual) => return Ok(None),
        (Expiry::Days(days), Ends::Usual) => return Ok(Some(now.plus_days(days))),
        (Expiry::Chosen, Ends::Usual) => return Err(invalid("Choose a duration.".to_owned())),
        (Expiry::Never, _) => return Err(invalid("Keys of this kind do not expire.".to_owned())),
        (Expiry::Days(days), _) => return Err(invalid(format!("Keys of this kind always last {days} days."))),
        (_, Ends::Days(days)) if (1..=DURATION_MAX_DAYS).contains(&days) => now.plus_days(days),
        (_, Ends::Days(_)) => return Err(invalid(format!("Choose 1 to {DURATION_MAX_DAYS} days."))),
        (_, Ends::At(end)) => end,
    };
    if end <= now {
        return Err(invalid("Choose a date in the future.".to_owned()));
    }
    if end > now.plus_days(DURATION_MAX_DAYS) {
        return Err(invalid(format!("Choose a date within {DURATION_MAX_DAYS} days.")));
    }
    Ok(Some(end))
}

fn invalid(message: String) -> Fault {
    Fault::invalid("duration_days", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::policy::{CredentialKind, KeyKind};

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn platform(ends: Ends) -> Option<Timestamp> {
        chosen(KeyKind::Platform.policy(), ends, NOW).unwrap_or(None)
    }

    #[test]
    fn a_chosen_end_lies_within_ten_years_from_now() {
        assert_eq!(platform(Ends::Days(1)), Some(NOW.plus_days(1)));
        assert_eq!(platform(Ends::Days(DURATION_MAX_DAYS)), Some(NOW.plus_days(DURATION_MAX_DAYS)));
        assert_eq!(platform(Ends::At(NOW.plus_ms(1))), Some(NOW.plus_ms(1)));
        for ends in [Ends::Days(0), Ends::Days(-1), Ends::Days(DURATION_MAX_DAYS + 1), Ends::Days(i64::MAX), Ends::Days(i64::MIN), Ends::Usual] {
            assert!(chosen(KeyKind::Platform.policy(), ends, NOW).is_err(), "{ends:?}");
        }
        for end in [NOW, NOW.plus_ms(-1), NOW.plus_days(DURATION_MAX_DAYS).plus_ms(1), Timestamp(i64::MAX), Timestamp(i64::MIN)] {
            assert!(chosen(KeyKind::Platform.policy(), Ends::At(end), NOW).is_err(), "{end:?}");
        }
    }

    #[test]
    fn each_kind_has_its_own_way() {
        assert_eq!(chosen(KeyKind::Client.policy(), Ends::Usual, NOW), Ok(None));
        assert_eq!(chosen(KeyKind::Agent.policy(), Ends::Usual, NOW), Ok(Some(NOW.plus_days(90))));
        assert!(chosen(KeyKind::Agent.policy(), Ends::Days(90), NOW).is_err());
        assert_eq!(chosen(CredentialKind::Llm.policy(), Ends::Usual, NOW), Ok(None));
        assert!(chosen(CredentialKind::Llm.policy(), Ends::Days(1), NOW).is_err());
        assert!(chosen(CredentialKind::Storage.policy(), Ends::Usual, NOW).is_err());
    }
}
