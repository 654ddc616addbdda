//! The nodes of a project.

use leptos::prelude::*;

use super::about::Desk;
use crate::{
    api::belongings::{create_node, delete_node, rename_node},
    model::{
        fault::Fault,
        project::{Belongings, NodeRow},
        text,
    },
    ui::{
        button::{Button, IconButton, Weight},
        field::Field,
        form::{Form, or_gone},
        form_dialog::FormDialog,
        icon::Glyph,
        time::{Telling, Time},
    },
};

/// What somebody asked for, in a dialog over the list.
#[derive(Clone)]
enum Asked {
    Add,
    Rename(NodeRow),
    Delete(NodeRow),
}

/// Its nodes: named numbers that keys are used at.
#[component]
pub fn Nodes(
    /// What the page shares.
    desk: Desk,
) -> impl IntoView {
    let asked = RwSignal::new(None::<Asked>);
    let dismiss = Callback::new(move |()| asked.set(None));
    let done = Callback::new(move |told: String| {
        asked.set(None);
        desk.tell(told);
    });
    let ids = move || desk.belongings.with(|belongings| belongings.nodes.iter().map(|node| node.id).collect::<Vec<_>>());
    let is_empty = move || desk.belongings.with(|belongings| belongings.nodes.is_empty());
    let dialog = move |wanted| match wanted {
        Asked::Add => view! { <NameDialog desk node=None on_dismiss=dismiss on_done=done/> }.into_any(),
        Asked::Rename(node) => view! { <NameDialog desk node=Some(node) on_dismiss=dismiss on_done=done/> }.into_any(),
        Asked::Delete(node) => view! { <DeleteDialog desk node on_dismiss=dismiss on_done=done/> }.into_any(),
    };
    let none = if desk.is_managed {
        "None yet. Whoever uses a key may need to know the number of what they read from or write to: add such a node here."
    } else {
        "None yet."
    };
    view! {
        <section class="sheet" aria-labelledby="project-nodes">
            <div class="sheet-row">
                <h2 id="project-nodes">"Nodes"</h2>
                {desk.is_managed.then(|| view! { <Button label="Add node" on_click=move |()| asked.set(Some(Asked::Add))/> })}
            </div>
            <Show when=move || !is_empty() fallback=move || view! { <p class="sheet-none">{none}</p> }>
                <div class="table-frame">
                    <table class="table" aria-label="Nodes">
                        <thead>
                            <tr>
                                <th scope="col">"Name"</th>
                                <th scope="col">"ID"</th>
                                <th scope="col">"Made"</th>
                                {desk.is_managed.then(|| view! { <th scope="col">"Action"</th> })}
                            </tr>
                        </thead>
                        <tbody>
                            <For each=ids key=|id| *id let(id)>
                                <Line desk id asked/>
                            </For>
                        </tbody>
                    </table>
                </div>
            </Show>
        </section>
        {move || asked.get().map(dialog)}
    }
}

/// A node. Drawn once and changed in place, so that its buttons keep the focus.
#[component]
fn Line(desk: Desk, id: i64, asked: RwSignal<Option<Asked>>) -> impl IntoView {
    let find = move |belongings: &Belongings| belongings.nodes.iter().find(|node| node.id == id).cloned();
    let Some(node) = desk.belongings.part(find) else { return ().into_any() };
    let name = move || node.with(|node| node.name.clone());
    view! {
        <tr aria-label=name>
            <td class="cell-name"><span class="cell-text">{name}</span></td>
            <td class="cell-soft" data-label="ID"><code>{id}</code></td>
            <td class="cell-soft" data-label="Made"><Time at=node.with_untracked(|node| node.created_at) telling=Telling::Date/></td>
            {desk.is_managed.then(|| view! {
                <td class="cell-action">
                    <IconButton label="Edit" glyph=Glyph::Edit on_click=move |_| asked.set(Some(Asked::Rename(node.get_untracked())))/>
                    <IconButton label="Delete" glyph=Glyph::Trash danger=true on_click=move |_| asked.set(Some(Asked::Delete(node.get_untracked())))/>
                </td>
            })}
        </tr>
    }
    .into_any()
}

/// Asks for a name, then makes a node of that name or gives it to the one that is there.
#[component]
fn NameDialog(desk: Desk, node: Option<NodeRow>, on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let id = node.as_ref().map(|node| node.id);
    let name = node.map(|node| node.name).unwrap_or_default();
    let submit = move |()| form.send(form.check("name", text::name).map(|name| save(desk, id, name)), move |told| on_done.run(told));
    view! {
        <FormDialog title=if id.is_some() { "Edit node" } else { "Add node" } form submit="Save" on_submit=submit on_dismiss>
            <Field form name="name" label="Name" value=name hint="What it is, such as “Input”. Its number is given by Latchkey and stays." autofocus=true/>
        </FormDialog>
    }
}

async fn save(desk: Desk, id: Option<i64>, name: String) -> Result<String, Fault> {
    match id {
        Some(id) => rename_node(desk.id, id, name).await.map(|()| "The node has another name now.".to_owned()),
        None => create_node(desk.id, name).await.map(|made| format!("The node “{}” has the id {}.", made.name, made.id)),
    }
}

/// Asks, then deletes a node.
#[component]
fn DeleteDialog(desk: Desk, node: NodeRow, on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let told = format!("“{}” was deleted.", node.name);
    let id = node.id;
    let submit = move |()| {
        let told = told.clone();
        form.send(Some(or_gone(delete_node(desk.id, id))), move |()| on_done.run(told));
    };
    view! {
        <FormDialog title="Delete this node?" form submit="Delete" weight=Weight::Danger on_submit=submit on_dismiss>
            <p><strong class="quoted">{node.name}</strong></p>
            <p>"Its id " <code>{id}</code> " is never used again. Keys that name it in a field still do."</p>
        </FormDialog>
    }
}
