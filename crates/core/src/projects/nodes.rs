//! The nodes of a project: named numeric ids of the places where its keys are used.

use super::find_managed;
use crate::{Core, actor::Actor, audit::Event, change::Change};
use latchkey_store::{self as store, Connection};
use latchkey_types::{error::Error, id::ProjectId, permission::Permission, project::NodeRow, validate};

/// The maximum number of nodes of one project.
const NODES_MAX: usize = 1000;

/// A project's nodes, by number.
pub(super) async fn list_in(db: &mut Connection, project: ProjectId) -> Result<Vec<NodeRow>, Error> {
    Ok(store::project_nodes::all(db, project).await?.into_iter().map(Into::into).collect())
}

/// Adds a node to a project. Needs *Manage Projects*, in the organization and in the project.
pub async fn create(core: &Core, actor: &Actor, project: ProjectId, name: &str) -> Result<NodeRow, Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let project = find_managed(&mut change.tx, &change.actor, project).await?.id;
    let name = validate::name("name", name)?;
    if store::project_nodes::all(&mut change.tx, project).await?.len() >= NODES_MAX {
        return Err(Error::conflict("name", format!("A project has at most {NODES_MAX} nodes. Delete one first.")));
    }
    let id = store::project_nodes::insert(&mut change.tx, project, &name, change.actor.user).await.map_err(name_taken)?;
    let created = list_in(&mut change.tx, project).await?.into_iter().find(|node| node.id == id).ok_or(Error::Internal)?;
    let event = event(&change, "node.created", project, id, &name);
    change.commit([event]).await?;
    Ok(created)
}

/// Renames a node. Needs *Manage Projects*, in the organization and in the project.
pub async fn rename(core: &Core, actor: &Actor, project: ProjectId, id: i64, name: &str) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let project = find_managed(&mut change.tx, &change.actor, project).await?.id;
    let before = store::project_nodes::name(&mut change.tx, project, id).await?.ok_or(Error::NotFound)?;
    let name = validate::name("name", name)?;
    store::project_nodes::rename(&mut change.tx, project, id, &name).await.map_err(name_taken)?;
    let event = event(&change, "node.renamed", project, id, &name).with("from", before);
    change.commit([event]).await
}

/// Deletes a node. Its number is never reused. Needs *Manage Projects*, in the organization and in the project.
pub async fn delete(core: &Core, actor: &Actor, project: ProjectId, id: i64) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let project = find_managed(&mut change.tx, &change.actor, project).await?.id;
    let name = store::project_nodes::name(&mut change.tx, project, id).await?.ok_or(Error::NotFound)?;
    store::project_nodes::delete(&mut change.tx, project, id).await?;
    let event = event(&change, "node.deleted", project, id, &name);
    change.commit([event]).await
}

fn event(change: &Change, action: &'static str, project: ProjectId, id: i64, name: &str) -> Event {
    change.event(action, "node", id, name).with("project", project.to_string())
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "This project already has a node with this name.")
}
