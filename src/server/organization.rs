//! The rules for what an organization decides for itself.

use iso_currency::{Currency, IntoEnumIterator};

use super::{actor::Actor, audit::Event, members, state::AppState, store};
use crate::model::{fault::Fault, organization::OrganizationSettings, permission::Permission, text};

/// The currencies that people pay in, by code: that and the name. No funds, no metals, none that another has replaced.
fn currencies() -> Vec<(String, String)> {
    let in_use = |currency: &Currency| !currency.is_fund() && !currency.is_special() && currency.is_superseded().is_none();
    let mut all: Vec<_> = Currency::iter().filter(in_use).map(|currency| (currency.code().to_owned(), currency.name().to_owned())).collect();
    all.sort();
    all
}

/// An organization's own settings. Needs *Manage Organization*.
///
/// # Errors
/// `Forbidden`, `Unavailable`.
pub async fn get(state: &AppState, actor: &Actor) -> Result<OrganizationSettings, Fault> {
    actor.require(Permission::ManageOrganization)?;
    let (name, currency) = store::organizations::settings(&mut *state.store.read()?.acquire().await?, actor.organization).await?;
    Ok(OrganizationSettings { name, currency, currencies: currencies() })
}

/// Changes an organization's name and currency. Amounts that were counted are not converted. Needs *Manage Organization*.
///
/// # Errors
/// `Invalid` or `Conflict` at `name`; `Invalid` at `currency`; `Forbidden`, `Unavailable`.
pub async fn edit(state: &AppState, actor: &Actor, name: &str, currency: &str) -> Result<(), Fault> {
    actor.require(Permission::ManageOrganization)?;
    let name = text::name("name", name)?;
    let known = currencies().into_iter().find(|(code, _)| code == currency);
    let (currency, _) = known.ok_or_else(|| Fault::invalid("currency", "Choose a currency."))?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let actor = members::as_they_stand(tx, &actor, Permission::ManageOrganization).await?;
                let (name_before, currency_before) = store::organizations::settings(tx, actor.organization).await?;
                if name == name_before && currency == currency_before {
                    return Ok(());
                }
                let taken = |error: store::Error| error.or_conflict("name", "Another organization has this name already.");
                store::organizations::update(tx, actor.organization, &name, &currency).await.map_err(taken)?;
                let event = Event::new(&actor, "organization.edited", "organization", actor.organization, &name)
                    .with("name_before", name_before)
                    .with("currency_before", currency_before)
                    .with("currency", currency);
                Ok(auditor.record(tx, event).await?)
            })
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_chosen_is_money_in_use() {
        let all = currencies();
        let codes: Vec<_> = all.iter().map(|(code, _)| code.as_str()).collect();
        assert!(["USD", "EUR", "JPY", "CHF", "KWD"].iter().all(|code| codes.contains(code)));
        assert!(["XXX", "XTS", "XAU", "BOV", "usd"].iter().all(|code| !codes.contains(code)), "{codes:?}");
        assert!(codes.is_sorted());
    }
}
