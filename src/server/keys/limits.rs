//! Limits of a key: validated against the specification of its kind, and read from the store.

use ipnet::IpNet;

use crate::{
    model::{
        fault::Fault,
        key::{ItemId, KeyRow},
        limits::{self, ALLOWED_IPS_MAX, Credits, EditedCredits, Limits, RateLimit, WantedCredits},
        policy::Policy,
        time::Timestamp,
    },
    server::{
        state::AppState,
        store::keys::{KeyRecord, LimitColumns, credits::Account},
    },
};

fn unsupported<T>(field: &str) -> Result<T, Fault> {
    Err(Fault::invalid(field, "Keys of this kind have no limits."))
}

/// The stored form of rate limits: JSON.
pub fn rate_limits(policy: &Policy, requested: &[RateLimit]) -> Result<Option<String>, Fault> {
    if requested.is_empty() {
        return Ok(None);
    }
    if !policy.limited {
        return unsupported("rate_limits");
    }
    limits::rate_limits(requested)?;
    serde_json::to_string(requested).map(Some).map_err(|_| Fault::Internal)
}

/// The stored form of an allow-list: distinct networks in CIDR notation, separated by spaces. A single address is a network of one.
pub fn allowed_ips(policy: &Policy, requested: &[String]) -> Result<Option<String>, Fault> {
    if requested.is_empty() {
        return Ok(None);
    }
    if !policy.limited {
        return unsupported("allowed_ips");
    }
    if requested.len() > ALLOWED_IPS_MAX {
        return Err(Fault::invalid("allowed_ips", format!("Use at most {ALLOWED_IPS_MAX} networks.")));
    }
    let mut networks = Vec::with_capacity(requested.len());
    for (index, text) in requested.iter().enumerate() {
        let network = network(text.trim()).ok_or_else(|| {
            Fault::invalid(&format!("allowed_ips[{index}]"), "Must be a network, e.g. 192.0.2.0/24 or 2001:db8::/32, or an address.")
        })?;
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
pub fn credits(policy: &Policy, request: Option<WantedCredits>) -> Result<Option<Credits>, Fault> {
    match request {
        None => Ok(None),
        Some(_) if !policy.limited => unsupported("credits"),
        Some(request) => limits::credits(request, None).map(Some),
    }
}

/// The new credits of an existing key. The outer `None` means unchanged, the inner one unlimited.
#[expect(clippy::option_option, reason = "unlimited credits are not the same as unchanged credits")]
pub fn edited_credits(policy: &Policy, before: Option<Account>, patch: Option<EditedCredits>) -> Result<Option<Option<Credits>>, Fault> {
    match patch {
        None => Ok(None),
        Some(_) if !policy.limited => unsupported("credits"),
        Some(EditedCredits::Unlimited) => Ok(before.is_some().then_some(None)),
        Some(EditedCredits::Set(request)) => limits::credits(request, before.map(|account| account.credits.remaining)).map(Some).map(Some),
    }
}

impl LimitColumns {
    /// `None` if the stored value cannot be read.
    pub fn rate_limits(&self) -> Option<Vec<RateLimit>> {
        self.rate_limits.as_deref().map_or(Some(Vec::new()), |json| serde_json::from_str(json).ok())
    }

    /// The allowed networks; `None` if the stored value cannot be read.
    pub fn networks(&self) -> Option<Vec<IpNet>> {
        self.allowed_ips.as_deref().unwrap_or_default().split_whitespace().map(|network| network.parse().ok()).collect()
    }
}

/// A key's row. Credits that this instance has reserved but not spent count as remaining.
pub fn row(state: &AppState, record: &KeyRecord) -> Result<KeyRow, Fault> {
    let mut row = record.row()?;
    if let (Some(credits), Some(account), ItemId::Key(id)) = (&mut row.limits.credits, record.limits.account(), row.id) {
        credits.remaining += state.verifier.reserved(id, &account.at(Timestamp::now()));
    }
    Ok(row)
}

impl KeyRecord {
    /// The limits as stored: credits that instances have reserved count as spent.
    pub fn limits(&self) -> Result<Limits, Fault> {
        Ok(Limits {
            rate_limits: self.limits.rate_limits().ok_or_else(|| self.unreadable())?,
            credits: self.limits.account().map(|account| account.at(Timestamp::now()).credits),
            allowed_ips: self.limits.allowed_ips.as_deref().unwrap_or_default().split_whitespace().map(ToOwned::to_owned).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::policy::KeyKind;

    #[test]
    fn networks_have_one_spelling() {
        let client = KeyKind::Client.policy();
        let read = |texts: &[&str]| allowed_ips(client, &texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(read(&["192.0.2.7/24", " 192.0.2.0/24 "]), Ok(Some("192.0.2.0/24".to_owned())));
        assert_eq!(read(&["2001:DB8::1", "::ffff:192.0.2.1"]), Ok(Some("2001:db8::1/128 192.0.2.1/32".to_owned())));
        assert_eq!(read(&[]), Ok(None));
        for bad in ["", "192.0.2.0/33", "192.0.2", "example.com", "192.0.2.0/24,10.0.0.0/8"] {
            let fault = read(&["10.0.0.0/8", bad]).unwrap_err();
            assert_eq!(fault.about_field().unwrap().0, "allowed_ips[1]", "{bad}");
        }
        assert!(read(&vec!["10.0.0.0/8"; ALLOWED_IPS_MAX + 1]).is_err());
        assert!(allowed_ips(KeyKind::Agent.policy(), &["10.0.0.0/8".to_owned()]).is_err());
    }
}
