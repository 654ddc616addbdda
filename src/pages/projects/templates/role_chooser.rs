//! Role selection of a template.

use leptos::{prelude::*, task::spawn_local};

use super::context::TemplatesContext;
use latchkey_types::{
    key_template::{TemplateRow, TemplateValue},
    permission::Permission,
};
use latchkey_ui::{
    icon::{Glyph, Icon},
    inline_edit::Change,
};

/// A drop-down that saves on change. Offers the current role and the roles that the viewer can grant.
#[component]
pub(super) fn RoleChooser(context: TemplatesContext, template: Memo<TemplateRow>) -> impl IntoView {
    let id = template.with_untracked(|template| template.id);
    let stored = Memo::new(move |_| template.with(|template| template.role.to_string()));
    // The value of the drop-down, which returns to the stored one when saving fails.
    let chosen = RwSignal::new(stored.get_untracked());
    let saving = RwSignal::new(false);
    let save_error = RwSignal::new(None::<String>);
    Effect::new(move || {
        let now = stored.get();
        if !saving.get_untracked() {
            chosen.set(now);
        }
    });

    let name_of = move |role: &str| {
        context.with(|data| {
            data.roles.iter().find(|each| each.id.to_string() == role).map_or_else(|| "Deleted role".to_owned(), |each| each.name.clone())
        })
    };
    // Arrow keys in a closed drop-down select each option in turn: the loop saves the last selection.
    let save = move || {
        saving.set(true);
        save_error.set(None);
        spawn_local(async move {
            while let (Some(before), Some(after)) = (stored.try_get_untracked(), chosen.try_get_untracked()) {
                if before == after {
                    break;
                }
                // Looked up before saving: the page may be gone afterwards.
                let name = untrack(|| name_of(&after));
                if let Err(error) = context.save(id, TemplateValue::Role, Change { before, after }).await {
                    let _ = save_error.try_set(Some(format!("Couldn’t save “{name}”. {error}")));
                    if let Some(now) = stored.try_get_untracked() {
                        let _ = chosen.try_set(now);
                    }
                    break;
                }
            }
            let _ = saving.try_set(false);
        });
    };
    let on_change = move |value: String| {
        chosen.set(value);
        if !saving.get_untracked() {
            save();
        }
    };

    let options = move || {
        let now = stored.get();
        let offered = |role: &&latchkey_types::key_template::TemplateRoleOption| role.can_grant || role.id.to_string() == now;
        let mut options: Vec<_> =
            context.with(|data| data.roles.iter().filter(offered).map(|role| (role.id.to_string(), role.name.clone())).collect());
        if options.iter().all(|(value, _)| *value != now) {
            options.push((now.clone(), name_of(&now)));
        }
        let option = |(value, name): (String, String)| {
            let selected = value == chosen.get_untracked();
            view! { <option value=value selected=selected>{name}</option> }
        };
        options.into_iter().map(option).collect_view()
    };
    let cannot_view_project = move || {
        let now = stored.get();
        context.with(|data| data.roles.iter().any(|role| role.id.to_string() == now && !role.permissions.has(Permission::ViewProject)))
    };
    let wrong_id = format!("{id}-role-wrong");
    view! {
        <div class="inline-edit tile-role">
            <div class="select">
                <select aria-label="Role" prop:value=move || chosen.get() aria-invalid=move || save_error.get().map(|_| "true")
                    aria-describedby=wrong_id.clone() on:change:target=move |event| on_change(event.target().value())>
                    {options}
                </select>
                <Icon glyph=Glyph::Down/>
            </div>
            <span class="inline-edit-status" role="status">{move || if saving.get() { "Saving…" } else { "" }}</span>
            <p class="field-error" id=wrong_id role="alert">{move || save_error.get()}</p>
            <div aria-live="polite">
                {move || cannot_view_project().then(|| view! {
                    <p class="tile-warning"><Icon glyph=Glyph::Warning/>"This role can’t view the project, so its keys will be refused."</p>
                })}
            </div>
        </div>
    }
}
