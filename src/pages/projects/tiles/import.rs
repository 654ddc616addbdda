//! The dialog that imports a key into a project of its holder's.

use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};

use super::board::{Board, Imported};
use crate::{
    api::{
        belongings::{import_key, preview_import},
        issued::reveal_key,
        projects::projects,
    },
    model::{
        fault::Fault,
        id::{KeyId, ProjectId},
        import::{ImportedName, PREFIX_MAX, prefix},
        permission::Permission,
        project::ProjectRow,
        secret::{RevealedSecret, TypedSecret},
    },
    pages::{
        projects::{PROJECTS, frame::use_project},
        secret::{Reveal, use_reveal},
    },
    ui::{
        button::Button,
        dialog::Dialog,
        field::{Field, Typed},
        form::{Form, FormWrong},
        form_dialog::FormDialog,
        message::Alert,
        number::count_of,
        select::SelectField,
        toast::use_toasts,
    },
};

/// How long typing must pause before the names are asked for.
const PAUSE_MS: u32 = 200;

/// Asks where to, and under which prefix. Waits for the projects that the reader manages.
#[component]
pub fn ImportDialog(
    /// The tiles.
    board: Board,
    /// The key.
    asked: Imported,
) -> impl IntoView {
    let managed = RwSignal::new(Managed::Unread);
    Effect::new(move || {
        spawn_local(async move {
            let _ = managed
                .try_set(projects().await.map_or_else(Managed::Lost, |all| Managed::These(all.into_iter().filter(ProjectRow::is_managed).collect())));
        });
    });
    let dismiss = Callback::new(move |()| board.asked.set(None));
    move || match managed.get() {
        Managed::These(projects) if !projects.is_empty() => view! { <ImportForm board asked=asked.clone() projects on_dismiss=dismiss/> }.into_any(),
        managed => view! { <NoForm managed on_dismiss=dismiss/> }.into_any(),
    }
}

/// The projects that the reader manages.
#[derive(Clone)]
enum Managed {
    Unread,
    Lost(Fault),
    These(Vec<ProjectRow>),
}

/// What stands in place of the form: nothing yet, what went wrong, or what to do first.
#[component]
fn NoForm(managed: Managed, on_dismiss: Callback<()>) -> impl IntoView {
    let may_make = use_project().viewer().may(Permission::ManageProjects);
    let text = match managed {
        Managed::Unread => view! { <p>"Reading your projects…"</p> }.into_any(),
        Managed::Lost(fault) => view! { <Alert message=fault.to_string()/> }.into_any(),
        Managed::These(_) if may_make => {
            view! { <p>"You manage no project yet. " <a href=PROJECTS>"Make one"</a> ", then import the key into it."</p> }.into_any()
        }
        Managed::These(_) => view! {
            <p>"A key is imported into a project that you manage. Your role does not let you manage any, so there is none to import it into."</p>
        }
        .into_any(),
    };
    view! {
        <Dialog title="Import into a project" on_dismiss=on_dismiss>
            {text}
            <footer class="dialog-foot"><Button label="Cancel" on_click=on_dismiss autofocus=true/></footer>
        </Dialog>
    }
}

/// Where the token comes from.
#[derive(Clone)]
enum Source {
    /// It was revealed on this page.
    Known(RevealedSecret),
    /// It was not revealed yet: importing does.
    Unrevealed,
    /// Its holder pastes it.
    Pasted,
}

#[component]
fn ImportForm(board: Board, asked: Imported, projects: Vec<ProjectRow>, on_dismiss: Callback<()>) -> impl IntoView {
    let (form, toasts, reveal) = (Form::new(), use_toasts(), use_reveal());
    let Imported { key, name, is_revealed } = asked;
    let source = match board.revealed(key) {
        Some(secret) => Source::Known(secret),
        None if is_revealed => Source::Pasted,
        None => Source::Unrevealed,
    };
    let preview = Preview::new(form, key);
    preview.read();

    let submit = {
        let (source, name) = (source.clone(), name.clone());
        move |()| {
            let (project, prefix) = (form.check("project", chosen), form.check("prefix", prefix));
            let pasted = if matches!(source, Source::Pasted) { form.check("token", pasted) } else { Some(TypedSecret::default()) };
            let (Some(project), Some(prefix), Some(pasted)) = (project, prefix, pasted) else {
                return form.send(None::<std::future::Ready<Result<(), Fault>>>, |()| {});
            };
            let import = Import { board, reveal, key, name: name.clone(), project, prefix };
            form.send(Some(import.run(source.clone(), pasted)), move |count| {
                board.asked.set(None);
                toasts.say(format!("{} stored in the project.", count_of(count, "secret was", "secrets were")));
                board.reload();
            });
        }
    };
    let options = projects.into_iter().map(|project| (project.id.to_string(), project.name)).collect();
    let token = match source {
        Source::Known(_) => view! { <p class="field-hint">"The key that you revealed just now is used."</p> }.into_any(),
        Source::Unrevealed => {
            view! { <p class="field-hint">"The key is revealed for this, once, and goes straight into the project: you won't see it."</p> }.into_any()
        }
        Source::Pasted => {
            view! { <Field form name="token" label="API key" typed=Typed::Password hint="Paste the key that you copied when you revealed it."/> }
                .into_any()
        }
    };
    view! {
        <FormDialog title="Import into a project" form submit="Import" on_submit=submit on_dismiss>
            <p><strong class="quoted">{name.clone()}</strong> " and its fields become secrets of a project of yours."</p>
            <div class="form-part" on:input=move |_| preview.read_after_pause() on:change=move |_| preview.read()>
                <SelectField form name="project" label="Project" options/>
                <Field form name="prefix" label="Prefix" value=prefix_of(&name) hint="Stands before each name: letters, digits and “_”."/>
            </div>
            {move || preview.view()}
            {token}
            <FormWrong form about="key"/>
            <FormWrong form about="id"/>
        </FormDialog>
    }
}

fn chosen(field: &str, value: &str) -> Result<ProjectId, Fault> {
    value.parse().map_err(|_| Fault::invalid(field, "Choose a project."))
}

fn pasted(field: &str, typed: &str) -> Result<TypedSecret, Fault> {
    let typed = typed.trim();
    if typed.is_empty() { Err(Fault::invalid(field, "Paste the key.")) } else { Ok(TypedSecret::new(typed.to_owned())) }
}

/// An import that is on its way.
struct Import {
    board: Board,
    reveal: Reveal,
    key: KeyId,
    name: String,
    project: ProjectId,
    prefix: String,
}

impl Import {
    /// Imports the key. Answers how many secrets it became. One that is revealed for this is shown should the import fail, with the
    /// reason: nothing else would bring it back.
    async fn run(self, source: Source, pasted: TypedSecret) -> Result<usize, Fault> {
        match source {
            Source::Known(secret) => self.send(TypedSecret::new(secret.reveal().to_owned())).await,
            Source::Pasted => self.send(pasted).await,
            Source::Unrevealed => {
                // What can be known to fail does so before.
                let names = preview_import(self.key, self.project, self.prefix.clone()).await?;
                if let Some(taken) = names.iter().find(|name| name.is_taken) {
                    return Err(Fault::conflict("prefix", format!("The project has a secret {} already. Choose another prefix.", taken.name)));
                }
                let secret = reveal_key(self.key).await?;
                self.board.keep(self.key, secret.clone());
                let sent = self.send(TypedSecret::new(secret.reveal().to_owned())).await;
                if let Err(fault) = &sent {
                    // One dialog at a time: this one gives the focus back first, and the next one will do the same.
                    let _ = self.board.asked.try_set(None);
                    TimeoutFuture::new(0).await;
                    self.reveal.show_unimported(self.name, secret, fault);
                    self.board.reload();
                }
                sent
            }
        }
    }

    async fn send(&self, token: TypedSecret) -> Result<usize, Fault> {
        Ok(import_key(self.key, token, self.project, self.prefix.clone()).await?.len())
    }
}

/// The names that an import would make, read while one types.
#[derive(Clone, Copy)]
struct Preview {
    form: Form,
    key: KeyId,
    names: RwSignal<Result<Vec<ImportedName>, Fault>>,
    turns: StoredValue<u32>,
}

impl Preview {
    fn new(form: Form, key: KeyId) -> Self {
        Self { form, key, names: RwSignal::new(Ok(Vec::new())), turns: StoredValue::new(0) }
    }

    /// Reads them once the form stands in the page.
    fn read(self) {
        self.read_after(0);
    }

    fn read_after_pause(self) {
        self.read_after(PAUSE_MS);
    }

    fn read_after(self, pause_ms: u32) {
        self.turns.update_value(|turns| *turns += 1);
        let turn = self.turns.get_value();
        let is_newest = move || self.turns.try_get_value() == Some(turn);
        spawn_local(async move {
            TimeoutFuture::new(pause_ms).await;
            if !is_newest() {
                return;
            }
            let typed = self.form.value("prefix");
            let names = match (chosen("project", &self.form.value("project")), prefix("prefix", &typed)) {
                (Ok(project), Ok(prefix)) => preview_import(self.key, project, prefix).await,
                (Err(fault), _) | (_, Err(fault)) => Err(fault),
            };
            if is_newest() {
                let _ = self.names.try_set(names);
            }
        });
    }

    fn view(self) -> AnyView {
        let line = |name: ImportedName| {
            view! {
                <li class="import-name" class:import-taken=name.is_taken>
                    <code>{name.name}</code>
                    {name.is_taken.then(|| view! { <span class="tag">"Taken"</span> })}
                </li>
            }
        };
        let content = match self.names.get() {
            Ok(names) => view! { <ul class="import-names" aria-label="Secrets">{names.into_iter().map(line).collect_view()}</ul> }.into_any(),
            Err(fault) => view! { <p class="field-hint">{fault.to_string()}</p> }.into_any(),
        };
        view! { <div class="import-preview" aria-live="polite">{content}</div> }.into_any()
    }
}

/// A name as a prefix: its letters and digits, `_` between them.
fn prefix_of(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let joined = words.collect::<Vec<_>>().join("_").to_ascii_lowercase();
    let begins_well = joined.starts_with(|first: char| first.is_ascii_alphabetic());
    let prefix = if begins_well { joined } else { format!("key_{joined}") };
    prefix.chars().take(PREFIX_MAX).collect::<String>().trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_makes_a_prefix() {
        for (name, made) in [
            ("Read access", "read_access"),
            ("  2nd: Größe ", "key_2nd_gr_e"),
            ("Ключ", "key"),
            ("a__b", "a_b"),
            (&"word ".repeat(20), "word_word_word_word_word_word"),
        ] {
            assert_eq!(prefix_of(name), made);
            assert!(prefix("prefix", made).is_ok());
        }
    }
}
