//! `/settings/organization`

pub(super) mod budget_dialog;
mod call_log;
mod general;
mod models;

use leptos::prelude::*;

use super::{SettingsPage, loaded_view};
use crate::{
    api::organization::{organization, read_organization_budgets},
    routes,
};
use general::{CustomerId, General};
use latchkey_types::{
    account::Viewer,
    error::Error,
    organization::{OrganizationBudgets, OrganizationSettings},
};
use latchkey_ui::page::PageLead;
use models::LanguageModels;

type SettingsResource = OnceResource<Result<OrganizationSettings, Error>>;
type BudgetsResource = OnceResource<Result<OrganizationBudgets, Error>>;

#[component]
pub fn OrganizationPage() -> impl IntoView {
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    provide_context(SettingsResource::new(organization()));
    provide_context(BudgetsResource::new(read_organization_budgets()));
    let content = |viewer: Viewer| {
        view! {
            <PageLead text="Your organization’s name, its currency, what it may spend on language models, and the ID that callers of corpora send."/>
            {loaded_view(expect_context::<SettingsResource>(), |settings| view! { <General settings/> })}
            {loaded_view(expect_context::<BudgetsResource>(), |first| view! { <LanguageModels first/> })}
            <CustomerId id=viewer.customer_id/>
        }
        .into_any()
    };
    view! { <SettingsPage page=&routes::ORGANIZATION content/> }
}
