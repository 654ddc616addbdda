//! Role selection of a template.

use leptos::prelude::*;

use super::context::TemplatesContext;
use latchkey_types::{
    error::Error,
    key_template::{TemplateRoleOption, TemplateRow, TemplateValue},
    permission::{Permission, role_label},
};
use latchkey_ui::{
    icon::{Glyph, Icon},
    inline_edit::{Change, SaveFuture, select::InlineSelect},
    select::Choice,
};

/// Offers the current role and the roles that the viewer can grant.
#[component]
pub(super) fn RoleChooser(context: TemplatesContext, template: Memo<TemplateRow>) -> impl IntoView {
    let id = template.with_untracked(|template| template.id);
    let stored = Memo::new(move |_| template.with(|template| template.role.to_string()));
    let options = Memo::new(move |_| {
        let now = stored.get();
        let is_offered = |role: &&TemplateRoleOption| role.can_grant || role.id.to_string() == now;
        let mut options: Vec<Choice> = context.with(|data| data.roles.iter().filter(is_offered).map(choice).collect());
        if options.iter().all(|(value, _)| *value != now) {
            options.push((now, "Deleted role".to_owned()));
        }
        options
    });
    let save = Callback::new(move |change: Change| -> SaveFuture {
        // Looked up before saving: the page may be gone afterwards.
        let names: Vec<Choice> = untrack(|| context.with(|data| data.roles.iter().map(choice).collect()));
        Box::pin(async move { context.save(id, TemplateValue::Role, change).await.map_err(|error| with_names(error, &names)) })
    });
    let cannot_view_project = move || {
        let now = stored.get();
        context.with(|data| data.roles.iter().any(|role| role.id.to_string() == now && !role.permissions.has(Permission::ViewProject)))
    };
    view! {
        <InlineSelect label="Role" id=format!("{id}-role") options value=stored save>
            <div aria-live="polite">
                {move || cannot_view_project().then(|| view! {
                    <p class="tile-warning"><Icon glyph=Glyph::Warning/>"This role can’t view the project, so its keys will be refused."</p>
                })}
            </div>
        </InlineSelect>
    }
}

fn choice(role: &TemplateRoleOption) -> Choice {
    (role.id.to_string(), role_label(&role.name))
}

/// A conflict quotes the id of the other role.
fn with_names(error: Error, names: &[Choice]) -> Error {
    match error {
        Error::Conflict { field, message } => {
            let message = names.iter().fold(message, |message, (id, name)| message.replace(id, name));
            Error::Conflict { field, message }
        }
        error => error,
    }
}
