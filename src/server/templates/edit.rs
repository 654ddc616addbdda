//! Changing a template, a value at a time.

use super::{managed_now, read, require, unchanged};
use crate::{
    model::{
        fault::Fault,
        id::{RoleId, TemplateId},
        money::Money,
        template::{Edit, TemplateRow, TemplateValue, days, days_text},
        text,
    },
    server::{
        actor::Actor,
        audit::Event,
        state::AppState,
        store::{self, Tx, templates::TemplateRecord},
    },
};

/// Changes one value of a template, unless another is there than its editor saw. A price counts from the next request on, also for keys
/// that were issued before. Needs *Manage Projects*, in the organization and in the project, and for a role every permission of it.
///
/// # Errors
/// `Invalid` at the value; `Conflict` at it where it was changed meanwhile, or a name is taken; `NotFound`, `Forbidden`, `Unavailable`.
pub async fn edit(state: &AppState, actor: &Actor, id: TemplateId, edit: Edit<TemplateValue>) -> Result<TemplateRow, Fault> {
    require(actor)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    let (edited, priced) = state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, reached, mut template) = managed_now(tx, &actor, id).await?;
                let value = edit.which.word();
                let (now, after) = change(tx, &actor, &mut template, &edit).await?;
                unchanged(value, &now, &edit.before, &after)?;
                if now == after {
                    return Ok((read(tx, &actor, id).await?, Vec::new()));
                }
                store::templates::update(tx, &template).await.map_err(name_taken)?;
                let priced = if edit.which == TemplateValue::Price { store::issued::digests_of_template(tx, id).await? } else { Vec::new() };
                for digest in &priced {
                    store::changes::note(tx, Some(digest)).await?;
                }
                let mut event =
                    Event::new(&actor, "template.changed", "template", id, &template.name).with("project", reached.record.name).with("value", value);
                // What it is for is long, and nothing to judge anybody by.
                if edit.which != TemplateValue::Description {
                    event = event.with("before", now).with("after", after);
                }
                auditor.record(tx, event).await?;
                Ok((read(tx, &actor, id).await?, priced))
            })
        })
        .await?;
    state.verifier.forget_each(&priced);
    Ok(edited)
}

/// Puts what was typed into the record, if it can be taken. Answers the value before and after, as text.
async fn change(tx: &mut Tx, actor: &Actor, template: &mut TemplateRecord, edit: &Edit<TemplateValue>) -> Result<(String, String), Fault> {
    let (field, typed) = (edit.which.word(), edit.after.as_str());
    let put = |place: &mut String, after: String| (std::mem::replace(place, after.clone()), after);
    Ok(match edit.which {
        TemplateValue::Name => put(&mut template.name, text::name(field, typed)?),
        TemplateValue::Description => put(&mut template.description, text::description(field, typed)?),
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

/// A role that the actor may give, by its id.
async fn role(tx: &mut Tx, actor: &Actor, field: &str, typed: &str) -> Result<String, Fault> {
    let gone = || Fault::invalid(field, "Choose a role of your organization.");
    let id: RoleId = typed.parse().map_err(|_| gone())?;
    let role = store::roles::find(tx, actor.organization, id).await?.ok_or_else(gone)?;
    actor.require_all(role.allows())?;
    Ok(role.id)
}

fn name_taken(error: store::Error) -> Fault {
    error.or_conflict("name", "Another template of this project has this name.")
}
