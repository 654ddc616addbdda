//! Edits one value of a key template at a time.

use super::{ensure_unchanged, find_managed_for_update, read, require};
use crate::{Core, actor::Actor, audit::Event};
use latchkey_store::{self as store, Tx, key_templates::TemplateRecord};
use latchkey_types::{
    error::Error,
    id::{RoleId, TemplateId},
    key_template::{TemplateRow, TemplateValue, ValueEdit, days, days_text},
    money::Money,
    validate,
};

/// Changes one value of a template, if it still has the value that the editor displayed. A new price applies from the next request on, also for
/// keys that are already issued. Needs *Manage Projects*, in the organization and in the project; for a role also every permission of it.
///
/// # Errors
/// `Conflict` at the value if it was changed concurrently or the name is taken.
pub async fn edit(core: &Core, actor: &Actor, id: TemplateId, edit: ValueEdit<TemplateValue>) -> Result<TemplateRow, Error> {
    require(actor)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    let (edited, priced) = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, access, mut template) = find_managed_for_update(tx, &actor, id).await?;
                let value = edit.which.as_str();
                let (now, after) = change(tx, &actor, &mut template, &edit).await?;
                ensure_unchanged(value, &now, &edit.before, &after)?;
                if now == after {
                    return Ok((read(tx, &actor, id).await?, Vec::new()));
                }
                store::key_templates::update(tx, &template).await.map_err(name_taken)?;
                let priced = if edit.which == TemplateValue::Price { store::issued_keys::digests_of_template(tx, id).await? } else { Vec::new() };
                for digest in &priced {
                    store::verdict_changes::record(tx, Some(digest)).await?;
                }
                let mut event =
                    Event::new(&actor, "template.changed", "template", id, &template.name).with("project", access.record.name).with("value", value);
                // Descriptions are long and not relevant for an audit.
                if edit.which != TemplateValue::Description {
                    event = event.with("before", now).with("after", after);
                }
                auditor.record(tx, event).await?;
                Ok((read(tx, &actor, id).await?, priced))
            })
        })
        .await?;
    core.verifier.invalidate_each(&priced);
    Ok(edited)
}

/// Validates the new value and sets it in the record. Returns the value before and after, as text.
async fn change(tx: &mut Tx, actor: &Actor, template: &mut TemplateRecord, edit: &ValueEdit<TemplateValue>) -> Result<(String, String), Error> {
    let (field, typed) = (edit.which.as_str(), edit.after.as_str());
    let put = |slot: &mut String, after: String| (std::mem::replace(slot, after.clone()), after);
    Ok(match edit.which {
        TemplateValue::Name => put(&mut template.name, validate::name(field, typed)?),
        TemplateValue::Description => put(&mut template.description, validate::description(field, typed)?),
        TemplateValue::Role => put(&mut template.role_id, role(tx, actor, field, typed).await?),
        TemplateValue::Price => {
            let price = Money::price(field, typed)?;
            let before = std::mem::replace(&mut template.price, price.0);
            (Money(before).to_string(), price.to_string())
        }
        TemplateValue::DurationDays => {
            let days = days(field, typed)?;
            let before = std::mem::replace(&mut template.duration_days, days);
            (days_text(before), days_text(days))
        }
    })
}

/// The id of a role that the actor may assign.
async fn role(tx: &mut Tx, actor: &Actor, field: &str, typed: &str) -> Result<String, Error> {
    let unknown = || Error::invalid(field, "Choose a role of your organization.");
    let id: RoleId = typed.parse().map_err(|_| unknown())?;
    let role = store::roles::find(tx, actor.organization, id).await?.ok_or_else(unknown)?;
    actor.require_all(role.allows())?;
    Ok(role.id)
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "This project already has a template with this name.")
}
