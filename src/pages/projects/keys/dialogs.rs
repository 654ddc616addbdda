//! The dialogs over the templates and requests of a project.

use leptos::prelude::*;

use super::desk::Desk;
use crate::{
    api::{requests::reject_request, templates::delete_template},
    model::template::{NodeChoice, RequestRow, TemplateRow, word},
    ui::{
        button::{Button, Weight},
        dialog::Dialog,
        field::TextArea,
        form::{Form, FormWrong, or_gone},
        form_dialog::FormDialog,
        in_place::Editor,
        number::{count_of, counted},
        select::SelectField,
        toast::use_toasts,
    },
};

/// What somebody asked for.
#[derive(Clone)]
pub enum Asked {
    /// To delete this template.
    Delete(TemplateRow),
    /// To turn this request down.
    Reject(RequestRow),
    /// To put a node's id into this value.
    Node(Editor),
}

/// The dialog for it.
pub fn dialog(desk: Desk, asked: Asked) -> AnyView {
    match asked {
        Asked::Delete(template) => view! { <DeleteDialog desk template/> }.into_any(),
        Asked::Reject(request) => view! { <RejectDialog desk request/> }.into_any(),
        Asked::Node(editor) => {
            let nodes = untrack(|| desk.with(|data| data.nodes.clone()));
            if nodes.is_empty() { view! { <NoNodes desk/> }.into_any() } else { view! { <NodeDialog desk editor nodes/> }.into_any() }
        }
    }
}

fn dismissal(desk: Desk) -> Callback<()> {
    Callback::new(move |()| desk.asked.set(None))
}

#[component]
fn DeleteDialog(desk: Desk, template: TemplateRow) -> impl IntoView {
    let (form, toasts) = (Form::new(), use_toasts());
    let TemplateRow { id, name, keys, .. } = template;
    let waiting = untrack(|| desk.with(|data| data.requests.iter().filter(|request| request.template_id == id).count()));
    let keys = match keys {
        0 => "No key was issued by it.".to_owned(),
        keys => counted(keys, "key that was issued by it stays as it is.", "keys that were issued by it stay as they are."),
    };
    let requests = match waiting {
        0 => "Nobody waits for one.".to_owned(),
        waiting => count_of(
            waiting,
            "open request is rejected with it, and who asked is told.",
            "open requests are rejected with it, and who asked is told.",
        ),
    };
    let said = format!("“{name}” was deleted.");
    let submit = move |()| {
        let said = said.clone();
        form.send(Some(or_gone(delete_template(id))), move |()| {
            desk.asked.set(None);
            desk.change(|data| data.templates.retain(|template| template.id != id));
            toasts.say(said);
            desk.reload();
        });
    };
    view! {
        <FormDialog title="Delete this template?" form submit="Delete" weight=Weight::Danger on_submit=submit on_dismiss=dismissal(desk)>
            <p><strong class="quoted">{name}</strong></p>
            <p>{keys} " " {requests} " Nothing brings it back."</p>
        </FormDialog>
    }
}

#[component]
fn RejectDialog(desk: Desk, request: RequestRow) -> impl IntoView {
    let (form, toasts) = (Form::new(), use_toasts());
    let RequestRow { id, user, template, .. } = request;
    let said = format!("{user} was told that they don't get “{template}”.");
    let submit = move |()| {
        let said = said.clone();
        let word = form.check("word", word);
        form.send(word.map(|word| async move { desk.heard(reject_request(id, word).await) }), move |()| {
            desk.asked.set(None);
            toasts.say(said);
            desk.change(|data| data.requests.retain(|other| other.id != id));
            desk.reload();
        });
    };
    let hint = format!("Optional. {user} reads it with the decision.");
    view! {
        <FormDialog title="Reject this request?" form submit="Reject" on_submit=submit on_dismiss=dismissal(desk)>
            <p><strong class="quoted">{user}</strong> " asks for " <strong class="quoted">{template}</strong> "."</p>
            <TextArea form name="word" label="Word" hint/>
            <FormWrong form about="request"/>
        </FormDialog>
    }
}

#[component]
fn NodeDialog(desk: Desk, editor: Editor, nodes: Vec<NodeChoice>) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        let id = form.value("node");
        desk.asked.set(None);
        editor.insert(&id);
    };
    let options = nodes.into_iter().map(|node| (node.id.to_string(), format!("{} ({})", node.name, node.id))).collect();
    view! {
        <FormDialog title="Insert node ID" form submit="Insert" on_submit=submit on_dismiss=dismissal(desk)>
            <SelectField form name="node" label="Node" options/>
        </FormDialog>
    }
}

#[component]
fn NoNodes(desk: Desk) -> impl IntoView {
    let dismiss = dismissal(desk);
    view! {
        <Dialog title="Insert node ID" on_dismiss=dismiss>
            <p>"This project has no nodes yet. Add them on “About Project”, then choose one here."</p>
            <footer class="dialog-foot"><Button label="Done" weight=Weight::Primary on_click=dismiss autofocus=true/></footer>
        </Dialog>
    }
}
