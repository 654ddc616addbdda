//! The nodes of a project.

use leptos::prelude::*;

use super::about_context::AboutContext;
use crate::api::project_resources::{create_node, delete_node, rename_node};
use latchkey_types::{error::Error, project::NodeRow, validate};
use latchkey_ui::{
    button::{Button, IconButton},
    confirm_dialog::{ConfirmDialog, ConfirmObject},
    dialog::{Dialogs, use_dialogs},
    field::Field,
    form::{Form, ignore_not_found},
    form_dialog::FormDialog,
    icon::Glyph,
    table::RowTable,
    time::{Time, TimeFormat},
};

#[derive(Clone)]
enum OpenDialog {
    Add,
    Rename(NodeRow),
    Delete(NodeRow),
}

/// Nodes are named inputs and outputs, referenced by a number.
#[component]
pub(super) fn Nodes(context: AboutContext) -> impl IntoView {
    let nodes = context.belongings.rows(|belongings| &belongings.nodes, |node| node.id);
    let dialogs = use_dialogs::<OpenDialog>();
    let dismiss = dialogs.dismiss;
    let done = dialogs.done(move |message| context.notify(message));
    let dialog = move |open| match open {
        OpenDialog::Add => view! { <NameDialog context node=None on_dismiss=dismiss on_done=done/> }.into_any(),
        OpenDialog::Rename(node) => view! { <NameDialog context node=Some(node) on_dismiss=dismiss on_done=done/> }.into_any(),
        OpenDialog::Delete(node) => view! { <DeleteDialog context node on_dismiss=dismiss on_done=done/> }.into_any(),
    };
    let columns = if context.is_managed { vec!["Name", "ID", "Created", "Action"] } else { vec!["Name", "ID", "Created"] };
    let empty_text = if context.is_managed { "No nodes yet. Add the inputs and outputs that key holders reference by ID." } else { "No nodes yet." };
    view! {
        <section class="section-card" aria-labelledby="project-nodes">
            <div class="section-head">
                <h2 id="project-nodes">"Nodes"</h2>
                {context.is_managed.then(|| view! { <Button label="Add node" on_click=dialogs.opener(OpenDialog::Add)/> })}
            </div>
            <RowTable label="Nodes" columns rows=nodes empty=move || view! { <p class="section-text">{empty_text}</p> } let(node)>
                <NodeTableRow context node dialogs/>
            </RowTable>
        </section>
        {dialogs.render(dialog)}
    }
}

#[component]
fn NodeTableRow(context: AboutContext, node: Memo<NodeRow>, dialogs: Dialogs<OpenDialog>) -> impl IntoView {
    let name = move || node.with(|node| node.name.clone());
    let (id, created_at) = node.with_untracked(|node| (node.id, node.created_at));
    view! {
        <tr aria-label=name>
            <td class="cell-name"><span class="cell-text">{name}</span></td>
            <td class="cell-soft" data-label="ID"><code>{id}</code></td>
            <td class="cell-soft" data-label="Created"><Time at=created_at format=TimeFormat::Date/></td>
            {context.is_managed.then(|| view! {
                <td class="cell-action">
                    <IconButton label="Edit" glyph=Glyph::Edit on_click=move |_| dialogs.open(OpenDialog::Rename(node.get_untracked()))/>
                    <IconButton label="Delete" glyph=Glyph::Trash danger=true
                        on_click=move |_| dialogs.open(OpenDialog::Delete(node.get_untracked()))/>
                </td>
            })}
        </tr>
    }
}

/// Creates a node, or renames `node` if given.
#[component]
fn NameDialog(context: AboutContext, node: Option<NodeRow>, on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let id = node.as_ref().map(|node| node.id);
    let name = node.map(|node| node.name).unwrap_or_default();
    let submit = move |()| form.send(form.check("name", validate::name).map(|name| save(context, id, name)), move |message| on_done.run(message));
    let (title, verb) = if id.is_some() { ("Edit node", "Save") } else { ("Add node", "Add node") };
    view! {
        <FormDialog title form submit=verb on_submit=submit on_dismiss>
            <Field form name="name" label="Name" value=name hint="e.g. Input. Latchkey assigns a permanent ID." autofocus=true/>
        </FormDialog>
    }
}

async fn save(context: AboutContext, id: Option<i64>, name: String) -> Result<String, Error> {
    match id {
        Some(id) => rename_node(context.id, id, name).await.map(|()| "Node renamed".to_owned()),
        None => create_node(context.id, name).await.map(|node| format!("Node added (ID {})", node.id)),
    }
}

#[component]
fn DeleteDialog(context: AboutContext, node: NodeRow, on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let id = node.id;
    let submit = move |()| {
        form.send(Some(ignore_not_found(delete_node(context.id, id))), move |()| on_done.run("Node deleted".to_owned()));
    };
    view! {
        <ConfirmDialog title="Delete this node?" objects=vec![ConfirmObject { name: node.name, facts: format!("ID {id}") }]
            effect="Its ID won’t be reused. Fields that mention it aren’t changed." verb="Delete" form on_confirm=submit on_dismiss/>
    }
}
