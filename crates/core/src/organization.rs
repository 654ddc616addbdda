//! Settings of an organization.

use iso_currency::{Currency, IntoEnumIterator};

use super::{Core, actor::Actor};
use latchkey_store as store;
use latchkey_types::{error::Error, organization::OrganizationSettings, permission::Permission, validate};

/// Code and name of the currencies in use, without funds, metals and superseded currencies.
fn currencies() -> Vec<(String, String)> {
    let in_use = |currency: &Currency| !currency.is_fund() && !currency.is_special() && currency.is_superseded().is_none();
    let mut all: Vec<_> = Currency::iter().filter(in_use).map(|currency| (currency.code().to_owned(), currency.name().to_owned())).collect();
    all.sort();
    all
}

/// The organization's settings. Needs *Manage Organization*.
pub async fn get(core: &Core, actor: &Actor) -> Result<OrganizationSettings, Error> {
    actor.require(Permission::ManageOrganization)?;
    let (name, currency) = store::organizations::settings(&mut *core.store.connection().await?, actor.organization).await?;
    Ok(OrganizationSettings { name, currency, currencies: currencies() })
}

/// Changes the organization's name and currency. Recorded amounts are not converted. Needs *Manage Organization*.
///
/// # Errors
/// `Invalid` or `Conflict` at `name`; `Invalid` at `currency`; `Forbidden`, `Unavailable`.
pub async fn edit(core: &Core, actor: &Actor, name: &str, currency: &str) -> Result<(), Error> {
    actor.require(Permission::ManageOrganization)?;
    let name = validate::name("name", name)?;
    let found = currencies().into_iter().find(|(code, _)| code == currency);
    let (currency, _) = found.ok_or_else(|| Error::invalid("currency", "Choose a currency."))?;
    let mut change = core.begin(actor, &[Permission::ManageOrganization]).await?;
    let id = change.actor.organization;
    let (name_before, currency_before) = store::organizations::settings(&mut change.tx, id).await?;
    if name == name_before && currency == currency_before {
        return Ok(());
    }
    let taken = |error: store::StoreError| error.or_conflict("name", "Another organization already has this name.");
    store::organizations::update(&mut change.tx, id, &name, &currency).await.map_err(taken)?;
    let event = change
        .event("organization.edited", "organization", id, &name)
        .with("name_before", name_before)
        .with("currency_before", currency_before)
        .with("currency", currency);
    change.commit([event]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_currencies_in_use_are_offered() {
        let all = currencies();
        let codes: Vec<_> = all.iter().map(|(code, _)| code.as_str()).collect();
        assert!(["USD", "EUR", "JPY", "CHF", "KWD"].iter().all(|code| codes.contains(code)));
        assert!(["XXX", "XTS", "XAU", "BOV", "usd"].iter().all(|code| !codes.contains(code)), "{codes:?}");
        assert!(codes.is_sorted());
    }
}
