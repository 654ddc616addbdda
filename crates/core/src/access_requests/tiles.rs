//! A project's templates as cards, each with the actor's key or request.

use crate::{Core, actor::Actor, key_templates, projects};
use latchkey_store::{
    self as store,
    access_requests::{AccessRequestRecord, HeldKeyRecord, state as states},
    key_templates::TemplateRecord,
};
use latchkey_types::{
    error::Error,
    id::ProjectId,
    key_kind::{Lifecycle, Status},
    key_template::{IssuedField, KeyCard, KeyCards, PendingRequest, RejectedRequest, UserKey},
    permission::Permissions,
    project::IN_PROJECT,
    time::Timestamp,
};

/// A project's cards: one per template that is no draft, and one per key of the actor whose template was deleted. Needs *View Project*, in the
/// organization and in the project.
///
/// # Errors
/// `NotFound` also for a project that is not visible to the actor.
pub async fn cards(core: &Core, actor: &Actor, project: ProjectId) -> Result<KeyCards, Error> {
    let mut db = core.store.connection().await?;
    projects::find_visible(&mut db, actor, project).await?;
    let templates = key_templates::of_project(&mut db, project).await?;
    let requests = store::access_requests::last_of_user(&mut db, project, actor.user).await?;
    let mut held = store::access_requests::held_keys(&mut db, project, actor.user).await?;
    let (_, currency) = store::organizations::settings(&mut db, actor.organization).await?;

    let mut cards = Vec::with_capacity(templates.len());
    for (template, fields) in templates.into_iter().filter(|(template, _)| template.draft_since.is_none()) {
        let mut card = from_template(&template, fields.into_iter().map(Into::into).collect());
        let own: Vec<_> = held.extract_if(.., |key| key.template_id == template.id).collect();
        // The key in use, otherwise the latest one.
        if let Some(key) = own.iter().find(|key| is_live(key)).or(own.first()) {
            set_key(&mut card, key)?;
        }
        if let Some(request) = requests.iter().find(|request| request.template_id == template.id) {
            set_request(&mut card, request);
        }
        cards.push(card);
    }
    for key in held.iter().filter(|key| is_live(key)) {
        cards.push(from_deleted_template(key)?);
    }
    Ok(KeyCards { tiles: cards, currency })
}

/// The permissions of a role that apply in projects.
fn in_project(permissions: Permissions) -> Permissions {
    let relevant: Vec<_> = IN_PROJECT.into_iter().filter(|permission| permissions.has(*permission)).collect();
    Permissions::of(&relevant)
}

fn from_template(template: &TemplateRecord, fields: Vec<IssuedField>) -> KeyCard {
    KeyCard {
        template: template.id,
        is_deleted: false,
        name: template.name.clone(),
        description: template.description.clone(),
        role: template.role.clone(),
        permits: in_project(template.role_permissions),
        fields,
        price: template.price,
        duration_days: template.duration_days,
        pending: None,
        rejected: None,
        key: None,
    }
}

/// A card for a key whose template was deleted: the key itself remains valid.
fn from_deleted_template(key: &HeldKeyRecord) -> Result<KeyCard, Error> {
    let mut card = KeyCard {
        template: key.template_id,
        is_deleted: true,
        name: key.name.clone(),
        description: key.description.clone(),
        role: String::new(),
        permits: Permissions::default(),
        fields: Vec::new(),
        price: key.price,
        duration_days: None,
        pending: None,
        rejected: None,
        key: None,
    };
    set_key(&mut card, key)?;
    Ok(card)
}

/// Sets the key of a card. While the key is in use, the card shows its role and fields instead of the template's.
fn set_key(card: &mut KeyCard, record: &HeldKeyRecord) -> Result<(), Error> {
    if is_live(record) {
        card.role.clone_from(&record.role);
        card.permits = in_project(record.role_permissions);
        card.fields = serde_json::from_str(&record.fields).map_err(|_| Error::Internal)?;
    }
    card.key = Some(UserKey {
        id: record.id,
        received_at: record.created_at,
        revealed_at: record.revealed_at,
        expires_at: record.expires_at,
        status: status(record),
        revoked_at: record.revoked_at,
    });
    Ok(())
}

fn status(record: &HeldKeyRecord) -> Status {
    let lifecycle = Lifecycle { expires_at: record.expires_at, disabled_at: record.disabled_at, revoked_at: record.revoked_at, deleted_at: None };
    lifecycle.status(Timestamp::now())
}

fn is_live(record: &HeldKeyRecord) -> bool {
    matches!(status(record), Status::Active | Status::Disabled)
}

/// Sets the actor's last request of a card, if it is pending or was rejected.
fn set_request(card: &mut KeyCard, request: &AccessRequestRecord) {
    match request.state.as_str() {
        states::OPEN => card.pending = Some(PendingRequest { id: request.id, requested_at: request.requested_at }),
        states::REJECTED => {
            card.rejected = Some(RejectedRequest {
                at: request.decided_at.unwrap_or(request.requested_at),
                by: request.decider.clone().unwrap_or_default(),
                comment: request.comment.clone(),
            });
        }
        _ => {}
    }
}
