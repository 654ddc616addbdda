//! `/settings/organization`

use leptos::prelude::*;

use super::{SettingsPage, loaded_view};
use crate::api::organization::{edit_organization, organization};
use crate::routes;
use latchkey_types::{error::Error, organization::OrganizationSettings, validate};
use latchkey_ui::{
    browser,
    button::SubmitButton,
    field::Field,
    form::{Form, FormView},
    icon::{Glyph, Icon},
    select::{Choice, SelectField},
};

type SettingsResource = OnceResource<Result<OrganizationSettings, Error>>;

#[component]
pub fn OrganizationPage() -> impl IntoView {
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    provide_context(SettingsResource::new(organization()));
    let content = |_| loaded_view(expect_context::<SettingsResource>(), |settings| view! { <Settings settings/> });
    view! { <SettingsPage page=&routes::ORGANIZATION content/> }
}

#[component]
fn Settings(settings: OrganizationSettings) -> impl IntoView {
    let form = Form::new();
    let OrganizationSettings { name, currency, currencies } = settings;

    // Data
    let selected = RwSignal::new(currency.clone());
    let stored = currency.clone();
    let differs = Memo::new(move |_| selected.with(|selected| *selected != stored));

    // Actions
    let submit = move |()| {
        let fields = (form.check("name", validate::name), form.check("currency", |_, code| Ok::<_, Error>(code.to_owned())));
        let request = match fields {
            (Some(name), Some(currency)) => Some(edit_organization(name, currency)),
            _ => None,
        };
        // A full page load: the header shows the name, and many pages show amounts.
        form.send(request, |()| browser::go_with_message(routes::ORGANIZATION.path, "Changes saved"));
    };

    // View
    let options: Vec<Choice> = currencies.into_iter().map(|(code, name)| (code.clone(), format!("{code} – {name}"))).collect();
    view! {
        <p class="settings-lead">"Your organization’s name, and the currency for project key prices."</p>
        <div class="settings-form">
            <FormView form on_submit=submit>
                <Field form name="name" label="Name" value=name/>
                <SelectField form name="currency" label="Currency" options value=currency hint="Used for prices and totals in all projects."
                    on_change=move |code| selected.set(code)/>
                {move || differs.get().then(|| view! {
                    <p class="caution" role="status">
                        <Icon glyph=Glyph::Warning/>
                        "Existing amounts aren’t converted, e.g. 5.00 USD becomes 5.00 EUR."
                    </p>
                })}
                <p class="settings-save"><SubmitButton label="Save" pending=form.pending()/></p>
            </FormView>
        </div>
    }
}
