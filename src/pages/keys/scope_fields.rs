//! The scopes of a key. The kind decides which ones exist.

use std::{cmp::Reverse, collections::BTreeMap};

use leptos::prelude::*;

use super::corpora_field::CorporaField;
use latchkey_types::{
    account::Viewer,
    error::Error,
    key::KeyRow,
    key_kind::{CORPUS_ACCESS, KindSpec, ScopeRule},
    permission::{Permission, Scope},
    validate,
};
use latchkey_ui::{
    form::Form,
    icon::{Glyph, Icon},
    radio::RadioGroup,
    select::SelectField,
    token_field::{self, TokenField, words},
};

/// The value of the option that shows a field for each resource.
const CUSTOM: &str = "custom";

/// A resource of Latchkey's own API.
struct Resource {
    /// Name of its field.
    field: &'static str,
    label: &'static str,
    /// Levels of access: scopes and their label.
    levels: &'static [(&'static str, &'static str)],
}

const RESOURCES: &[Resource] = &[
    Resource { field: "scopes.keys", label: "Keys", levels: &[("", "None"), ("keys:read", "Read"), ("keys:read keys:write", "Read and write")] },
    Resource {
        field: "scopes.credentials",
        label: "Credentials",
        levels: &[("", "None"), ("credentials:read", "Read, without secrets"), ("credentials:read credentials:write", "Read and write")],
    },
    Resource {
        field: "scopes.projects",
        label: "Samples",
        levels: &[("", "None"), ("projects:read", "Read"), ("projects:read projects:write", "Read and import")],
    },
    Resource { field: "scopes.secrets", label: "Project secrets", levels: &[("", "None"), ("secrets:read", "Read in plain text")] },
    Resource {
        field: "scopes.gateway",
        label: "Services and models",
        levels: &[("", "None"), ("gateway:read", "Read"), ("gateway:read gateway:write", "Read and write")],
    },
    Resource { field: "scopes.usage", label: "Usage of models", levels: &[("", "None"), ("usage:read", "Read")] },
    Resource { field: "scopes.bodies", label: "Bodies of calls", levels: &[("", "None"), ("bodies:read", "Read in plain text")] },
    Resource { field: "scopes.verify", label: "Verification", levels: &[("", "None"), ("verify", "Verify keys")] },
];

/// Sets of scopes that are needed often: label, what they permit, and the scopes.
const PRESETS: [(&str, &str, &[Scope]); 3] = [
    ("Full access", "Everything your role permits.", Scope::ALL),
    ("Read only", "View keys, credentials and services. Secrets stay hidden.", &[Scope::KeysRead, Scope::CredentialsRead, Scope::GatewayRead]),
    ("Verify only", "Check the keys of your callers, nothing else.", &[Scope::Verify]),
];

/// Reads and validates the scopes. Empty if the kind has none.
pub(super) fn check_scopes(form: Form, rule: ScopeRule) -> Option<Vec<String>> {
    let owned = |scopes: &str| words(scopes).map(str::to_owned).collect::<Vec<_>>();
    match rule {
        ScopeRule::None => Some(Vec::new()),
        ScopeRule::Api => {
            let preset = form.checked_values("scopes").concat();
            let chosen =
                if preset == CUSTOM { RESOURCES.iter().map(|resource| form.value(resource.field)).collect::<Vec<_>>().join(" ") } else { preset };
            let scopes = owned(&chosen);
            form.record(if scopes.is_empty() { Err(Error::invalid("scopes", "Select at least one scope.")) } else { Ok(scopes) })
        }
        ScopeRule::Custom => {
            let typed = token_field::values(form, "scopes");
            form.record(validate::custom_scopes("scopes", &typed).map(|scopes| scopes.into_iter().map(str::to_owned).collect()))
        }
        ScopeRule::Corpora => Some(owned(&form.value("scopes"))),
    }
}

/// The customer's own scopes of these keys, those of most keys first.
pub(super) fn scopes_in_use(spec: &KindSpec, keys: &[KeyRow]) -> Vec<String> {
    if spec.scope_rule == ScopeRule::Custom { most_used_first(keys.iter().flat_map(|key| &key.scopes).map(String::as_str)) } else { Vec::new() }
}

fn most_used_first<'a>(scopes: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut counts = BTreeMap::<&str, usize>::new();
    for scope in scopes {
        *counts.entry(scope).or_default() += 1;
    }
    let mut scopes: Vec<_> = counts.into_iter().collect();
    // Stable, so that scopes with the same number stay in alphabetical order.
    scopes.sort_by_key(|(_, count)| Reverse(*count));
    scopes.into_iter().map(|(scope, _)| scope.to_owned()).collect()
}

/// The fields for a kind's scopes.
#[component]
pub(super) fn ScopeFields(
    form: Form,
    rule: ScopeRule,
    /// The current user.
    viewer: Viewer,
    /// The current scopes.
    scopes: Vec<String>,
    /// The scopes that are suggested.
    scopes_in_use: Vec<String>,
) -> AnyView {
    match rule {
        ScopeRule::None => ().into_any(),
        ScopeRule::Api => view! { <ApiScopes form viewer/> }.into_any(),
        ScopeRule::Custom => view! {
            <TokenField form name="scopes" label="Scopes" value=scopes optional=true is_valid=validate::is_custom_scope suggestions=scopes_in_use
                hint="What this key may do in your API, in your own words, e.g. orders:read"/>
        }
        .into_any(),
        ScopeRule::Corpora => view! { <CorpusAccess form viewer/> }.into_any(),
    }
}

/// The scopes of Latchkey's own API: presets, or an access level for each resource.
#[component]
fn ApiScopes(form: Form, viewer: Viewer) -> impl IntoView {
    let grantable: Vec<Scope> = Scope::ALL.iter().copied().filter(|scope| scope.needs().iter().any(|permission| viewer.can(*permission))).collect();
    let (mut options, mut details) = (Vec::new(), Vec::new());
    for (label, detail, scopes) in PRESETS {
        let names: Vec<_> = scopes.iter().filter(|scope| grantable.contains(scope)).map(|scope| scope.as_str()).collect();
        if !names.is_empty() {
            options.push((names.join(" "), label.to_owned()));
            details.push(detail.to_owned());
        }
    }
    options.push((CUSTOM.to_owned(), "Custom".to_owned()));
    details.push("Choose the access to each resource.".to_owned());
    let chosen = RwSignal::new(options[0].0.clone());
    let resources = StoredValue::new(grantable);
    let fields = move || resources.with_value(|grantable| RESOURCES.iter().map(|resource| resource_field(form, resource, grantable)).collect_view());
    view! {
        <RadioGroup form name="scopes" label="Scopes" options details chosen/>
        {move || (chosen.get() == CUSTOM).then(|| view! { <div class="access-levels">{fields()}</div> })}
    }
}

/// The access levels of a resource that can be granted. `None` if there are none.
fn resource_field(form: Form, resource: &Resource, grantable: &[Scope]) -> Option<AnyView> {
    let can_grant = |scopes: &str| words(scopes).all(|name| grantable.iter().any(|scope| scope.as_str() == name));
    let levels = resource.levels.iter().filter(|level| can_grant(level.0));
    let options: Vec<_> = levels.map(|(scopes, label)| ((*scopes).to_owned(), (*label).to_owned())).collect();
    (options.len() > 1).then(|| view! { <SelectField form name=resource.field label=resource.label options/> }.into_any())
}

/// The access to corpora, and which ones.
#[component]
fn CorpusAccess(form: Form, viewer: Viewer) -> impl IntoView {
    let options: Vec<_> = CORPUS_ACCESS.iter().map(|(scopes, label)| (scopes.join(" "), (*label).to_owned())).collect();
    let chosen = RwSignal::new(options[0].0.clone());
    let note = move || String::from(if words(&chosen.get()).any(|scope| scope == "index") { "Search and add documents" } else { "Search only" });
    view! {
        <SelectField form name="scopes" label="API access" options note=Signal::derive(note) on_change=move |scopes: String| chosen.set(scopes)/>
        <CorporaField form can_create=viewer.can(Permission::ManageCorpora)/>
        <p class="caution">
            <Icon glyph=Glyph::Warning/>
            "Anyone with this key can call on your account’s behalf. The account owner pays for anonymous usage. \
            Keep it private: don’t share it in e-mail, Slack, Discord, forums or other public channels."
        </p>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_of_most_keys_are_suggested_first() {
        let scopes = ["orders:write", "orders:read", "refunds", "orders:read", "refunds", "orders:read"];
        assert_eq!(most_used_first(scopes.into_iter()), ["orders:read", "refunds", "orders:write"]);
        assert!(most_used_first([].into_iter()).is_empty());
    }

    #[test]
    fn levels_contain_every_scope_and_no_other() {
        let levels = || RESOURCES.iter().flat_map(|resource| resource.levels).flat_map(|(scopes, _)| words(scopes));
        assert!(levels().all(|name| name.parse::<Scope>().is_ok()));
        assert!(Scope::ALL.iter().all(|scope| levels().any(|name| name == scope.as_str())));
        assert!(RESOURCES.iter().all(|resource| resource.levels[0].0.is_empty()));
    }
}
