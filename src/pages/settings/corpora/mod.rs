//! `/settings/corpora`

mod code;
mod context;
mod documents;
mod page;
mod search;
mod upload;
mod upstream;
mod upstream_dialog;

pub use page::CorpusPage;

use leptos::prelude::*;

use super::{SettingsPage, loaded_view};
use crate::{
    api::corpora::{corpora_details, create_corpus, delete_corpus},
    pages::receipt_text::receipt_text,
    routes,
};
use latchkey_types::{corpus::CorpusDetails, error::Error, validate};
use latchkey_ui::{
    button::{Button, ButtonVariant},
    confirm_dialog::{ConfirmDialog, ConfirmObject},
    dialog::{Dialogs, use_dialogs},
    empty_state::EmptyState,
    field::Field,
    form::{Form, ignore_not_found},
    form_dialog::FormDialog,
    icon::{Glyph, Icon},
    menu::{MenuAction, MenuButton, MenuItem, MenuList, SharedMenu},
    message::AlertWithRetry,
    number::{format_integer, pluralize},
    page::{PageActions, PageLead},
    resource::Refetchable,
    table::{Column, RowTable},
    time::Time,
    toast::{ToastText, Toasts, use_toasts},
};

type CorporaResource = OnceResource<Result<Vec<CorpusDetails>, Error>>;

#[component]
pub fn CorporaPage() -> impl IntoView {
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    provide_context(CorporaResource::new(corpora_details()));
    let content = |_| loaded_view(expect_context::<CorporaResource>(), |first| view! { <Corpora first/> });
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
    let corpora = Refetchable::new(first);
    let dialogs = use_dialogs::<OpenDialog>();
    let menu = SharedMenu::new();

    // Actions
    let reload = Callback::new(move |()| corpora.refetch(corpora_details));
    let dismiss = dialogs.dismiss;
    let done = dialogs.done(move |message: ToastText| {
        toasts.success(message);
        reload.run(());
    });
    let create = dialogs.opener(OpenDialog::Create);

    // View
    let dialog = move |open| match open {
        OpenDialog::Create => view! { <CreateDialog on_dismiss=dismiss on_done=done/> }.into_any(),
        OpenDialog::Delete(corpus) => view! { <DeleteDialog corpus on_dismiss=dismiss on_done=done/> }.into_any(),
    };
    let rows = corpora.rows(|corpora| corpora, |corpus| corpus.id);
    let columns = vec![
        "Name".into(),
        Column::Number("ID"),
        Column::Number("Documents"),
        "Answers from".into(),
        Column::Number("Keys"),
        "Created".into(),
        "Created by".into(),
        Column::Hidden("Action"),
    ];
    let empty = move || {
        view! {
            <EmptyState glyph=Glyph::Documents title="No corpora yet" text="Create a corpus, add documents, then issue keys that can query it.">
                <Button label="Create your first corpus" variant=ButtonVariant::Primary on_click=create/>
            </EmptyState>
        }
    };
    view! {
        <PageActions><Button label="Create corpus" variant=ButtonVariant::Primary on_click=create/></PageActions>
        <PageLead text="Corpora are the document collections that corpus keys can query. Existing keys don’t get access to new corpora."/>
        {move || corpora.error().get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=reload/> })}
        <RowTable label="Corpora" columns rows empty let(corpus)>
            <CorpusTableRow corpus menu dialogs toasts/>
        </RowTable>
        <MenuList menu id="corpus-actions"/>
        {dialogs.render(dialog)}
    }
}

#[component]
fn CorpusTableRow(corpus: Memo<CorpusDetails>, menu: SharedMenu, dialogs: Dialogs<OpenDialog>, toasts: Toasts) -> impl IntoView {
    let id = corpus.with_untracked(|corpus| corpus.id);
    let items = Callback::new(move |()| actions(corpus.get_untracked(), dialogs, toasts));
    view! {
        <tr aria-label=move || corpus.get().name>
            <td class="cell-name"><a class="cell-text" href=routes::CORPUS.path_with(id) dir="auto">{move || corpus.get().name}</a></td>
            <td class="cell-soft cell-number" data-label="ID">{id}</td>
            <td class="cell-soft cell-number" data-label="Documents">{move || format_integer(corpus.get().documents)}</td>
            <td class="cell-soft" data-label="Answers from">{move || if corpus.get().has_upstream { "Upstream" } else { "Built-in index" }}</td>
            <td class="cell-soft cell-number" data-label="Keys">{move || corpus.get().keys}</td>
            <td class="cell-soft" data-label="Created">{move || view! { <Time at=corpus.get().created_at/> }}</td>
            <td class="cell-soft cell-text" data-label="Created by">{move || corpus.get().created_by}</td>
            <td class="cell-action">
                <MenuButton menu id=format!("actions-{id}") class="icon-button" label="Actions" items><Icon glyph=Glyph::More/></MenuButton>
            </td>
        </tr>
    }
}

fn actions(corpus: CorpusDetails, dialogs: Dialogs<OpenDialog>, toasts: Toasts) -> Vec<MenuItem> {
    let id = corpus.id.to_string();
    let copy = Callback::new(move |()| toasts.copy(id.clone(), "ID copied"));
    vec![
        MenuItem { label: "Copy ID", glyph: Glyph::Copy, action: MenuAction::Run(copy) },
        MenuItem { label: "Delete", glyph: Glyph::Trash, action: MenuAction::Danger(dialogs.opener(OpenDialog::Delete(corpus))) },
    ]
}

#[component]
fn CreateDialog(on_dismiss: Callback<()>, on_done: Callback<ToastText>) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        let name = form.check("name", validate::name);
        form.send(name.map(create_corpus), move |corpus| on_done.run(format!("Corpus created (ID {})", corpus.id).into()));
    };
    view! {
        <FormDialog title="Create corpus" form submit="Create corpus" on_submit=submit on_dismiss>
            <Field form name="name" label="Name" hint="e.g. Product manuals" autofocus=true/>
        </FormDialog>
    }
}

#[component]
fn DeleteDialog(corpus: CorpusDetails, on_dismiss: Callback<()>, on_done: Callback<ToastText>) -> impl IntoView {
    let form = Form::new();
    let CorpusDetails { id, name, keys, documents, .. } = corpus;
    let keys = match keys {
        0 => "No keys have access.".to_owned(),
        keys => pluralize(keys, "key will lose access.", "keys will lose access."),
    };
    let documents = match documents {
        0 => String::new(),
        documents => format!(" {}", pluralize(documents, "document will be deleted.", "documents will be deleted.")),
    };
    let submit = move |()| {
        form.send(Some(ignore_not_found(delete_corpus(id))), move |deleted| on_done.run(receipt_text("Corpus deleted", &deleted)));
    };
    view! {
        <ConfirmDialog title="Delete this corpus?" objects=vec![ConfirmObject { name, facts: format!("ID {id}") }]
            effect=format!("{keys}{documents} This cannot be undone.") verb="Delete" form on_confirm=submit on_dismiss/>
    }
}
