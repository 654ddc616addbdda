//! The dialog that imports a key into a project that its holder manages.

use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};

use super::state::{KeyToImport, TilesContext};
use crate::{
    api::{
        issued_keys::reveal_key,
        project_resources::{import_key, preview_import},
        projects::projects,
    },
    pages::{
        projects::frame::use_project,
        secret::{Reveal, use_reveal},
    },
    routes,
};
use latchkey_types::{
    error::Error,
    id::{KeyId, ProjectId},
    permission::Permission,
    project::ProjectRow,
    secret::{RevealedSecret, TypedSecret},
    secret_import::{PREFIX_MAX, SecretNamePreview, prefix},
};
use latchkey_ui::{
    button::Button,
    dialog::Dialog,
    field::{Field, InputKind},
    form::{Form, FormError},
    form_dialog::FormDialog,
    message::Alert,
    number::pluralize_count,
    select::SelectField,
    toast::use_toasts,
};

/// Delay between typing and the preview of the names.
const PREVIEW_DELAY_MS: u32 = 200;

/// Loads the projects that the viewer manages, then shows the form.
#[component]
pub(super) fn ImportDialog(context: TilesContext, key_to_import: KeyToImport) -> impl IntoView {
    let managed = RwSignal::new(Managed::Loading);
    Effect::new(move || {
        spawn_local(async move {
            let _ = managed.try_set(
                projects().await.map_or_else(Managed::Failed, |all| Managed::Loaded(all.into_iter().filter(ProjectRow::is_managed).collect())),
            );
        });
    });
    let dismiss = context.import_dialog.dismiss;
    move || match managed.get() {
        Managed::Loaded(projects) if !projects.is_empty() => {
            view! { <ImportForm context key_to_import=key_to_import.clone() projects on_dismiss=dismiss/> }.into_any()
        }
        managed => view! { <NoForm managed on_dismiss=dismiss/> }.into_any(),
    }
}

/// The projects that the viewer manages.
#[derive(Clone)]
enum Managed {
    Loading,
    Failed(Error),
    Loaded(Vec<ProjectRow>),
}

/// Shown instead of the form while loading, after an error, or without projects.
#[component]
fn NoForm(managed: Managed, on_dismiss: Callback<()>) -> impl IntoView {
    let can_create = use_project().viewer().can(Permission::ManageProjects);
    let text = match managed {
        Managed::Loading => view! { <p>"Loading your projects…"</p> }.into_any(),
        Managed::Failed(error) => view! { <Alert message=error.to_string()/> }.into_any(),
        Managed::Loaded(_) if can_create => {
            view! { <p>"You don’t manage any projects yet. " <a href=routes::PROJECTS.path>"Create one"</a> ", then import the key into it."</p> }
                .into_any()
        }
        Managed::Loaded(_) => view! {
            <p>"You can only import into a project you manage, and you don’t manage any."</p>
        }
        .into_any(),
    };
    view! {
        <Dialog title="Import into a project" on_dismiss=on_dismiss>
            <div class="dialog-content">{text}</div>
            <footer class="dialog-foot"><Button label="Cancel" on_click=on_dismiss autofocus=true/></footer>
        </Dialog>
    }
}

/// Source of the token.
#[derive(Clone)]
enum Source {
    /// Revealed on this page.
    Revealed(RevealedSecret),
    /// Not revealed yet; the import reveals it.
    Unrevealed,
    /// Pasted by the holder.
    Pasted,
}

#[component]
fn ImportForm(context: TilesContext, key_to_import: KeyToImport, projects: Vec<ProjectRow>, on_dismiss: Callback<()>) -> impl IntoView {
    let (form, toasts, reveal) = (Form::new(), use_toasts(), use_reveal());
    let KeyToImport { key, name, is_revealed } = key_to_import;
    let source = match context.revealed(key) {
        Some(secret) => Source::Revealed(secret),
        None if is_revealed => Source::Pasted,
        None => Source::Unrevealed,
    };
    let preview = Preview::new(form, key);
    preview.read();

    let submit = {
        let (source, name) = (source.clone(), name.clone());
        move |()| {
            let (project, prefix) = (form.check("project", parse_project), form.check("prefix", prefix));
            let pasted = if matches!(source, Source::Pasted) { form.check("token", parse_token) } else { Some(TypedSecret::default()) };
            let (Some(project), Some(prefix), Some(pasted)) = (project, prefix, pasted) else {
                return form.send(None::<std::future::Ready<Result<(), Error>>>, |()| {});
            };
            let import = Import { context, reveal, key, name: name.clone(), project, prefix };
            form.send(Some(import.run(source.clone(), pasted)), move |count| {
                context.import_dialog.close();
                toasts.success(pluralize_count(count, "secret imported", "secrets imported"));
                context.reload();
            });
        }
    };
    let options = projects.into_iter().map(|project| (project.id.to_string(), project.name)).collect();
    let token = match source {
        Source::Revealed(_) => view! { <p class="field-hint">"Uses the key that you just revealed."</p> }.into_any(),
        Source::Unrevealed => view! { <p class="field-hint">"The key goes straight into the project. You won’t see it."</p> }.into_any(),
        Source::Pasted => {
            view! { <Field form name="token" label="API key" kind=InputKind::Password hint="Paste the key that you copied when it was revealed."/> }
                .into_any()
        }
    };
    view! {
        <FormDialog title="Import into a project" form submit="Import" on_submit=submit on_dismiss>
            <p><strong class="quoted">{name.clone()}</strong> " and its fields are stored as secrets in a project you manage."</p>
            <div class="form-section" on:input=move |_| preview.read_after_pause() on:change=move |_| preview.read()>
                <SelectField form name="project" label="Project" options/>
                <Field form name="prefix" label="Prefix" value=prefix_of(&name) hint="Added before each secret name. Letters, digits and _."/>
            </div>
            {move || preview.view()}
            {token}
            <FormError form about="key"/>
            <FormError form about="id"/>
        </FormDialog>
    }
}

fn parse_project(field: &str, value: &str) -> Result<ProjectId, Error> {
    value.parse().map_err(|_| Error::invalid(field, "Choose a project."))
}

fn parse_token(field: &str, typed: &str) -> Result<TypedSecret, Error> {
    let typed = typed.trim();
    if typed.is_empty() { Err(Error::invalid(field, "Paste the key.")) } else { Ok(TypedSecret::new(typed.to_owned())) }
}

/// A pending import.
struct Import {
    context: TilesContext,
    reveal: Reveal,
    key: KeyId,
    name: String,
    project: ProjectId,
    prefix: String,
}

impl Import {
    /// Imports the key and returns the number of secrets. If the import fails after revealing the key, the key is shown with the reason:
    /// it can't be revealed again.
    async fn run(self, source: Source, pasted: TypedSecret) -> Result<usize, Error> {
        match source {
            Source::Revealed(secret) => self.send(TypedSecret::new(secret.reveal().to_owned())).await,
            Source::Pasted => self.send(pasted).await,
            Source::Unrevealed => {
                // Checks that can fail run before the key is revealed.
                let names = preview_import(self.key, self.project, self.prefix.clone()).await?;
                if let Some(existing) = names.iter().find(|name| name.is_taken) {
                    return Err(Error::conflict("prefix", format!("The project already has a secret {}. Choose another prefix.", existing.name)));
                }
                let secret = reveal_key(self.key).await?;
                self.context.remember_secret(self.key, secret.clone());
                let sent = self.send(TypedSecret::new(secret.reveal().to_owned())).await;
                if let Err(error) = &sent {
                    // One dialog at a time: this one restores the focus before the next one opens.
                    self.context.import_dialog.close();
                    TimeoutFuture::new(0).await;
                    self.reveal.show_failed_import(self.name, secret, self.context.project, error);
                    self.context.reload();
                }
                sent
            }
        }
    }

    async fn send(&self, token: TypedSecret) -> Result<usize, Error> {
        Ok(import_key(self.key, token, self.project, self.prefix.clone()).await?.len())
    }
}

/// Preview of the secret names, updated while typing.
#[derive(Clone, Copy)]
struct Preview {
    form: Form,
    key: KeyId,
    names: RwSignal<Result<Vec<SecretNamePreview>, Error>>,
    latest: StoredValue<u32>,
}

impl Preview {
    fn new(form: Form, key: KeyId) -> Self {
        Self { form, key, names: RwSignal::new(Ok(Vec::new())), latest: StoredValue::new(0) }
    }

    /// Reads the names once the form is in the page.
    fn read(self) {
        self.read_after(0);
    }

    fn read_after_pause(self) {
        self.read_after(PREVIEW_DELAY_MS);
    }

    fn read_after(self, pause_ms: u32) {
        self.latest.update_value(|latest| *latest += 1);
        let generation = self.latest.get_value();
        let is_newest = move || self.latest.try_get_value() == Some(generation);
        spawn_local(async move {
            TimeoutFuture::new(pause_ms).await;
            if !is_newest() {
                return;
            }
            let typed = self.form.value("prefix");
            let names = match (parse_project("project", &self.form.value("project")), prefix("prefix", &typed)) {
                (Ok(project), Ok(prefix)) => preview_import(self.key, project, prefix).await,
                (Err(error), _) | (_, Err(error)) => Err(error),
            };
            if is_newest() {
                let _ = self.names.try_set(names);
            }
        });
    }

    fn view(self) -> AnyView {
        let item = |name: SecretNamePreview| {
            view! {
                <li class="import-name" class:import-taken=name.is_taken>
                    <code>{name.name}</code>
                    {name.is_taken.then(|| view! { <span class="tag">"Already exists"</span> })}
                </li>
            }
        };
        let content = match self.names.get() {
            Ok(names) => view! { <ul class="import-names" aria-label="Secrets">{names.into_iter().map(item).collect_view()}</ul> }.into_any(),
            // The field shows it already.
            Err(_) if self.form.field_error("prefix").get().is_some() => ().into_any(),
            Err(error) => view! { <p class="field-hint">{error.to_string()}</p> }.into_any(),
        };
        view! { <div aria-live="polite">{content}</div> }.into_any()
    }
}

/// Derives a prefix from a name: its letters and digits, joined by `_`.
fn prefix_of(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let joined = words.collect::<Vec<_>>().join("_").to_ascii_lowercase();
    let starts_with_letter = joined.starts_with(|first: char| first.is_ascii_alphabetic());
    let prefix = if starts_with_letter { joined } else { format!("key_{joined}") };
    prefix.chars().take(PREFIX_MAX).collect::<String>().trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_yields_a_valid_prefix() {
        for (name, expected) in [
            ("Read access", "read_access"),
            ("  2nd: Größe ", "key_2nd_gr_e"),
            ("Ключ", "key"),
            ("a__b", "a_b"),
            (&"word ".repeat(20), "word_word_word_word_word_word"),
        ] {
            assert_eq!(prefix_of(name), expected);
            assert!(prefix("prefix", expected).is_ok());
        }
    }
}
