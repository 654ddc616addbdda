//! Dialogs of the templates page.

use leptos::prelude::*;

use super::{
    context::{OpenDialog, TemplatesContext},
    request_list::Outcome,
    requests::show_decision,
};
use crate::api::{access_requests::reject_request, key_templates::delete_template};
use latchkey_types::key_template::{NodeOption, RequestRow, TemplateRow, comment};
use latchkey_ui::{
    button::{Button, ButtonVariant},
    confirm_dialog::{ConfirmDialog, ConfirmObject},
    dialog::Dialog,
    field::TextArea,
    form::{Form, FormError, ignore_not_found},
    form_dialog::FormDialog,
    inline_edit::InlineEditor,
    number::{pluralize, pluralize_count},
    select::SelectField,
    toast::use_toasts,
};

pub(super) fn dialog(context: TemplatesContext, open: OpenDialog) -> AnyView {
    match open {
        OpenDialog::Delete(template) => view! { <DeleteDialog context template/> }.into_any(),
        OpenDialog::Reject(request) => view! { <RejectDialog context request/> }.into_any(),
        OpenDialog::Node(editor) => {
            let nodes = untrack(|| context.with(|data| data.nodes.clone()));
            if nodes.is_empty() { view! { <NoNodes context/> }.into_any() } else { view! { <NodeDialog context editor nodes/> }.into_any() }
        }
    }
}

#[component]
fn DeleteDialog(context: TemplatesContext, template: TemplateRow) -> impl IntoView {
    let (form, toasts) = (Form::new(), use_toasts());
    let TemplateRow { id, name, keys, .. } = template;
    let waiting = untrack(|| context.with(|data| data.requests.iter().filter(|request| request.template_id == id).count()));
    let keys = match keys {
        0 => "No keys were issued from it.".to_owned(),
        keys => pluralize(keys, "issued key keeps working.", "issued keys keep working."),
    };
    let requests = match waiting {
        0 => "There are no open requests.".to_owned(),
        waiting => pluralize_count(
            waiting,
            "open request will be rejected and the requester notified.",
            "open requests will be rejected and the requesters notified.",
        ),
    };
    let submit = move |()| {
        form.send(Some(ignore_not_found(delete_template(id))), move |()| {
            context.dialogs.close();
            context.change(|data| data.templates.retain(|template| template.id != id));
            toasts.success("Template deleted".to_owned());
            context.reload();
        });
    };
    view! {
        <ConfirmDialog title="Delete this template?" objects=ConfirmObject::only(name) effect=format!("{keys} {requests} This cannot be undone.")
            verb="Delete" form on_confirm=submit on_dismiss=context.dialogs.dismiss/>
    }
}

#[component]
fn RejectDialog(context: TemplatesContext, request: RequestRow) -> impl IntoView {
    let (form, toasts) = (Form::new(), use_toasts());
    let RequestRow { id, user, template, .. } = request;
    let submit = move |()| {
        let typed = form.check("comment", comment);
        form.send(typed.map(|typed| async move { context.handle_errors(reject_request(id, typed).await) }), move |()| {
            context.dialogs.close();
            toasts.success("Request rejected".to_owned());
            show_decision(context, id, Outcome::Rejected);
            context.reload();
        });
    };
    let hint = format!("Optional. Sent to {user} with the decision.");
    view! {
        <FormDialog title="Reject this request?" form submit="Reject" variant=ButtonVariant::Danger on_submit=submit on_dismiss=context.dialogs.dismiss>
            <p><strong class="quoted">{user}</strong> " requested " <strong class="quoted">{template}</strong> "."</p>
            <TextArea form name="comment" label="Message" hint/>
            <FormError form about="request"/>
        </FormDialog>
    }
}

#[component]
fn NodeDialog(context: TemplatesContext, editor: InlineEditor, nodes: Vec<NodeOption>) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        let id = form.value("node");
        context.dialogs.close();
        editor.insert(&id);
    };
    let options = nodes.into_iter().map(|node| (node.id.to_string(), format!("{} ({})", node.name, node.id))).collect();
    view! {
        <FormDialog title="Insert node ID" form submit="Insert" on_submit=submit on_dismiss=context.dialogs.dismiss>
            <SelectField form name="node" label="Node" options/>
        </FormDialog>
    }
}

#[component]
fn NoNodes(context: TemplatesContext) -> impl IntoView {
    let dismiss = context.dialogs.dismiss;
    view! {
        <Dialog title="Insert node ID" on_dismiss=dismiss>
            <div class="dialog-content">
                <p>"This project has no nodes yet. Add them on “About Project”, then choose one here."</p>
            </div>
            <footer class="dialog-foot"><Button label="Done" variant=ButtonVariant::Primary on_click=dismiss autofocus=true/></footer>
        </Dialog>
    }
}
