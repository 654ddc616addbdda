//! Creates, updates and deletes projects.

use super::ProjectAccess;
use crate::{Core, actor::Actor, etag::ensure_unchanged, notifications};
use latchkey_store::{self as store, Tx, notifications::NewNotification, projects::ProjectRecord};
use latchkey_types::{
    error::Error,
    id::{ProjectId, UserId},
    notification::NotificationEvent,
    permission::Permission,
    project::{ProjectRequest, ProjectRow},
    validate,
};

fn validate(request: &ProjectRequest) -> Result<ProjectRequest, Error> {
    Ok(ProjectRequest {
        name: validate::name("name", &request.name)?,
        description: validate::description("description", &request.description)?,
        visibility: request.visibility,
    })
}

/// Creates a project. Its creator becomes its first member, with their role in the organization. Needs *Manage Projects*.
pub async fn create(core: &Core, actor: &Actor, request: ProjectRequest) -> Result<ProjectRow, Error> {
    actor.require(Permission::ManageProjects)?;
    let request = validate(&request)?;
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let creator = store::members::find(&mut change.tx, change.actor.organization, change.actor.user).await?.ok_or(Error::SignedOut)?;
    let id = ProjectId::new();
    store::projects::insert(&mut change.tx, id, change.actor.organization, &request, change.actor.user).await.map_err(name_taken)?;
    store::project_members::insert(&mut change.tx, id, change.actor.user, creator.role_id, change.actor.user).await?;
    let created = super::find_access(&mut change.tx, &change.actor, id).await?.row();
    let event = change.event("project.created", "project", id, &request.name);
    change.commit([event]).await?;
    Ok(created)
}

/// Updates a project. With the values `before` that an editor displayed, changes only those that differ from them. Needs *Manage Projects*, in
/// the organization and in the project.
///
/// # Errors
/// `Conflict` at a value if it was changed concurrently.
pub async fn edit(core: &Core, actor: &Actor, id: ProjectId, before: Option<ProjectRequest>, request: ProjectRequest) -> Result<ProjectRow, Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let stored = super::find_managed(&mut change.tx, &change.actor, id).await?.record;
    // Permission (403) and existence (404) take precedence over validation errors.
    let request = validate(&request)?;
    let request = match before {
        Some(before) => merge(&stored, &before, request)?,
        None => request,
    };
    store::projects::update(&mut change.tx, id, &request).await.map_err(name_taken)?;
    let edited = super::find_access(&mut change.tx, &change.actor, id).await?.row();
    let event = change
        .event("project.edited", "project", id, &request.name)
        .with("name_before", stored.name)
        .with("visibility_before", stored.visibility.as_str())
        .with("visibility", request.visibility.as_str());
    change.commit([event]).await?;
    Ok(edited)
}

/// The stored values, except those that an editor changed from `before` to `after`.
fn merge(stored: &ProjectRecord, before: &ProjectRequest, after: ProjectRequest) -> Result<ProjectRequest, Error> {
    let mut merged = ProjectRequest { name: stored.name.clone(), description: stored.description.clone(), visibility: stored.visibility };
    if after.name != before.name {
        ensure_unchanged("name", &merged.name, &before.name, &after.name)?;
        merged.name = after.name;
    }
    if after.description != before.description {
        ensure_unchanged("description", &merged.description, &before.description, &after.description)?;
        merged.description = after.description;
    }
    if after.visibility != before.visibility {
        ensure_unchanged("visibility", merged.visibility.as_str(), before.visibility.as_str(), after.visibility.as_str())?;
        merged.visibility = after.visibility;
    }
    Ok(merged)
}

/// Deletes a project permanently. Its open requests are closed and its keys revoked immediately, with notifications to requesters and holders;
/// its secrets and samples are removed, and its imports stopped. Needs *Manage Projects*, in the organization and in the project.
pub async fn delete(core: &Core, actor: &Actor, id: ProjectId) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let project = super::find_managed(&mut change.tx, &change.actor, id).await?;
    let actor_name = store::members::find(&mut change.tx, change.actor.organization, change.actor.user).await?.ok_or(Error::SignedOut)?.name;
    let closed = store::projects::close_requests(&mut change.tx, id, change.actor.user).await?;
    notify_each(&mut change.tx, &change.actor, &project, &actor_name, NotificationEvent::Closed, &closed).await?;
    let revoked = store::issued_keys::revoke_all(&mut change.tx, id).await?;
    notify_each(&mut change.tx, &change.actor, &project, &actor_name, NotificationEvent::Revoked, &revoked).await?;
    store::imports::stop_in_project(&mut change.tx, id).await?;
    let samples = store::samples::delete_of_project(&mut change.tx, change.actor.organization, id).await?;
    store::projects::delete(&mut change.tx, id).await?;
    let event = change
        .event("project.deleted", "project", id, &project.record.name)
        .with("requests_closed", closed.len())
        .with("keys_revoked", revoked.len())
        .with("samples_deleted", samples);
    change.commit([event]).await?;
    core.samples.notify_discarded();
    Ok(())
}

/// Notifies users except the actor. `recipients` are pairs of user id and template name.
async fn notify_each(
    tx: &mut Tx,
    actor: &Actor,
    project: &ProjectAccess,
    actor_name: &str,
    event: NotificationEvent,
    recipients: &[(UserId, String)],
) -> Result<(), Error> {
    for (user, template) in recipients {
        let notice = NewNotification {
            event,
            project_id: Some(project.id),
            request_id: None,
            link: None,
            project: project.record.name.clone(),
            template: template.clone(),
            actor_name: actor_name.to_owned(),
            comment: String::new(),
        };
        if *user != actor.user {
            notifications::notify(tx, &[*user], &notice).await?;
        }
    }
    Ok(())
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "A project with this name already exists.")
}
