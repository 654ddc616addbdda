//! Approving and rejecting.

use super::{about, tell};
use crate::{
    model::{
        fault::Fault,
        id::{KeyId, KeyRequestId, TemplateId},
        notice::NoticeEvent,
        permission::{Permission, Permissions},
        template::{self, IssuedField},
        time::Timestamp,
    },
    server::{
        actor::{Actor, Means},
        audit::Event,
        projects::{self, Reached},
        state::AppState,
        store::{
            self, Tx,
            issued::NewIssued,
            requests::{RequestRecord, state as states},
            templates::{FieldRecord, TemplateRecord},
        },
    },
};

/// Grants what is asked for: the request is decided and the key issued in one transaction, and who asked hears of it. Nobody sees the key
/// before its holder reveals it. Needs *Manage Projects*, in the organization and in the project, and every permission of the template's
/// role.
///
/// # Errors
/// `Conflict` at `request` when it was decided, withdrawn or closed meanwhile, and for somebody who may not have the key any more;
/// `NotFound`, `Forbidden`, `Unavailable`.
pub async fn approve(state: &AppState, actor: &Actor, id: KeyRequestId) -> Result<(), Fault> {
    actor.require(Permission::ManageProjects)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, reached, request) = waiting(tx, &actor, id).await?;
                let template = template_of(tx, &actor, &request).await?;
                actor.require_all(template.role_allows())?;
                require_able(tx, &actor, &reached, &request).await?;
                let issued = new_key(tx, &actor, &reached, &request, &template).await?;
                store::requests::decide(tx, &request.id, states::APPROVED, actor.user, "", issued.created_at).await?;
                store::issued::insert(tx, &issued).await?;
                auditor.record(tx, about(&actor, "request.approved", &reached, &request)).await?;
                let event = Event::new(&actor, "key.issued", "key", issued.id, &template.name)
                    .with("project", reached.record.name.as_str())
                    .with("user", request.user_name.as_str())
                    .with("role", template.role.as_str());
                auditor.record(tx, event).await?;
                tell(tx, &actor, &[issued.holder], NoticeEvent::Approved, &reached, &template.name, "").await
            })
        })
        .await
}

/// Turns a request down, with a word or without; who asked hears of it. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Invalid` at `word`; `Conflict` at `request` when it was decided, withdrawn or closed meanwhile; `NotFound`, `Forbidden`, `Unavailable`.
pub async fn reject(state: &AppState, actor: &Actor, id: KeyRequestId, word: &str) -> Result<(), Fault> {
    actor.require(Permission::ManageProjects)?;
    let word = template::word("word", word)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, reached, request) = waiting(tx, &actor, id).await?;
                store::requests::decide(tx, &request.id, states::REJECTED, actor.user, &word, Timestamp::now()).await?;
                auditor.record(tx, about(&actor, "request.rejected", &reached, &request).with("word", word.as_str())).await?;
                tell(tx, &actor, &[request.asker()?], NoticeEvent::Rejected, &reached, &request.template, &word).await
            })
        })
        .await
}

/// A request that the actor decides on, inside the transaction that does it.
async fn waiting(tx: &mut Tx, actor: &Actor, id: KeyRequestId) -> Result<(Actor, Reached, RequestRecord), Fault> {
    let request = store::requests::find(tx, actor.organization, id).await?.ok_or(Fault::NotFound)?;
    let project = request.project_id.parse().map_err(|_| Fault::Internal)?;
    let (actor, reached) = projects::managed_now(tx, actor, project).await?;
    request.require_open()?;
    Ok((actor, reached, request))
}

async fn template_of(tx: &mut Tx, actor: &Actor, request: &RequestRecord) -> Result<TemplateRecord, Fault> {
    let id: TemplateId = request.template_id.parse().map_err(|_| Fault::Internal)?;
    let template = store::templates::find(tx, actor.organization, id).await?.filter(|template| template.deleted_at.is_none());
    template.ok_or_else(|| Fault::conflict("request", "The template was deleted, so there is no key to grant."))
}

/// Goes on only where who asks may come in, sees the project, and holds no such key.
async fn require_able(tx: &mut Tx, actor: &Actor, reached: &Reached, request: &RequestRecord) -> Result<(), Fault> {
    let (id, name) = (request.asker()?, &request.user_name);
    let refused = |told: String| Err(Fault::conflict("request", told));
    let member = store::members::find(&mut *tx, actor.organization, id).await?;
    let Some(member) = member.filter(|member| member.disabled_at.is_none()) else {
        return refused(format!("{name} can't sign in any more, so there is nobody to give the key to. Reject the request."));
    };
    let permissions = Permissions::from_words(&member.permissions);
    let asker =
        Actor { organization: actor.organization, user: id, name: member.name, means: Means::Session, permissions, scopes: None, address: None };
    match projects::seen(tx, &asker, reached.id).await {
        Ok(_) => {}
        Err(Fault::NotFound | Fault::Forbidden { .. }) => {
            return refused(format!("{name} doesn't see this project any more. Make them a member of it first, or reject the request."));
        }
        Err(fault) => return Err(fault),
    }
    let template = request.template_id.parse().map_err(|_| Fault::Internal)?;
    if store::requests::holds(tx, template, id).await? {
        return refused(format!("{name} has a key by this template already. Revoke it first, or reject the request."));
    }
    Ok(())
}

/// The key that is granted: the fields as they are now, and an end that is a whole second, as its token will have it.
async fn new_key(tx: &mut Tx, actor: &Actor, reached: &Reached, request: &RequestRecord, template: &TemplateRecord) -> Result<NewIssued, Fault> {
    const SECOND_MS: i64 = 1000;
    let id: TemplateId = template.id.parse().map_err(|_| Fault::Internal)?;
    let fields = store::templates::fields(tx, id).await?.into_iter().map(|field: FieldRecord| Ok(field.row()?.into()));
    let fields: Vec<IssuedField> = fields.collect::<Result<_, Fault>>()?;
    let created_at = Timestamp::now();
    let whole = |at: Timestamp| Timestamp(at.0 - at.0.rem_euclid(SECOND_MS));
    Ok(NewIssued {
        id: KeyId::new(),
        organization: actor.organization,
        project: reached.id,
        template: id,
        request: request.id.parse().map_err(|_| Fault::Internal)?,
        name: template.name.clone(),
        role: template.role_id.parse().map_err(|_| Fault::Internal)?,
        fields: serde_json::to_string(&fields).map_err(|_| Fault::Internal)?,
        holder: request.asker()?,
        approved_by: actor.user,
        created_at,
        expires_at: template.duration_days.map(|days| whole(created_at.plus_days(days))),
    })
}
