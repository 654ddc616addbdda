//! Edits one value of a key template at a time.

use super::{find_managed, read};
use crate::{Core, actor::Actor, etag::ensure_unchanged};
use latchkey_store::{self as store, Connection, key_templates::TemplateRecord};
use latchkey_types::{
    error::Error,
    id::{RoleId, TemplateId},
    key_template::{TemplateRow, TemplateValue, ValueEdit, days, days_text},
    money::Money,
    permission::Permission,
    validate,
};

/// Changes one value of a template, if it still has the value that the editor displayed. Saving the name of a draft, even the same one, offers its
/// keys to others. A new price applies from the next request on, also for keys that are already issued. Needs *Manage Projects*, in the
/// organization and in the project; for a role also every permission of it.
///
/// # Errors
/// `Conflict` at the value if it was changed concurrently or the name is taken.
pub async fn edit(core: &Core, actor: &Actor, id: TemplateId, edit: ValueEdit<TemplateValue>) -> Result<TemplateRow, Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let (access, mut template) = find_managed(&mut change.tx, &change.actor, id).await?;
    let value = edit.which.as_str();
    let (now, after) = set_value(&mut change.tx, &change.actor, &mut template, &edit).await?;
    ensure_unchanged(value, &now, &edit.before, &after)?;
    let publishes = edit.which == TemplateValue::Name && template.draft_since.take().is_some();
    if now == after && !publishes {
        return read(&mut change.tx, &change.actor, id).await;
    }
    store::key_templates::update(&mut change.tx, &template).await.map_err(name_taken)?;
    let edited = read(&mut change.tx, &change.actor, id).await?;
    let mut event = change.event("template.changed", "template", id, &template.name).with("project", access.record.name).with("value", value);
    // Descriptions are long and not relevant for an audit.
    if edit.which != TemplateValue::Description {
        event = event.with("before", now).with("after", after);
    }
    if publishes {
        event = event.with("published", true);
    }
    change.commit([event]).await?;
    Ok(edited)
}

/// Validates the new value and sets it in the record. Returns the value before and after, as text.
async fn set_value(
    db: &mut Connection,
    actor: &Actor,
    template: &mut TemplateRecord,
    edit: &ValueEdit<TemplateValue>,
) -> Result<(String, String), Error> {
    let (field, typed) = (edit.which.as_str(), edit.after.as_str());
    Ok(match edit.which {
        TemplateValue::Name => put(&mut template.name, validate::name(field, typed)?),
        TemplateValue::Description => put(&mut template.description, validate::description(field, typed)?),
        TemplateValue::Role => put(&mut template.role_id, role(db, actor, field, typed).await?),
        TemplateValue::Price => put(&mut template.price, Money::price(field, typed)?),
        TemplateValue::DurationDays => {
            let days = days(field, typed)?;
            let before = std::mem::replace(&mut template.duration_days, days);
            (days_text(before), days_text(days))
        }
    })
}

/// Sets a value and returns it before and after, as text.
fn put<T: std::fmt::Display>(slot: &mut T, after: T) -> (String, String) {
    let before = std::mem::replace(slot, after);
    (before.to_string(), slot.to_string())
}

/// The id of a role that the actor may assign.
async fn role(db: &mut Connection, actor: &Actor, field: &str, typed: &str) -> Result<RoleId, Error> {
    let unknown = || Error::invalid(field, "Choose a role of your organization.");
    let id: RoleId = typed.parse().map_err(|_| unknown())?;
    let role = store::roles::find(db, actor.organization, id).await?.ok_or_else(unknown)?;
    actor.require_all(role.permissions)?;
    Ok(role.id)
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "This project already has a template with this name.")
}
