//! The nodes of a project: named numeric ids of the places where its keys are used.

use super::find_managed_for_update;
use crate::{Core, actor::Actor, audit::Event};
use latchkey_store::{self as store, Tx};
use latchkey_types::{error::Error, id::ProjectId, permission::Permission, project::NodeRow, validate};

/// The maximum number of nodes of one project.
const NODES_MAX: usize = 1000;

/// A project's nodes, by number.
pub(super) async fn list_in(db: &mut Tx, project: ProjectId) -> Result<Vec<NodeRow>, Error> {
    Ok(store::project_nodes::all(db, project).await?.into_iter().map(Into::into).collect())
}

/// Adds a node to a project. Needs *Manage Projects*, in the organization and in the project.
pub async fn create(core: &Core, actor: &Actor, project: ProjectId, name: &str) -> Result<NodeRow, Error> {
    actor.require(Permission::ManageProjects)?;
    let name = validate::name("name", name);
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, project) = find_managed_for_update(tx, &actor, project).await?;
                let name = name?;
                if store::project_nodes::all(tx, project.id).await?.len() >= NODES_MAX {
                    return Err(Error::conflict("name", format!("A project has at most {NODES_MAX} nodes. Delete one first.")));
                }
                let id = store::project_nodes::insert(tx, project.id, &name, actor.user).await.map_err(name_taken)?;
                let event = Event::new(&actor, "node.created", "node", id, &name).with("project", project.id.to_string());
                auditor.record(tx, event).await?;
                list_in(tx, project.id).await?.into_iter().find(|node| node.id == id).ok_or(Error::Internal)
            })
        })
        .await
}

/// Renames a node. Needs *Manage Projects*, in the organization and in the project.
pub async fn rename(core: &Core, actor: &Actor, project: ProjectId, id: i64, name: &str) -> Result<(), Error> {
    actor.require(Permission::ManageProjects)?;
    let name = validate::name("name", name);
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, project) = find_managed_for_update(tx, &actor, project).await?;
                let before = store::project_nodes::name(tx, project.id, id).await?.ok_or(Error::NotFound)?;
                let name = name?;
                store::project_nodes::rename(tx, project.id, id, &name).await.map_err(name_taken)?;
                let event = Event::new(&actor, "node.renamed", "node", id, &name).with("project", project.id.to_string()).with("from", before);
                Ok(auditor.record(tx, event).await?)
            })
        })
        .await
}

/// Deletes a node. Its number is never reused. Needs *Manage Projects*, in the organization and in the project.
pub async fn delete(core: &Core, actor: &Actor, project: ProjectId, id: i64) -> Result<(), Error> {
    actor.require(Permission::ManageProjects)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, project) = find_managed_for_update(tx, &actor, project).await?;
                let name = store::project_nodes::name(tx, project.id, id).await?.ok_or(Error::NotFound)?;
                store::project_nodes::delete(tx, project.id, id).await?;
                Ok(auditor.record(tx, Event::new(&actor, "node.deleted", "node", id, &name).with("project", project.id.to_string())).await?)
            })
        })
        .await
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "This project already has a node with this name.")
}
