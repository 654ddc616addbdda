//! Approves and rejects access requests.

use super::{notify, request_event, require_open};
use crate::{
    Core,
    actor::Actor,
    projects::{self, ProjectAccess},
};
use latchkey_store::{
    self as store, Connection,
    access_requests::{AccessRequestRecord, state as states},
    issued_keys::NewIssuedKey,
    key_templates::TemplateRecord,
};
use latchkey_types::{
    error::Error,
    id::{AccessRequestId, KeyId},
    key_template::{self, IssuedField},
    notification::NotificationEvent,
    permission::Permission,
    time::Timestamp,
};

/// Approves a request: issues the key in the same transaction and notifies the requester. The key is not visible to anyone until its holder
/// reveals it. Needs *Manage Projects*, in the organization and in the project, and every permission of the template's role.
///
/// # Errors
/// `Conflict` at `request` if it is no longer pending, or if the requester is no longer eligible.
pub async fn approve(core: &Core, actor: &Actor, id: AccessRequestId) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let (access, request) = open_request(&mut change.tx, &change.actor, id).await?;
    let template = find_template(&mut change.tx, &change.actor, &request).await?;
    change.actor.require_all(template.role_permissions)?;
    require_eligible(&mut change.tx, &change.actor, &access, &request).await?;
    let issued = new_key(&mut change.tx, &change.actor, &access, &request, &template).await?;
    store::access_requests::decide(&mut change.tx, id, states::APPROVED, change.actor.user, "", issued.created_at).await?;
    store::issued_keys::insert(&mut change.tx, &issued).await?;
    notify(&mut change, &[issued.holder], NotificationEvent::Approved, &access, &request, "").await?;
    let approval = request_event(&change, "request.approved", &access, &request);
    let issue = change
        .event("key.issued", "key", issued.id, &template.name)
        .with("project", access.record.name)
        .with("user", request.user_name)
        .with("role", template.role);
    change.commit([approval, issue]).await
}

/// Rejects a request, with an optional comment, and notifies the requester. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Conflict` at `request` if it is no longer pending.
pub async fn reject(core: &Core, actor: &Actor, id: AccessRequestId, comment: &str) -> Result<(), Error> {
    actor.require(Permission::ManageProjects)?;
    let comment = key_template::comment("comment", comment)?;
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let (access, request) = open_request(&mut change.tx, &change.actor, id).await?;
    store::access_requests::decide(&mut change.tx, id, states::REJECTED, change.actor.user, &comment, Timestamp::now()).await?;
    notify(&mut change, &[request.user_id], NotificationEvent::Rejected, &access, &request, &comment).await?;
    let event = request_event(&change, "request.rejected", &access, &request).with("reason", comment);
    change.commit([event]).await
}

/// A pending request of a project that the actor manages, with that project.
async fn open_request(db: &mut Connection, actor: &Actor, id: AccessRequestId) -> Result<(ProjectAccess, AccessRequestRecord), Error> {
    let request = store::access_requests::find(db, actor.organization, id).await?.ok_or(Error::NotFound)?;
    let access = projects::find_managed(db, actor, request.project_id).await?;
    require_open(&request)?;
    Ok((access, request))
}

async fn find_template(db: &mut Connection, actor: &Actor, request: &AccessRequestRecord) -> Result<TemplateRecord, Error> {
    let template = store::key_templates::find(db, actor.organization, request.template_id).await?;
    let template = template.filter(|template| template.deleted_at.is_none());
    template.ok_or_else(|| Error::conflict("request", "The template was deleted, so no key can be issued."))
}

/// Requires that the requester is active, that the project is visible to them, and that they hold no key issued from the template.
async fn require_eligible(db: &mut Connection, actor: &Actor, access: &ProjectAccess, request: &AccessRequestRecord) -> Result<(), Error> {
    let (id, name) = (request.user_id, &request.user_name);
    let ineligible = |message: String| Err(Error::conflict("request", message));
    let member = store::members::find(db, actor.organization, id).await?;
    let Some(member) = member.filter(|member| member.disabled_at.is_none()) else {
        return ineligible(format!("{name} can no longer sign in. Reject the request."));
    };
    let requester = Actor { user: id, name: member.name, permissions: member.permissions, scopes: None, ..actor.clone() };
    match projects::find_visible(db, &requester, access.id).await {
        Ok(_) => {}
        Err(Error::NotFound | Error::Forbidden { .. }) => {
            return ineligible(format!("{name} no longer has access to this project. Add them as a member first, or reject the request."));
        }
        Err(error) => return Err(error),
    }
    if store::access_requests::has_valid_key(db, request.template_id, id).await? {
        return ineligible(format!("{name} already has a key from this template. Revoke it first, or reject the request."));
    }
    Ok(())
}

/// The key to issue, with the current fields of the template. Its expiry is truncated to a whole second, the resolution of JWTs.
async fn new_key(
    db: &mut Connection,
    actor: &Actor,
    access: &ProjectAccess,
    request: &AccessRequestRecord,
    template: &TemplateRecord,
) -> Result<NewIssuedKey, Error> {
    const SECOND_MS: i64 = 1000;
    let fields = store::key_templates::fields(db, template.id).await?;
    let fields: Vec<IssuedField> = fields.into_iter().map(|field| field.row().into()).collect();
    let created_at = Timestamp::now();
    let whole_second = |at: Timestamp| Timestamp(at.0 - at.0.rem_euclid(SECOND_MS));
    Ok(NewIssuedKey {
        id: KeyId::new(),
        organization: actor.organization,
        project: access.id,
        template: template.id,
        request: request.id,
        name: template.name.clone(),
        role: template.role_id,
        fields: serde_json::to_string(&fields).map_err(|_| Error::Internal)?,
        holder: request.user_id,
        approved_by: actor.user,
        created_at,
        expires_at: template.duration_days.map(|days| whole_second(created_at.plus_days(days))),
    })
}
