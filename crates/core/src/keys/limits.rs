//! Limits of a key: validated against the specification of its kind, and stored.

use ipnet::IpNet;

use latchkey_store::{
    StoreError, Tx,
    keys::credits::{self, CreditBalance},
};
use latchkey_types::{
    error::Error,
    id::KeyId,
    key_kind::KindSpec,
    limits::{self, Credits, CreditsPatch, CreditsRequest, RateLimit},
    origin,
    time::Timestamp,
};

fn unsupported<T>(field: &str) -> Result<T, Error> {
    Err(Error::invalid(field, "Keys of this kind have no limits."))
}

/// The stored form of rate limits: JSON.
pub(super) fn rate_limits(spec: &KindSpec, requested: &[RateLimit]) -> Result<Option<String>, Error> {
    if requested.is_empty() {
        return Ok(None);
    }
    if !spec.has_limits {
        return unsupported("rate_limits");
    }
    stored_rate_limits("rate_limits", requested)
}

/// The stored form of rate limits for each client address: JSON.
pub(super) fn address_rate_limits(spec: &KindSpec, requested: &[RateLimit]) -> Result<Option<String>, Error> {
    if requested.is_empty() {
        return Ok(None);
    }
    if !spec.is_public {
        return Err(Error::invalid("address_rate_limits", "Keys of this kind have no limits per address."));
    }
    stored_rate_limits("address_rate_limits", requested)
}

fn stored_rate_limits(field: &str, requested: &[RateLimit]) -> Result<Option<String>, Error> {
    limits::rate_limits(field, requested)?;
    serde_json::to_string(requested).map(Some).map_err(|_| Error::Internal)
}

/// The stored form of allowed origins: distinct origins in their normal form, separated by spaces.
pub(super) fn allowed_origins(spec: &KindSpec, requested: &[String]) -> Result<Option<String>, Error> {
    if requested.is_empty() {
        return Ok(None);
    }
    if !spec.is_public {
        return Err(Error::invalid("allowed_origins", "Keys of this kind have no allowed origins."));
    }
    origin::allowed_origins(requested).map(|origins| Some(origins.join(" ")))
}

/// The stored form of an allow-list: distinct networks in CIDR notation, separated by spaces. A single address is a network of one.
pub(super) fn allowed_ips(spec: &KindSpec, requested: &[String]) -> Result<Option<String>, Error> {
    if requested.is_empty() {
        return Ok(None);
    }
    if !spec.has_limits {
        return unsupported("allowed_ips");
    }
    if spec.is_public {
        return Err(Error::invalid("allowed_ips", "Keys of this kind are public and can't be limited to addresses. Use limits per address."));
    }
    limits::allowed_ips(requested)?;
    let mut networks = Vec::with_capacity(requested.len());
    for (index, text) in requested.iter().enumerate() {
        let network = network(text.trim()).ok_or_else(|| limits::invalid_network(index))?;
        let network = network.to_string();
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    Ok(Some(networks.join(" ")))
}

/// Parses a network, whose host bits are cleared, or a single address. An IPv4-mapped IPv6 address becomes the IPv4 address.
fn network(text: &str) -> Option<IpNet> {
    let address = text.parse::<std::net::IpAddr>().map(|address| IpNet::from(address.to_canonical()));
    address.or_else(|_| text.parse::<IpNet>()).map(|network| network.trunc()).ok()
}

/// The credits of a new key.
pub(super) fn credits(spec: &KindSpec, request: Option<CreditsRequest>) -> Result<Option<Credits>, Error> {
    match request {
        None => Ok(None),
        Some(_) if !spec.has_limits => unsupported("credits"),
        Some(request) => limits::credits(request, None).map(Some),
    }
}

/// The change of an existing key's credits.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CreditsChange {
    /// Sets the balance, which voids reserved credits; `None` for unlimited.
    Set(Option<Credits>),
    /// Changes the refill. The balance stays, and so do reserved credits.
    Refill(CreditBalance),
}

/// The change that a patch makes to a key with these credits at `now`; `None` if it makes none.
pub(super) fn patch_credits(
    spec: &KindSpec,
    before: Option<CreditBalance>,
    patch: Option<CreditsPatch>,
    now: Timestamp,
) -> Result<Option<CreditsChange>, Error> {
    let change = match patch {
        None => return Ok(None),
        Some(_) if !spec.has_limits => return unsupported("credits"),
        Some(CreditsPatch::Unlimited) => return Ok(before.is_some().then_some(CreditsChange::Set(None))),
        Some(CreditsPatch::Set(request)) => {
            let credits = limits::credits(request, before.map(|balance| balance.credits.remaining))?;
            match before {
                Some(balance) if request.remaining.is_none() => CreditsChange::Refill(balance.with_refill(credits.refill, credits.amount, now)),
                _ => CreditsChange::Set(Some(credits)),
            }
        }
    };
    Ok(Some(change))
}

/// Stores the change of a key's credits.
pub(super) async fn store_credits(tx: &mut Tx, id: KeyId, change: CreditsChange, now: Timestamp) -> Result<(), StoreError> {
    match change {
        CreditsChange::Set(credits) => credits::set(tx, id, credits, now).await,
        CreditsChange::Refill(balance) => credits::store_balance(tx, id, &balance).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::{key_kind::KeyKind, limits::Refill};

    #[test]
    fn credits_without_a_new_balance_keep_reserved_ones() {
        let now = Timestamp(1_800_000_000_000);
        let balance = CreditBalance { credits: Credits { remaining: 7, refill: Refill::Never, amount: 0 }, refilled_at: Timestamp(0), version: 3 };
        let patch = |before, remaining| {
            let request = CreditsRequest { remaining, refill: Refill::Daily, amount: Some(9) };
            patch_credits(KeyKind::Client.spec(), before, Some(CreditsPatch::Set(request)), now)
        };
        let credits = |remaining| Credits { remaining, refill: Refill::Daily, amount: 9 };
        let refill = CreditBalance { credits: credits(7), refilled_at: Refill::Daily.period_start(now), version: 3 };
        assert_eq!(patch(Some(balance), None), Ok(Some(CreditsChange::Refill(refill))));
        assert_eq!(patch(Some(balance), Some(7)), Ok(Some(CreditsChange::Set(Some(credits(7))))));
        assert_eq!(patch(None, None), Ok(Some(CreditsChange::Set(Some(credits(9))))));
    }

    #[test]
    fn networks_have_one_spelling() {
        let client = KeyKind::Client.spec();
        let read = |texts: &[&str]| allowed_ips(client, &texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(read(&["192.0.2.7/24", " 192.0.2.0/24 "]), Ok(Some("192.0.2.0/24".to_owned())));
        assert_eq!(read(&["2001:DB8::1", "::ffff:192.0.2.1"]), Ok(Some("2001:db8::1/128 192.0.2.1/32".to_owned())));
        assert_eq!(read(&[]), Ok(None));
        for bad in ["", "192.0.2.0/33", "192.0.2", "example.com", "192.0.2.0/24,10.0.0.0/8"] {
            let error = read(&["10.0.0.0/8", bad]).unwrap_err();
            assert_eq!(error.field_error().unwrap().0, "allowed_ips[1]", "{bad}");
        }
        assert!(read(&vec!["10.0.0.0/8"; limits::ALLOWED_IPS_MAX + 1]).is_err());
        for kind in [KeyKind::Internal, KeyKind::Corpus] {
            assert!(allowed_ips(kind.spec(), &["10.0.0.0/8".to_owned()]).is_err());
            assert_eq!(allowed_ips(kind.spec(), &[]), Ok(None));
        }
    }

    #[test]
    fn only_public_keys_have_limits_per_address_and_origins() {
        let limit = [RateLimit { name: "a".to_owned(), limit: 1, duration_ms: 1000, strict: false }];
        let origins = ["https://Example.com/".to_owned(), "https://example.com:443".to_owned(), "http://localhost:1".to_owned()];
        let corpus = KeyKind::Corpus.spec();
        assert_eq!(address_rate_limits(corpus, &limit), Ok(Some(r#"[{"name":"a","limit":1,"duration_ms":1000}]"#.to_owned())));
        assert_eq!(allowed_origins(corpus, &origins), Ok(Some("https://example.com http://localhost:1".to_owned())));
        let invalid = [RateLimit { limit: 0, ..limit[0].clone() }];
        assert_eq!(address_rate_limits(corpus, &invalid).unwrap_err().field_error().unwrap().0, "address_rate_limits[0].limit");
        for kind in [KeyKind::Client, KeyKind::Agent] {
            assert_eq!(address_rate_limits(kind.spec(), &limit).unwrap_err().field_error().unwrap().0, "address_rate_limits");
            assert_eq!(allowed_origins(kind.spec(), &origins).unwrap_err().field_error().unwrap().0, "allowed_origins");
            assert_eq!((address_rate_limits(kind.spec(), &[]), allowed_origins(kind.spec(), &[])), (Ok(None), Ok(None)));
        }
    }
}
