//! Name, currency and number of the organization.

use leptos::{html, prelude::*};

use crate::{api::organization::edit_organization, routes};
use latchkey_types::{error::Error, organization::OrganizationSettings, validate};
use latchkey_ui::{
    browser,
    button::SubmitButton,
    copy::CopyButton,
    field::Field,
    form::{Form, FormView},
    hydration::is_hydrated,
    icon::{Glyph, Icon},
    select::{Choice, SelectField},
};

#[component]
pub(super) fn General(settings: OrganizationSettings) -> impl IntoView {
    let form = Form::new();
    let OrganizationSettings { name, currency, currencies } = settings;

    // Data
    let (typed, selected) = (RwSignal::new(name.clone()), RwSignal::new(currency.clone()));
    let (stored_name, stored_currency) = (name.clone(), currency.clone());
    let is_other_currency = Memo::new(move |_| selected.with(|selected| *selected != stored_currency));
    let is_changed = Memo::new(move |_| is_other_currency.get() || typed.with(|typed| typed.trim() != stored_name));
    // What was typed before the page was hydrated.
    let hydrated = is_hydrated();
    Effect::new(move || {
        if hydrated.get() {
            typed.set(form.value("name"));
            selected.set(form.value("currency"));
        }
    });

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
        <FormView form on_submit=submit>
            <div class="settings-card">
                <h2>"General"</h2>
                <Field form name="name" label="Name" value=name on_input=move |name: String| typed.set(name)/>
                <SelectField form name="currency" label="Currency" options value=currency hint="Used for prices and totals in all projects."
                    on_change=move |code: String| selected.set(code)/>
                {move || is_other_currency.get().then(|| view! {
                    <p class="caution" role="status">
                        <Icon glyph=Glyph::Warning/>
                        "Existing amounts aren’t converted, e.g. 5.00 USD becomes 5.00 EUR."
                    </p>
                })}
                <p class="settings-save">
                    <SubmitButton label="Save" pending=form.pending() disabled=Signal::derive(move || !is_changed.get())/>
                </p>
            </div>
        </FormView>
    }
}

/// The number that identifies the organization in requests with corpus keys.
#[component]
pub(super) fn CustomerId(id: i64) -> impl IntoView {
    let shown_in = NodeRef::<html::Code>::new();
    view! {
        <div class="settings-card">
            <h2>"Customer ID"</h2>
            <p class="field-hint">"Sent with corpus keys in the header customer-id. It never changes."</p>
            <p class="settings-copy">
                <code node_ref=shown_in>{id}</code>
                <CopyButton text=id.to_string() shown_in/>
            </p>
        </div>
    }
}
