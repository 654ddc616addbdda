//! The fields of a key of ours. Which ones there are follows from the policy table.

use js_sys::{Array, JSON, Object};
use leptos::{prelude::*, task::spawn_local};

use super::{
    ends::{EndsFields, Lasting, check_ends},
    limits::{self, FilledLimits, LimitFields},
    tabs::KeyTab,
};
use crate::{
    api::corpora::corpora,
    model::{
        account::Viewer,
        fault::Fault,
        key::{CorpusRow, Ends, KeyRow},
        limits::Limits,
        permission::{Permission, Scope},
        policy::{CORPUS_ACCESS, Expiry, Scoping},
        text,
    },
    pages::settings,
    ui::{
        check::{CheckGroup, Tick},
        field::{Field, TextArea},
        form::Form,
        icon::{Glyph, Icon},
        message::Alert,
        select::SelectField,
    },
};

/// The most bytes of metadata.
const METADATA_MAX: usize = 4096;
/// What was filled in.
pub struct Filled {
    /// The name.
    pub name: String,
    /// How long it is to last.
    pub lasting: Lasting,
    /// What it may be used for, where its kind has that.
    pub scopes: Option<Vec<String>>,
    /// Which corpora it opens.
    pub corpora: Vec<i64>,
    /// Whose it is, where its kind has that.
    pub external_id: Option<String>,
    /// What is noted of it, where its kind has that.
    pub metadata: Option<String>,
    /// What limits it; nothing, where its kind has that not.
    pub limits: FilledLimits,
}

/// Checks every field, so that all that is wrong is said at once. `before` is what limits the key already.
pub fn check(form: Form, tab: &KeyTab, before: &Limits) -> Option<Filled> {
    let policy = tab.policy();
    let name = form.check("name", text::name);
    let lasting = match policy.expiry {
        Expiry::Chosen | Expiry::ChosenOrNever => check_ends(form),
        Expiry::Never | Expiry::Days(_) => Some(Lasting::Until(Ends::Usual)),
    };
    let scopes = match policy.scoping {
        Scoping::None => Some(None),
        Scoping::Api => form.check_ticked("scopes", some_scopes).map(Some),
        Scoping::Words => form.check("scopes", |_, typed| Ok(Some(words(typed)))),
        Scoping::Corpora => form.check("scopes", |_, chosen| Ok(Some(words(chosen)))),
    };
    let corpora = if policy.scoping == Scoping::Corpora { form.check_ticked("corpora", some_corpora) } else { Some(Vec::new()) };
    let external_id = policy.annotated.then(|| form.value("external_id"));
    let metadata = if policy.annotated { form.check("metadata", flat_json).map(Some) } else { Some(None) };
    let limits = if policy.limited { limits::check(form, before) } else { Some(FilledLimits::default()) };
    Some(Filled { name: name?, lasting: lasting?, scopes: scopes?, corpora: corpora?, external_id, metadata: metadata?, limits: limits? })
}

fn some_scopes(field: &str, ticked: Vec<String>) -> Result<Vec<String>, Fault> {
    if ticked.is_empty() { Err(Fault::invalid(field, "Tick at least one.")) } else { Ok(ticked) }
}

fn some_corpora(field: &str, ticked: Vec<String>) -> Result<Vec<i64>, Fault> {
    let ids: Vec<_> = ticked.iter().filter_map(|id| id.parse().ok()).collect();
    if ids.is_empty() { Err(Fault::invalid(field, "Choose at least one corpus.")) } else { Ok(ids) }
}

/// The words of a text, by blanks or commas.
fn words(typed: &str) -> Vec<String> {
    typed.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A flat JSON object, or nothing.
fn flat_json(field: &str, typed: &str) -> Result<String, Fault> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(String::new());
    }
    if typed.len() > METADATA_MAX {
        return Err(Fault::invalid(field, format!("This has {} bytes; use at most {METADATA_MAX}.", typed.len())));
    }
    let parsed = JSON::parse(typed).ok().filter(|value| value.is_object() && !Array::is_array(value));
    let Some(object) = parsed else {
        return Err(Fault::invalid(field, "Enter a JSON object, such as {\"plan\": \"pro\"}."));
    };
    let is_flat = Object::values(&Object::from(object)).iter().all(|value| value.is_null() || !value.is_object());
    if is_flat { Ok(typed.to_owned()) } else { Err(Fault::invalid(field, "Use texts, numbers, true, false or null as values.")) }
}

/// The fields of a key of a kind; as they are, where it stands already.
#[component]
pub fn KeyFields(
    /// The form.
    form: Form,
    /// The kind.
    tab: &'static KeyTab,
    /// Who fills them in.
    viewer: Viewer,
    /// The key as it is, where it stands already.
    key: Option<KeyRow>,
) -> impl IntoView {
    let policy = tab.policy();
    let is_new = key.is_none();
    let (name, scopes, external_id, metadata, limits) = key.map_or_else(Default::default, |key| {
        (key.name, key.scopes.join(" "), key.external_id.unwrap_or_default(), key.metadata.unwrap_or_default(), key.limits)
    });
    let annotations = policy.annotated.then(|| {
        view! {
            <Field form name="external_id" label="External ID" value=external_id hint="Whose it is, as your API knows them."/>
            <TextArea form name="metadata" label="Metadata" value=metadata hint="A flat JSON object that your API gets with each verdict, 4 KB at most."/>
        }
    });
    let ends = matches!(policy.expiry, Expiry::Chosen | Expiry::ChosenOrNever)
        .then(|| view! { <EndsFields form may_be_never=policy.expiry == Expiry::ChosenOrNever may_be_kept=!is_new/> });
    let hint = if is_new { tab.name_hint } else { "The key itself stays the same." };
    view! {
        <Field form name="name" label=tab.name_label value=name hint autofocus=true/>
        {annotations}
        {scope_fields(form, policy.scoping, &viewer, scopes)}
        {ends}
        {policy.limited.then(|| view! { <LimitFields form before=limits/> })}
    }
}

fn scope_fields(form: Form, scoping: Scoping, viewer: &Viewer, scopes: String) -> AnyView {
    match scoping {
        Scoping::None => ().into_any(),
        Scoping::Api => {
            let may_give = |scope: &&Scope| scope.needs().iter().any(|permission| viewer.may(*permission));
            let tick = |scope: &Scope| Tick { value: scope.word().to_owned(), label: said(*scope).to_owned(), ticked: true };
            let ticks = Scope::ALL.iter().filter(may_give).map(tick).collect();
            view! { <CheckGroup form name="scopes" label="What it may be used for" ticks/> }.into_any()
        }
        Scoping::Words => view! {
            <Field form name="scopes" label="Scopes" value=scopes hint="Words of your own, such as “read write”, apart by blanks."/>
        }
        .into_any(),
        Scoping::Corpora => {
            let options = CORPUS_ACCESS.iter().map(|(words, label)| (words.join(" "), (*label).to_owned())).collect();
            view! {
                <SelectField form name="scopes" label="API access" options/>
                <CorporaField form may_make=viewer.may(Permission::ManageCorpora)/>
                <p class="caution">
                    <Icon glyph=Glyph::Warning/>
                    "Whoever has the key calls in your name: the owner of this account pays for what anonymous callers use."
                </p>
                <p class="caution">
                    <Icon glyph=Glyph::Warning/>
                    "Keep the key private: not in e-mail, Slack, Discord, forums or other public channels."
                </p>
            }
            .into_any()
        }
    }
}

/// What a scope of our own API lets its holder do.
const fn said(scope: Scope) -> &'static str {
    match scope {
        Scope::KeysRead => "See keys (keys:read)",
        Scope::KeysWrite => "Make, change and delete keys (keys:write)",
        Scope::CredentialsRead => "See credentials, never their secrets (credentials:read)",
        Scope::CredentialsWrite => "Store, change and delete credentials (credentials:write)",
        Scope::SecretsRead => "Read the secrets of projects that you manage (secrets:read)",
        Scope::Verify => "Verify keys (verify)",
    }
}

/// The corpora to choose from, once they are there.
#[component]
fn CorporaField(form: Form, may_make: bool) -> impl IntoView {
    let all = RwSignal::new(None::<Result<Vec<CorpusRow>, Fault>>);
    Effect::new(move || {
        spawn_local(async move {
            let read = corpora().await;
            let _ = all.try_set(Some(read));
        });
    });
    let none = move || {
        if may_make {
            view! { "There is no corpus yet. " <a href=settings::CORPORA.path>"Make one in the settings"</a> "." }.into_any()
        } else {
            "There is no corpus yet. Ask an owner or admin to make one.".into_any()
        }
    };
    move || match all.get() {
        None => view! { <p role="status">"Loading the corpora…"</p> }.into_any(),
        Some(Err(fault)) => view! { <Alert message=fault.to_string()/> }.into_any(),
        Some(Ok(corpora)) if corpora.is_empty() => view! { <p class="note">{none()}</p> }.into_any(),
        Some(Ok(corpora)) => {
            let tick = |corpus: CorpusRow| Tick { value: corpus.id.to_string(), label: corpus.name, ticked: false };
            view! { <CheckGroup form name="corpora" label="Corpora" ticks=corpora.into_iter().map(tick).collect()/> }.into_any()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_apart_by_blanks_or_commas() {
        assert_eq!(words(" read, write\tadmin,,"), ["read", "write", "admin"]);
        assert!(words(" , ").is_empty());
    }
}
