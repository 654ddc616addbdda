//! A project's templates as tiles: what may be requested, what waits, what is held.

use crate::{
    model::{
        fault::Fault,
        id::{ProjectId, TemplateId},
        money::Money,
        permission::Permissions,
        policy::{Lifecycle, Status},
        project::IN_PROJECT,
        template::{HeldKey, IssuedField, KeyTile, KeyTiles, Rejection, Waiting},
        time::Timestamp,
    },
    server::{
        actor::Actor,
        projects,
        state::AppState,
        store::{
            self,
            requests::{HeldRecord, RequestRecord, state as states},
            templates::TemplateRecord,
        },
        templates,
    },
};

/// A project's tiles, as they are to the actor. Needs *View Project*, in the organization and in the project.
///
/// # Errors
/// `NotFound` also for a project that they don't see; `Forbidden`, `Unavailable`.
pub async fn tiles(state: &AppState, actor: &Actor, project: ProjectId) -> Result<KeyTiles, Fault> {
    let mut db = state.store.read()?.acquire().await?;
    projects::seen(&mut db, actor, project).await?;
    let templates = templates::of_project(&mut db, project).await?;
    let requests = store::requests::last_of_user(&mut db, project, actor.user).await?;
    let mut held = store::requests::held(&mut db, project, actor.user).await?;
    let (_, currency) = store::organizations::settings(&mut db, actor.organization).await?;

    let mut tiles = Vec::with_capacity(templates.len());
    for (template, fields) in templates {
        let mut tile = of_template(&template, fields.into_iter().map(Into::into).collect())?;
        let own: Vec<_> = held.extract_if(.., |key| key.template_id == template.id).collect();
        // The one in use; else the last.
        if let Some(key) = own.iter().find(|key| is_live(key)).or(own.first()) {
            hold(&mut tile, key)?;
        }
        if let Some(request) = requests.iter().find(|request| request.template_id == template.id) {
            ask(&mut tile, request)?;
        }
        tiles.push(tile);
    }
    for key in held.iter().filter(|key| is_live(key)) {
        tiles.push(of_gone(key)?);
    }
    Ok(KeyTiles { tiles, currency })
}

/// What a role permits in a project.
fn in_project(words: &str) -> Permissions {
    let permissions = Permissions::from_words(words);
    let counted: Vec<_> = IN_PROJECT.into_iter().filter(|permission| permissions.has(*permission)).collect();
    Permissions::of(&counted)
}

fn of_template(template: &TemplateRecord, fields: Vec<IssuedField>) -> Result<KeyTile, Fault> {
    Ok(KeyTile {
        template: template.id.parse().map_err(|_| Fault::Internal)?,
        is_deleted: false,
        name: template.name.clone(),
        description: template.description.clone(),
        role: template.role.clone(),
        permits: in_project(&template.role_permissions),
        fields,
        price: Money(template.price),
        duration_days: template.duration_days,
        waiting: None,
        rejected: None,
        key: None,
    })
}

/// A key whose template is gone is its holder's all the same.
fn of_gone(key: &HeldRecord) -> Result<KeyTile, Fault> {
    let template: TemplateId = key.template_id.parse().map_err(|_| Fault::Internal)?;
    let mut tile = KeyTile {
        template,
        is_deleted: true,
        name: key.name.clone(),
        description: key.description.clone(),
        role: String::new(),
        permits: Permissions::default(),
        fields: Vec::new(),
        price: Money(key.price),
        duration_days: None,
        waiting: None,
        rejected: None,
        key: None,
    };
    hold(&mut tile, key)?;
    Ok(tile)
}

/// Notes the key that is held. While it is in use its own role and fields count, not the template's.
fn hold(tile: &mut KeyTile, record: &HeldRecord) -> Result<(), Fault> {
    if is_live(record) {
        tile.role.clone_from(&record.role);
        tile.permits = in_project(&record.role_permissions);
        tile.fields = serde_json::from_str(&record.fields).map_err(|_| Fault::Internal)?;
    }
    tile.key = Some(HeldKey {
        id: record.id.parse().map_err(|_| Fault::Internal)?,
        received_at: Timestamp(record.created_at),
        revealed_at: record.revealed_at.map(Timestamp),
        expires_at: record.expires_at.map(Timestamp),
        status: status(record),
        revoked_at: record.revoked_at.map(Timestamp),
    });
    Ok(())
}

fn status(record: &HeldRecord) -> Status {
    let life = Lifecycle {
        expires_at: record.expires_at.map(Timestamp),
        disabled_at: record.disabled_at.map(Timestamp),
        revoked_at: record.revoked_at.map(Timestamp),
        deleted_at: None,
    };
    life.status(Timestamp::now())
}

fn is_live(record: &HeldRecord) -> bool {
    matches!(status(record), Status::Active | Status::Disabled)
}

/// Notes the reader's last request where it waits, or was turned down and nothing came after.
fn ask(tile: &mut KeyTile, request: &RequestRecord) -> Result<(), Fault> {
    match request.state.as_str() {
        states::OPEN => {
            let id = request.id.parse().map_err(|_| Fault::Internal)?;
            tile.waiting = Some(Waiting { id, asked_at: Timestamp(request.requested_at) });
        }
        states::REJECTED => {
            tile.rejected = Some(Rejection {
                at: Timestamp(request.decided_at.unwrap_or(request.requested_at)),
                by: request.decider.clone().unwrap_or_default(),
                word: request.word.clone(),
            });
        }
        _ => {}
    }
    Ok(())
}
