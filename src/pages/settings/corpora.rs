//! `/settings/corpora`

use leptos::{prelude::*, task::spawn_local};

use super::{CORPORA, SettingsPage};
use crate::{
    api::corpora::{corpora_details, create_corpus, delete_corpus},
    model::{corpus::CorpusDetails, fault::Fault, text},
    pages::refused::Unread,
    ui::{
        browser,
        button::{Button, IconButton, Weight},
        field::Field,
        form::{Form, or_gone},
        form_dialog::FormDialog,
        icon::Glyph,
        message::{Alert, Blank},
        number::counted,
        time::Time,
        toast::use_toasts,
    },
};

/// What corpus keys give access to.
#[component]
pub fn CorporaPage() -> impl IntoView {
    let first = OnceResource::new(corpora_details());
    let content = move |_| {
        view! {
            <Suspense>
                {Suspend::new(async move {
                    match first.await {
                        Ok(first) => view! { <Corpora first/> }.into_any(),
                        Err(fault) => view! { <Unread fault/> }.into_any(),
                    }
                })}
            </Suspense>
        }
        .into_any()
    };
    view! { <SettingsPage tab=&CORPORA content/> }
}

/// What somebody asked for, in a dialog over the list.
#[derive(Clone)]
enum Asked {
    Create,
    Delete(CorpusDetails),
}

#[component]
fn Corpora(first: Vec<CorpusDetails>) -> impl IntoView {
    let toasts = use_toasts();

    // Data
    let corpora = RwSignal::new(first);
    let trouble = RwSignal::new(None::<Fault>);
    let asked = RwSignal::new(None::<Asked>);

    // Actions
    let reload = move || {
        spawn_local(async move {
            match corpora_details().await {
                Ok(all) => {
                    trouble.set(None);
                    corpora.set(all);
                }
                Err(Fault::SignedOut) => browser::go_to_sign_in(),
                Err(fault) => trouble.set(Some(fault)),
            }
        });
    };
    let dismiss = Callback::new(move |()| asked.set(None));
    let done = Callback::new(move |message: String| {
        asked.set(None);
        toasts.say(message);
        reload();
    });
    let create = Callback::new(move |()| asked.set(Some(Asked::Create)));

    // View
    let line = move |corpus: CorpusDetails| {
        let doomed = corpus.clone();
        view! { <CorpusLine corpus on_delete=Callback::new(move |()| asked.set(Some(Asked::Delete(doomed.clone()))))/> }
    };
    let list = move || {
        if corpora.with(Vec::is_empty) {
            return view! {
                <Blank glyph=Glyph::Key title="No corpora yet" text="A corpus is what a corpus key gives access to. Make one, then create keys that open it.">
                    <Button label="Make the first corpus" on_click=create/>
                </Blank>
            }
            .into_any();
        }
        view! {
            <div class="table-frame">
                <table class="table" aria-label="Corpora">
                    <thead>
                        <tr>
                            <th scope="col">"Name"</th>
                            <th scope="col">"ID"</th>
                            <th scope="col">"Keys"</th>
                            <th scope="col">"Created"</th>
                            <th scope="col">"Created by"</th>
                            <th scope="col"><span class="visually-hidden">"Action"</span></th>
                        </tr>
                    </thead>
                    <tbody>{corpora.get().into_iter().map(line).collect_view()}</tbody>
                </table>
            </div>
        }
        .into_any()
    };
    let dialog = move |asked| match asked {
        Asked::Create => view! { <CreateDialog on_dismiss=dismiss on_done=done/> }.into_any(),
        Asked::Delete(corpus) => view! { <DeleteDialog corpus on_dismiss=dismiss on_done=done/> }.into_any(),
    };
    view! {
        <div class="toolbar">
            <p class="settings-lead">"Corpus keys open the corpora that they name. One that is made later is not open to older keys."</p>
            <span class="toolbar-end"><Button label="Create corpus" weight=Weight::Primary on_click=create/></span>
        </div>
        {move || trouble.get().map(|fault| view! { <Alert message=fault.to_string()/> })}
        {list}
        {move || asked.get().map(dialog)}
    }
}

#[component]
fn CorpusLine(corpus: CorpusDetails, on_delete: Callback<()>) -> impl IntoView {
    let name = corpus.name.clone();
    view! {
        <tr aria-label=name>
            <td class="cell-name">{corpus.name}</td>
            <td class="cell-soft" data-label="ID"><code>{corpus.id}</code></td>
            <td class="cell-soft" data-label="Keys">{corpus.keys}</td>
            <td class="cell-soft" data-label="Created"><Time at=corpus.created_at/></td>
            <td class="cell-soft" data-label="Created by">{corpus.created_by}</td>
            <td class="cell-action"><IconButton label="Delete" glyph=Glyph::Trash danger=true on_click=move |_| on_delete.run(())/></td>
        </tr>
    }
}

/// Asks for a name, then makes the corpus.
#[component]
fn CreateDialog(on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        let name = form.check("name", text::name);
        form.send(name.map(create_corpus), move |made| on_done.run(format!("The corpus “{}” has the id {}.", made.name, made.id)));
    };
    view! {
        <FormDialog title="Create corpus" form submit="Save" on_submit=submit on_dismiss>
            <Field form name="name" label="Name" hint="What it holds, such as “Product manuals”." autofocus=true/>
        </FormDialog>
    }
}

/// Asks, then deletes the corpus.
#[component]
fn DeleteDialog(corpus: CorpusDetails, on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let CorpusDetails { id, name, keys, .. } = corpus;
    let effect = match keys {
        0 => "No key opens it.".to_owned(),
        keys => counted(keys, "key opens it, and won't any more.", "keys open it, and won't any more."),
    };
    let said = format!("“{name}” was deleted.");
    let submit = move |()| {
        let said = said.clone();
        form.send(Some(or_gone(delete_corpus(id))), move |()| on_done.run(said));
    };
    view! {
        <FormDialog title="Delete this corpus?" form submit="Delete" weight=Weight::Danger on_submit=submit on_dismiss>
            <p><strong class="quoted">{name}</strong></p>
            <p>{effect} " Its id is never used again, and nothing brings it back."</p>
        </FormDialog>
    }
}
