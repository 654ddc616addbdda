//! What limits a key: checked against the policy of its kind, and read from the store.

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

fn none_of_that_kind<T>(field: &str) -> Result<T, Fault> {
    Err(Fault::invalid(field, "Keys of this kind have no limits."))
}

/// The stored form of rate limits.
///
/// # Errors
/// `Invalid` at `rate_limits`, or within it.
pub fn rate_limits(policy: &Policy, wanted: &[RateLimit]) -> Result<Option<String>, Fault> {
    if wanted.is_empty() {
        return Ok(None);
    }
    if !policy.limited {
        return none_of_that_kind("rate_limits");
    }
    limits::rate_limits(wanted)?;
    serde_json::to_string(wanted).map(Some).map_err(|_| Fault::Internal)
}

/// The stored form of an allow-list: each network once, as it is written in CIDR notation. An address alone is a network of one.
///
/// # Errors
/// `Invalid` at `allowed_ips`.
pub fn allowed_ips(policy: &Policy, wanted: &[String]) -> Result<Option<String>, Fault> {
    if wanted.is_empty() {
        return Ok(None);
    }
    if !policy.limited {
        return none_of_that_kind("allowed_ips");
    }
    if wanted.len() > ALLOWED_IPS_MAX {
        return Err(Fault::invalid("allowed_ips", format!("Use at most {ALLOWED_IPS_MAX} networks.")));
    }
    let mut networks = Vec::with_capacity(wanted.len());
    for (at, text) in wanted.iter().enumerate() {
        let network = network(text.trim()).ok_or_else(|| {
            Fault::invalid(&format!("allowed_ips[{at}]"), "This must be a network such as 192.0.2.0/24 or 2001:db8::/32, or an address.")
        })?;
        let network = network.to_string();
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    Ok(Some(networks.join(" ")))
}

/// A network without what stands behind its length, or a single address; an IPv4 address in IPv6's clothes is the IPv4 address.
fn network(text: &str) -> Option<IpNet> {
    let address = text.parse::<std::net::IpAddr>().map(|address| IpNet::from(address.to_canonical()));
    address.or_else(|_| text.parse::<IpNet>()).map(|network| network.trunc()).ok()
}

/// The credits of a new key.
///
/// # Errors
/// `Invalid` at `credits`, or within it.
pub fn credits(policy: &Policy, wanted: Option<WantedCredits>) -> Result<Option<Credits>, Fault> {
    match wanted {
        None => Ok(None),
        Some(_) if !policy.limited => none_of_that_kind("credits"),
        Some(wanted) => limits::credits(wanted, None).map(Some),
    }
}

/// What becomes of a key's credits; the outer `None` where nothing does.
///
/// # Errors
/// `Invalid` at `credits`, or within it.
#[expect(clippy::option_option, reason = "credits without end are not the same as credits that stay as they are")]
pub fn edited_credits(policy: &Policy, before: Option<Account>, edited: Option<EditedCredits>) -> Result<Option<Option<Credits>>, Fault> {
    match edited {
        None => Ok(None),
        Some(_) if !policy.limited => none_of_that_kind("credits"),
        Some(EditedCredits::Unlimited) => Ok(before.is_some().then_some(None)),
        Some(EditedCredits::Set(wanted)) => limits::credits(wanted, before.map(|account| account.credits.remaining)).map(Some).map(Some),
    }
}

impl LimitColumns {
    /// How often the key may be used; `None` when what is stored can't be read.
    pub fn rate_limits(&self) -> Option<Vec<RateLimit>> {
        self.rate_limits.as_deref().map_or(Some(Vec::new()), |json| serde_json::from_str(json).ok())
    }

    /// From which networks; `None` when what is stored can't be read.
    pub fn networks(&self) -> Option<Vec<IpNet>> {
        self.allowed_ips.as_deref().unwrap_or_default().split_whitespace().map(|network| network.parse().ok()).collect()
    }
}

/// A key's row, with what this server has reserved of its credits and not spent.
///
/// # Errors
/// `Internal` when what is stored can't be read.
pub fn row(state: &AppState, record: &KeyRecord) -> Result<KeyRow, Fault> {
    let mut row = record.row()?;
    if let (Some(credits), Some(account), ItemId::Key(id)) = (&mut row.limits.credits, record.limits.account(), row.id) {
        credits.remaining += state.verifier.reserved(id, &account.at(Timestamp::now()));
    }
    Ok(row)
}

impl KeyRecord {
    /// What limits it. What servers have reserved of its credits counts as spent.
    ///
    /// # Errors
    /// `Internal` when what is stored can't be read.
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
