//! The information fields of a template.

use super::{fresh_name, managed_now, require, unchanged};
use crate::{
    model::{
        fault::Fault,
        id::{FieldId, TemplateId},
        template::{Edit, FIELDS_MAX, FieldRow, FieldValue},
        text,
    },
    server::{
        actor::Actor,
        audit::Event,
        projects::Reached,
        state::AppState,
        store::{
            self, Tx,
            templates::{FieldRecord, TemplateRecord},
        },
    },
};

/// Adds a field with a name that no other of the template has, to be edited. Needs *Manage Projects*, in the organization and in the
/// project.
///
/// # Errors
/// `Conflict` at `template` when it has [`FIELDS_MAX`]; `NotFound`, `Forbidden`, `Unavailable`.
pub async fn add_field(state: &AppState, actor: &Actor, template: TemplateId) -> Result<FieldRow, Fault> {
    require(actor)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, reached, record) = managed_now(tx, &actor, template).await?;
                let all = store::templates::fields(tx, template).await?;
                if all.len() >= FIELDS_MAX {
                    return Err(Fault::conflict("template", format!("A template has at most {FIELDS_MAX} fields.")));
                }
                let (id, name) = (FieldId::new(), fresh_name("New field", all.iter().map(|field| field.name.as_str())));
                store::templates::insert_field(tx, id, template, &name).await?;
                auditor.record(tx, about(&actor, "template.field_added", &reached, &record, &name)).await?;
                find(tx, id).await?.row()
            })
        })
        .await
}

/// Changes one value of a field, unless another is there than its editor saw. Needs *Manage Projects*, in the organization and in the
/// project.
///
/// # Errors
/// `Invalid` at the value; `Conflict` at it where it was changed meanwhile, or a name is taken; `NotFound`, `Forbidden`, `Unavailable`.
pub async fn edit_field(state: &AppState, actor: &Actor, id: FieldId, edit: Edit<FieldValue>) -> Result<FieldRow, Fault> {
    require(actor)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, reached, template, mut field) = own(tx, &actor, id).await?;
                let value = edit.which.word();
                let before = change(&mut field, &edit)?;
                let after = value_of(&field, edit.which).clone();
                unchanged(value, &before, &edit.before, &after)?;
                if before != after {
                    store::templates::update_field(tx, &field).await.map_err(name_taken)?;
                    // What it holds is nobody's business but the template's.
                    let event = about(&actor, "template.field_changed", &reached, &template, &field.name).with("value", value);
                    auditor.record(tx, event).await?;
                }
                field.row()
            })
        })
        .await
}

/// Deletes a field. Keys that were issued keep it. Needs *Manage Projects*, in the organization and in the project.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Unavailable`.
pub async fn delete_field(state: &AppState, actor: &Actor, id: FieldId) -> Result<(), Fault> {
    require(actor)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, reached, template, field) = own(tx, &actor, id).await?;
                store::templates::delete_field(tx, id).await?;
                Ok(auditor.record(tx, about(&actor, "template.field_deleted", &reached, &template, &field.name)).await?)
            })
        })
        .await
}

/// Puts what was typed into the record, if it can be taken. Answers the value before.
fn change(field: &mut FieldRecord, edit: &Edit<FieldValue>) -> Result<String, Fault> {
    let name = edit.which.word();
    Ok(match edit.which {
        FieldValue::Name => std::mem::replace(&mut field.name, text::name(name, &edit.after)?),
        FieldValue::Description => std::mem::replace(&mut field.description, text::description(name, &edit.after)?),
        FieldValue::Value => std::mem::replace(&mut field.value, text::description(name, &edit.after)?),
    })
}

const fn value_of(field: &FieldRecord, which: FieldValue) -> &String {
    match which {
        FieldValue::Name => &field.name,
        FieldValue::Description => &field.description,
        FieldValue::Value => &field.value,
    }
}

/// A field of a template that the actor manages, and that template.
async fn own(tx: &mut Tx, actor: &Actor, id: FieldId) -> Result<(Actor, Reached, TemplateRecord, FieldRecord), Fault> {
    let field = find(tx, id).await?;
    let template = field.template_id.parse().map_err(|_| Fault::Internal)?;
    let (actor, reached, template) = managed_now(tx, actor, template).await?;
    Ok((actor, reached, template, field))
}

async fn find(tx: &mut Tx, id: FieldId) -> Result<FieldRecord, Fault> {
    store::templates::find_field(tx, id).await?.ok_or(Fault::NotFound)
}

fn about(actor: &Actor, action: &'static str, reached: &Reached, template: &TemplateRecord, field: &str) -> Event {
    Event::new(actor, action, "template", &template.id, &template.name).with("project", reached.record.name.as_str()).with("field", field)
}

fn name_taken(error: store::Error) -> Fault {
    error.or_conflict("name", "Another field of this template has this name.")
}
