//! Dialogs of the templates page.

use leptos::prelude::*;

use super::context::Desk;
use crate::api::{access_requests::reject_request, key_templates::delete_template};
use latchkey_types::key_template::{NodeChoice, RequestRow, TemplateRow, word};
use latchkey_ui::{
    button::{Button, Weight},
    dialog::Dialog,
    field::TextArea,
    form::{Form, FormWrong, or_gone},
    form_dialog::FormDialog,
    inline_edit::Editor,
    number::{count_of, counted},
    select::SelectField,
    toast::use_toasts,
};

/// The open dialog.
#[derive(Clone)]
pub(super) enum Asked {
    Delete(TemplateRow),
    Reject(RequestRow),
    /// Inserts a node's id into this value.
    Node(Editor),
}

pub(super) fn dialog(desk: Desk, asked: Asked) -> AnyView {
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
        0 => "No keys were issued from it.".to_owned(),
        keys => counted(keys, "issued key keeps working.", "issued keys keep working."),
    };
    let requests = match waiting {
        0 => "There are no open requests.".to_owned(),
        waiting => count_of(
            waiting,
            "open request will be rejected and the requester notified.",
            "open requests will be rejected and the requesters notified.",
        ),
    };
    let submit = move |()| {
        form.send(Some(or_gone(delete_template(id))), move |()| {
            desk.asked.set(None);
            desk.change(|data| data.templates.retain(|template| template.id != id));
            toasts.say("Template deleted".to_owned());
            desk.reload();
        });
    };
    view! {
        <FormDialog title="Delete this template?" form submit="Delete" weight=Weight::Danger on_submit=submit on_dismiss=dismissal(desk)>
            <p><strong class="quoted">{name}</strong></p>
            <p>{keys} " " {requests} " This cannot be undone."</p>
        </FormDialog>
    }
}

#[component]
fn RejectDialog(desk: Desk, request: RequestRow) -> impl IntoView {
    let (form, toasts) = (Form::new(), use_toasts());
    let RequestRow { id, user, template, .. } = request;
    let message = format!("Request rejected. {user} was notified.");
    let submit = move |()| {
        let message = message.clone();
        let word = form.check("word", word);
        form.send(word.map(|word| async move { desk.heard(reject_request(id, word).await) }), move |()| {
            desk.asked.set(None);
            toasts.say(message);
            desk.change(|data| data.requests.retain(|other| other.id != id));
            desk.reload();
        });
    };
    let hint = format!("Optional. Sent to {user} with the decision.");
    view! {
        <FormDialog title="Reject this request?" form submit="Reject" on_submit=submit on_dismiss=dismissal(desk)>
            <p><strong class="quoted">{user}</strong> " requested " <strong class="quoted">{template}</strong> "."</p>
            <TextArea form name="word" label="Message" hint/>
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
