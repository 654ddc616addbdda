//! Settings of the organization.

use leptos::prelude::*;

use latchkey_types::{codec::Json, error::Error, organization::OrganizationSettings};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::organization as rules;

/// Returns the organization's settings. Needs *Manage Organization*.
#[server(prefix = "/fn", endpoint = "organization/get", input = Json, output = Json)]
pub async fn organization() -> Result<OrganizationSettings, Error> {
    request_context::answer(async |call: RequestContext| rules::get(&call.state, &call.actor()?).await).await
}

/// Changes the organization's name and currency. Needs *Manage Organization*.
#[server(prefix = "/fn", endpoint = "organization/edit", input = Json, output = Json)]
pub async fn edit_organization(name: String, currency: String) -> Result<(), Error> {
    request_context::answer(async move |call: RequestContext| rules::edit(&call.state, &call.actor()?, &name, &currency).await).await
}
