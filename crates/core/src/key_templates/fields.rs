//! The information fields of a key template.

use super::{find_managed, unused_name};
use crate::{Core, actor::Actor, audit::Event, change::Change, etag::ensure_unchanged, projects::ProjectAccess};
use latchkey_store::{
    self as store, Connection,
    key_templates::{FieldRecord, TemplateRecord},
};
use latchkey_types::{
    error::Error,
    id::{FieldId, TemplateId},
    key_template::{FIELDS_MAX, FieldRow, FieldValue, StandardField, ValueEdit},
    permission::Permission,
    validate,
};

/// Adds a standard field, or one with an unused name, to be edited afterwards. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `Conflict` at `template` if it has [`FIELDS_MAX`] fields, at `name` if it has the standard field already.
pub async fn add_field(core: &Core, actor: &Actor, template: TemplateId, standard: Option<StandardField>) -> Result<FieldRow, Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let (access, record) = find_managed(&mut change.tx, &change.actor, template).await?;
    let all = store::key_templates::fields(&mut change.tx, template).await?;
    if all.len() >= FIELDS_MAX {
        return Err(Error::conflict("template", format!("A template has at most {FIELDS_MAX} fields.")));
    }
    let id = FieldId::new();
    let name = standard.map_or_else(|| unused_name("New field", all.iter().map(|field| field.name.as_str())), |field| field.name().to_owned());
    let value = if standard == Some(StandardField::ProjectId) { access.id.to_string() } else { String::new() };
    store::key_templates::insert_field(&mut change.tx, id, template, &name, &value).await.map_err(name_taken)?;
    let added = find(&mut change.tx, id).await?.row();
    let event = field_event(&change, "template.field_added", &access, &record, &name);
    change.commit([event]).await?;
    Ok(added)
}

/// Changes one value of a field, if it still has the value that the editor displayed. Needs *Manage Projects*, in the organization and in the
/// project.
///
/// # Errors
/// `Conflict` at the value if it was changed concurrently or the name is taken.
pub async fn edit_field(core: &Core, actor: &Actor, id: FieldId, edit: ValueEdit<FieldValue>) -> Result<FieldRow, Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let (access, template, mut field) = find_managed_field(&mut change.tx, &change.actor, id).await?;
    let value = edit.which.as_str();
    let before = set_value(&mut field, &edit)?;
    let after = value_of(&field, edit.which);
    ensure_unchanged(value, &before, &edit.before, after)?;
    if before != *after {
        store::key_templates::update_field(&mut change.tx, &field).await.map_err(name_taken)?;
        // The values of fields are confidential and do not belong in the audit log.
        let event = field_event(&change, "template.field_changed", &access, &template, &field.name).with("value", value);
        change.commit([event]).await?;
    }
    Ok(field.row())
}

/// Deletes a field. Issued keys keep it. Needs *Manage Projects*, in the organization and in the project.
pub async fn delete_field(core: &Core, actor: &Actor, id: FieldId) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let (access, template, field) = find_managed_field(&mut change.tx, &change.actor, id).await?;
    store::key_templates::delete_field(&mut change.tx, id).await?;
    let event = field_event(&change, "template.field_deleted", &access, &template, &field.name);
    change.commit([event]).await
}

/// Validates the new value and sets it in the record. Returns the value before.
fn set_value(field: &mut FieldRecord, edit: &ValueEdit<FieldValue>) -> Result<String, Error> {
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

/// A field of a template that the actor manages, with the project and that template.
async fn find_managed_field(db: &mut Connection, actor: &Actor, id: FieldId) -> Result<(ProjectAccess, TemplateRecord, FieldRecord), Error> {
    let field = find(db, id).await?;
    let (access, template) = find_managed(db, actor, field.template_id).await?;
    Ok((access, template, field))
}

async fn find(db: &mut Connection, id: FieldId) -> Result<FieldRecord, Error> {
    store::key_templates::find_field(db, id).await?.ok_or(Error::NotFound)
}

fn field_event(change: &Change, action: &'static str, access: &ProjectAccess, template: &TemplateRecord, field: &str) -> Event {
    change.event(action, "template", template.id, &template.name).with("project", access.record.name.as_str()).with("field", field)
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "This template already has a field with this name.")
}
