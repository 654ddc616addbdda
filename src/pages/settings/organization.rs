//! `/settings/organization`

use leptos::prelude::*;

use super::{ORGANIZATION, SettingsPage, when_read};
use crate::{
    api::organization::{edit_organization, organization},
    model::{fault::Fault, organization::OrganizationSettings, text},
    ui::{
        browser,
        button::SubmitButton,
        field::Field,
        form::{Form, FormView},
        icon::{Glyph, Icon},
        select::{Choice, SelectField},
    },
};

type SettingsRead = OnceResource<Result<OrganizationSettings, Fault>>;

/// What the organization is called, and its currency.
#[component]
pub fn OrganizationPage() -> impl IntoView {
    // Made here: what stands in the page waits, and is made more than once on the server.
    provide_context(SettingsRead::new(organization()));
    let content = |_| when_read(expect_context::<SettingsRead>(), |settings| view! { <Settings settings/> }.into_any());
    view! { <SettingsPage tab=&ORGANIZATION content/> }
}

#[component]
fn Settings(settings: OrganizationSettings) -> impl IntoView {
    let form = Form::new();
    let OrganizationSettings { name, currency, currencies } = settings;

    // Data
    let chosen = RwSignal::new(currency.clone());
    let before = currency.clone();
    let differs = Memo::new(move |_| chosen.with(|chosen| *chosen != before));

    // Actions
    let submit = move |()| {
        let fields = (form.check("name", text::name), form.check("currency", |_, code| Ok::<_, Fault>(code.to_owned())));
        let call = match fields {
            (Some(name), Some(currency)) => Some(edit_organization(name, currency)),
            _ => None,
        };
        // The name also stands in the bar, and amounts anywhere.
        form.send(call, |()| browser::go_and_say(ORGANIZATION.path, "Saved."));
    };

    // View
    let options: Vec<Choice> = currencies.into_iter().map(|(code, name)| (code.clone(), format!("{code} – {name}"))).collect();
    view! {
        <p class="settings-lead">"What people see of your organization, and in which currency the requests of project keys are priced."</p>
        <div class="settings-form">
            <FormView form on_submit=submit>
                <Field form name="name" label="Name" value=name/>
                <SelectField form name="currency" label="Currency" options value=currency hint="Of every price and every total in your projects."
                    on_change=move |code| chosen.set(code)/>
                {move || differs.get().then(|| view! {
                    <p class="caution" role="status">
                        <Icon glyph=Glyph::Warning/>
                        "Prices and amounts so far keep their numbers and are not converted: 5 of the old currency will read as 5 of the new one."
                    </p>
                })}
                <p class="settings-save"><SubmitButton label="Save" pending=form.pending()/></p>
            </FormView>
        </div>
    }
}
