//! Approves and rejects access requests.

use super::{notify, request_event, require_open};
use crate::{
    Core,
    actor::{Actor, AuthMethod},
    audit::Event,
    projects::{self, ProjectAccess},
};
use latchkey_store::{
    self as store, Tx,
    access_requests::{AccessRequestRecord, state as states},
    issued_keys::NewIssuedKey,
    key_templates::{FieldRecord, TemplateRecord},
};
use latchkey_types::{
    error::Error,
    id::{AccessRequestId, KeyId, TemplateId},
    key_template::{self, IssuedField},
    notification::NotificationEvent,
    permission::{Permission, Permissions},
    time::Timestamp,
};

/// Approves a request: issues the key in the same transaction and notifies the requester. The key is not visible to anyone until its holder
/// reveals it. Needs *Manage Projects*, in the organization and in the project, and every permission of the template's role.
///
/// # Errors
/// `Conflict` at `request` if it is no longer pending, or if the requester is no longer eligible.
pub async fn approve(core: &Core, actor: &Actor, id: AccessRequestId) -> Result<(), Error> {
    actor.require(Permission::ManageProjects)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, access, request) = open_request(tx, &actor, id).await?;
                let template = find_template(tx, &actor, &request).await?;
                actor.require_all(template.role_allows())?;
                require_eligible(tx, &actor, &access, &request).await?;
                let issued = new_key(tx, &actor, &access, &request, &template).await?;
                store::access_requests::decide(tx, &request.id, states::APPROVED, actor.user, "", issued.created_at).await?;
                store::issued_keys::insert(tx, &issued).await?;
                auditor.record(tx, request_event(&actor, "request.approved", &access, &request)).await?;
                let event = Event::new(&actor, "key.issued", "key", issued.id, &template.name)
                    .with("project", access.record.name.as_str())
                    .with("user", request.user_name.as_str())
                    .with("role", template.role.as_str());
                auditor.record(tx, event).await?;
                notify(tx, &actor, &[issued.holder], NotificationEvent::Approved, &access, &template.name, "").await
            })
        })
        .await
}

/// Rejects a request, with an optional comment, and notifies the requester. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Conflict` at `request` if it is no longer pending.
pub async fn reject(core: &Core, actor: &Actor, id: AccessRequestId, comment: &str) -> Result<(), Error> {
    actor.require(Permission::ManageProjects)?;
    let comment = key_template::comment("comment", comment)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, access, request) = open_request(tx, &actor, id).await?;
                store::access_requests::decide(tx, &request.id, states::REJECTED, actor.user, &comment, Timestamp::now()).await?;
                auditor.record(tx, request_event(&actor, "request.rejected", &access, &request).with("word", comment.as_str())).await?;
                notify(tx, &actor, &[request.requester()?], NotificationEvent::Rejected, &access, &request.template, &comment).await
            })
        })
        .await
}

/// A pending request of a project that the actor manages. Returns the actor with the permissions read in the transaction `tx`.
async fn open_request(tx: &mut Tx, actor: &Actor, id: AccessRequestId) -> Result<(Actor, ProjectAccess, AccessRequestRecord), Error> {
    let request = store::access_requests::find(tx, actor.organization, id).await?.ok_or(Error::NotFound)?;
    let project = request.project_id.parse().map_err(|_| Error::Internal)?;
    let (actor, access) = projects::find_managed_for_update(tx, actor, project).await?;
    require_open(&request)?;
    Ok((actor, access, request))
}

async fn find_template(tx: &mut Tx, actor: &Actor, request: &AccessRequestRecord) -> Result<TemplateRecord, Error> {
    let id: TemplateId = request.template_id.parse().map_err(|_| Error::Internal)?;
    let template = store::key_templates::find(tx, actor.organization, id).await?.filter(|template| template.deleted_at.is_none());
    template.ok_or_else(|| Error::conflict("request", "The template was deleted, so no key can be issued."))
}

/// Requires that the requester is active, that the project is visible to them, and that they hold no key issued from the template.
async fn require_eligible(tx: &mut Tx, actor: &Actor, access: &ProjectAccess, request: &AccessRequestRecord) -> Result<(), Error> {
    let (id, name) = (request.requester()?, &request.user_name);
    let ineligible = |message: String| Err(Error::conflict("request", message));
    let member = store::members::find(&mut *tx, actor.organization, id).await?;
    let Some(member) = member.filter(|member| member.disabled_at.is_none()) else {
        return ineligible(format!("{name} can no longer sign in. Reject the request."));
    };
    let permissions = Permissions::parse_list(&member.permissions);
    let requester = Actor {
        organization: actor.organization,
        user: id,
        name: member.name,
        auth_method: AuthMethod::Session,
        permissions,
        scopes: None,
        address: None,
    };
    match projects::find_visible(tx, &requester, access.id).await {
        Ok(_) => {}
        Err(Error::NotFound | Error::Forbidden { .. }) => {
            return ineligible(format!("{name} no longer has access to this project. Add them as a member first, or reject the request."));
        }
        Err(error) => return Err(error),
    }
    let template = request.template_id.parse().map_err(|_| Error::Internal)?;
    if store::access_requests::has_valid_key(tx, template, id).await? {
        return ineligible(format!("{name} already has a key from this template. Revoke it first, or reject the request."));
    }
    Ok(())
}

/// The key to issue, with the current fields of the template. Its expiry is truncated to a whole second, the resolution of JWTs.
async fn new_key(
    tx: &mut Tx,
    actor: &Actor,
    access: &ProjectAccess,
    request: &AccessRequestRecord,
    template: &TemplateRecord,
) -> Result<NewIssuedKey, Error> {
    const SECOND_MS: i64 = 1000;
    let id: TemplateId = template.id.parse().map_err(|_| Error::Internal)?;
    let fields = store::key_templates::fields(tx, id).await?.into_iter().map(|field: FieldRecord| Ok(field.row()?.into()));
    let fields: Vec<IssuedField> = fields.collect::<Result<_, Error>>()?;
    let created_at = Timestamp::now();
    let whole_second = |at: Timestamp| Timestamp(at.0 - at.0.rem_euclid(SECOND_MS));
    Ok(NewIssuedKey {
        id: KeyId::new(),
        organization: actor.organization,
        project: access.id,
        template: id,
        request: request.id.parse().map_err(|_| Error::Internal)?,
        name: template.name.clone(),
        role: template.role_id.parse().map_err(|_| Error::Internal)?,
        fields: serde_json::to_string(&fields).map_err(|_| Error::Internal)?,
        holder: request.requester()?,
        approved_by: actor.user,
        created_at,
        expires_at: template.duration_days.map(|days| whole_second(created_at.plus_days(days))),
    })
}
