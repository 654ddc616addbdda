//! `/settings/corpora`

use leptos::{prelude::*, task::spawn_local};

use super::SettingsPage;
use crate::{
    api::corpora::{corpora_details, create_corpus, delete_corpus},
    pages::error_page::LoadFailed,
    routes,
};
use latchkey_types::{corpus::CorpusDetails, error::Error, validate};
use latchkey_ui::{
    browser,
    button::{Button, ButtonVariant, IconButton},
    dialog::{Dialogs, use_dialogs},
    field::Field,
    form::{Form, ignore_not_found},
    form_dialog::FormDialog,
    icon::Glyph,
    message::{Alert, EmptyState},
    number::pluralize,
    suspend::suspend,
    table::{Column, Table},
    time::Time,
    toast::use_toasts,
};

#[component]
pub fn CorporaPage() -> impl IntoView {
    let first = OnceResource::new(corpora_details());
    let content = move |_| {
        view! { <Suspense>{suspend(first, |first| view! { <Corpora first/> }, |error| view! { <LoadFailed error/> })}</Suspense> }.into_any()
    };
    view! { <SettingsPage page=&routes::CORPORA content/> }
}

#[derive(Clone)]
enum OpenDialog {
    Create,
    Delete(CorpusDetails),
}

#[component]
fn Corpora(first: Vec<CorpusDetails>) -> impl IntoView {
    let toasts = use_toasts();

    // Data
    let corpora = RwSignal::new(first);
    let load_error = RwSignal::new(None::<Error>);
    let dialogs = use_dialogs::<OpenDialog>();

    // Actions
    let reload = move || {
        spawn_local(async move {
            match corpora_details().await {
                Ok(all) => {
                    load_error.set(None);
                    corpora.set(all);
                }
                Err(Error::SignedOut) => browser::go_to_sign_in(),
                Err(error) => load_error.set(Some(error)),
            }
        });
    };
    let dismiss = dialogs.dismiss;
    let done = dialogs.done(move |message| {
        toasts.success(message);
        reload();
    });
    let create = dialogs.opener(OpenDialog::Create);

    // View
    let list = move || {
        if corpora.with(Vec::is_empty) {
            return view! {
                <EmptyState glyph=Glyph::Key title="No corpora yet" text="Create a corpus, then issue keys that can query it.">
                    <Button label="Create your first corpus" on_click=create/>
                </EmptyState>
            }
            .into_any();
        }
        let columns = vec!["Name".into(), "ID".into(), "Keys".into(), "Created".into(), "Created by".into(), Column::Hidden("Action")];
        let rows = corpora.get().into_iter().map(|corpus| view! { <CorpusTableRow corpus dialogs/> }).collect_view();
        view! { <Table label="Corpora" columns>{rows}</Table> }.into_any()
    };
    let dialog = move |open| match open {
        OpenDialog::Create => view! { <CreateDialog on_dismiss=dismiss on_done=done/> }.into_any(),
        OpenDialog::Delete(corpus) => view! { <DeleteDialog corpus on_dismiss=dismiss on_done=done/> }.into_any(),
    };
    view! {
        <div class="toolbar">
            <p class="settings-lead">"Corpora are the document collections that corpus keys can query. Existing keys don’t get access to new corpora."</p>
            <span class="toolbar-end"><Button label="Create corpus" variant=ButtonVariant::Primary on_click=create/></span>
        </div>
        {move || load_error.get().map(|error| view! { <Alert message=error.to_string()/> })}
        {list}
        {dialogs.render(dialog)}
    }
}

#[component]
fn CorpusTableRow(corpus: CorpusDetails, dialogs: Dialogs<OpenDialog>) -> impl IntoView {
    let name = corpus.name.clone();
    let delete = dialogs.opener(OpenDialog::Delete(corpus.clone()));
    view! {
        <tr aria-label=name>
            <td class="cell-name">{corpus.name}</td>
            <td class="cell-soft" data-label="ID"><code>{corpus.id}</code></td>
            <td class="cell-soft" data-label="Keys">{corpus.keys}</td>
            <td class="cell-soft" data-label="Created"><Time at=corpus.created_at/></td>
            <td class="cell-soft" data-label="Created by">{corpus.created_by}</td>
            <td class="cell-action"><IconButton label="Delete" glyph=Glyph::Trash danger=true on_click=move |_| delete.run(())/></td>
        </tr>
    }
}

#[component]
fn CreateDialog(on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        let name = form.check("name", validate::name);
        form.send(name.map(create_corpus), move |corpus| on_done.run(format!("Corpus created (ID {})", corpus.id)));
    };
    view! {
        <FormDialog title="Create corpus" form submit="Save" on_submit=submit on_dismiss>
            <Field form name="name" label="Name" hint="e.g. Product manuals" autofocus=true/>
        </FormDialog>
    }
}

#[component]
fn DeleteDialog(corpus: CorpusDetails, on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let CorpusDetails { id, name, keys, .. } = corpus;
    let effect = match keys {
        0 => "No keys have access.".to_owned(),
        keys => pluralize(keys, "key will lose access.", "keys will lose access."),
    };
    let submit = move |()| {
        form.send(Some(ignore_not_found(delete_corpus(id))), move |()| on_done.run("Corpus deleted".to_owned()));
    };
    view! {
        <FormDialog title="Delete this corpus?" form submit="Delete" variant=ButtonVariant::Danger on_submit=submit on_dismiss>
            <p><strong class="quoted">{name}</strong></p>
            <p>{effect} " This cannot be undone."</p>
        </FormDialog>
    }
}
