//! The information fields of a key template.

use super::{ensure_unchanged, find_managed_for_update, require, unused_name};
use crate::{Core, actor::Actor, audit::Event, projects::ProjectAccess};
use latchkey_store::{
    self as store, Tx,
    key_templates::{FieldRecord, TemplateRecord},
};
use latchkey_types::{
    error::Error,
    id::{FieldId, TemplateId},
    key_template::{FIELDS_MAX, FieldRow, FieldValue, ValueEdit},
    validate,
};

/// Adds a field with an unused name, to be edited afterwards. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Conflict` at `template` if it has [`FIELDS_MAX`] fields.
pub async fn add_field(core: &Core, actor: &Actor, template: TemplateId) -> Result<FieldRow, Error> {
    require(actor)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, access, record) = find_managed_for_update(tx, &actor, template).await?;
                let all = store::key_templates::fields(tx, template).await?;
                if all.len() >= FIELDS_MAX {
                    return Err(Error::conflict("template", format!("A template has at most {FIELDS_MAX} fields.")));
                }
                let (id, name) = (FieldId::new(), unused_name("New field", all.iter().map(|field| field.name.as_str())));
                store::key_templates::insert_field(tx, id, template, &name).await?;
                auditor.record(tx, field_event(&actor, "template.field_added", &access, &record, &name)).await?;
                find(tx, id).await?.row()
            })
        })
        .await
}

/// Changes one value of a field, if it still has the value that the editor displayed. Needs *Manage Projects*, in the organization and in the
/// project.
///
/// # Errors
/// `Conflict` at the value if it was changed concurrently or the name is taken.
pub async fn edit_field(core: &Core, actor: &Actor, id: FieldId, edit: ValueEdit<FieldValue>) -> Result<FieldRow, Error> {
    require(actor)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, access, template, mut field) = find_managed(tx, &actor, id).await?;
                let value = edit.which.as_str();
                let before = change(&mut field, &edit)?;
                let after = value_of(&field, edit.which).clone();
                ensure_unchanged(value, &before, &edit.before, &after)?;
                if before != after {
                    store::key_templates::update_field(tx, &field).await.map_err(name_taken)?;
                    // The values of fields are confidential and do not belong in the audit log.
                    let event = field_event(&actor, "template.field_changed", &access, &template, &field.name).with("value", value);
                    auditor.record(tx, event).await?;
                }
                field.row()
            })
        })
        .await
}

/// Deletes a field. Issued keys keep it. Needs *Manage Projects*, in the organization and in the project.
pub async fn delete_field(core: &Core, actor: &Actor, id: FieldId) -> Result<(), Error> {
    require(actor)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, access, template, field) = find_managed(tx, &actor, id).await?;
                store::key_templates::delete_field(tx, id).await?;
                Ok(auditor.record(tx, field_event(&actor, "template.field_deleted", &access, &template, &field.name)).await?)
            })
        })
        .await
}

/// Validates the new value and sets it in the record. Returns the value before.
fn change(field: &mut FieldRecord, edit: &ValueEdit<FieldValue>) -> Result<String, Error> {
    let name = edit.which.as_str();
    Ok(match edit.which {
        FieldValue::Name => std::mem::replace(&mut field.name, validate::name(name, &edit.after)?),
        FieldValue::Description => std::mem::replace(&mut field.description, validate::description(name, &edit.after)?),
        FieldValue::Value => std::mem::replace(&mut field.value, validate::description(name, &edit.after)?),
    })
}

const fn value_of(field: &FieldRecord, which: FieldValue) -> &String {
    match which {
        FieldValue::Name => &field.name,
        FieldValue::Description => &field.description,
        FieldValue::Value => &field.value,
    }
}

/// A field of a template that the actor manages, with that template.
async fn find_managed(tx: &mut Tx, actor: &Actor, id: FieldId) -> Result<(Actor, ProjectAccess, TemplateRecord, FieldRecord), Error> {
    let field = find(tx, id).await?;
    let template = field.template_id.parse().map_err(|_| Error::Internal)?;
    let (actor, access, template) = find_managed_for_update(tx, actor, template).await?;
    Ok((actor, access, template, field))
}

async fn find(tx: &mut Tx, id: FieldId) -> Result<FieldRecord, Error> {
    store::key_templates::find_field(tx, id).await?.ok_or(Error::NotFound)
}

fn field_event(actor: &Actor, action: &'static str, access: &ProjectAccess, template: &TemplateRecord, field: &str) -> Event {
    Event::new(actor, action, "template", &template.id, &template.name).with("project", access.record.name.as_str()).with("field", field)
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "This template already has a field with this name.")
}
