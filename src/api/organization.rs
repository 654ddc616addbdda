//! Settings of the organization.

use leptos::prelude::*;

use crate::model::{fault::Fault, organization::OrganizationSettings, wire::Json};

#[cfg(feature = "ssr")]
use super::context::{self, Call};
#[cfg(feature = "ssr")]
use crate::server::organization as rules;

/// Returns the organization's settings. Needs *Manage Organization*.
#[server(prefix = "/fn", endpoint = "organization/get", input = Json, output = Json)]
pub async fn organization() -> Result<OrganizationSettings, Fault> {
    context::answer(async |call: Call| rules::get(&call.state, &call.actor()?).await).await
}

/// Changes the organization's name and currency. Needs *Manage Organization*.
#[server(prefix = "/fn", endpoint = "organization/edit", input = Json, output = Json)]
pub async fn edit_organization(name: String, currency: String) -> Result<(), Fault> {
    context::answer(async move |call: Call| rules::edit(&call.state, &call.actor()?, &name, &currency).await).await
}
