//! Choosing the role of a template's keys.

use leptos::{prelude::*, task::spawn_local};

use super::desk::Desk;
use crate::{
    model::{
        permission::Permission,
        template::{TemplateRow, TemplateValue},
    },
    ui::{
        icon::{Glyph, Icon},
        in_place::Change,
    },
};

/// The role as a drop-down; what is chosen is saved at once. Roles that the reader may not give are not offered, but the present one is.
#[component]
pub fn RoleChooser(
    /// The page.
    desk: Desk,
    /// The template.
    template: Memo<TemplateRow>,
) -> impl IntoView {
    let id = template.with_untracked(|template| template.id);
    let stored = Memo::new(move |_| template.with(|template| template.role.to_string()));
    // What stands in the drop-down, which after a refusal goes back to what is stored.
    let chosen = RwSignal::new(stored.get_untracked());
    let saving = RwSignal::new(false);
    let wrong = RwSignal::new(None::<String>);
    Effect::new(move || {
        let now = stored.get();
        if !saving.get_untracked() {
            chosen.set(now);
        }
    });

    let name_of = move |role: &str| {
        desk.with(|data| {
            data.roles.iter().find(|each| each.id.to_string() == role).map_or_else(|| "A role that is gone".to_owned(), |each| each.name.clone())
        })
    };
    // Keys that move through a closed drop-down choose one after the other: the last one is what is wanted.
    let save = move || {
        saving.set(true);
        wrong.set(None);
        spawn_local(async move {
            while let (Some(before), Some(after)) = (stored.try_get_untracked(), chosen.try_get_untracked()) {
                if before == after {
                    break;
                }
                // Afterwards the page may be gone, and its roles with it.
                let name = untrack(|| name_of(&after));
                if let Err(fault) = desk.save(id, TemplateValue::Role, Change { before, after }).await {
                    let _ = wrong.try_set(Some(format!("“{name}” was not saved. {fault}")));
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
        let offered = |role: &&crate::model::template::RoleChoice| role.may_give || role.id.to_string() == now;
        let mut options: Vec<_> = desk.with(|data| data.roles.iter().filter(offered).map(|role| (role.id.to_string(), role.name.clone())).collect());
        if options.iter().all(|(value, _)| *value != now) {
            options.push((now.clone(), name_of(&now)));
        }
        let option = |(value, name): (String, String)| {
            let selected = value == chosen.get_untracked();
            view! { <option value=value selected=selected>{name}</option> }
        };
        options.into_iter().map(option).collect_view()
    };
    let sees_nothing = move || {
        let now = stored.get();
        desk.with(|data| data.roles.iter().any(|role| role.id.to_string() == now && !role.permissions.has(Permission::ViewProject)))
    };
    let wrong_id = format!("{id}-role-wrong");
    view! {
        <div class="in-place tile-role">
            <div class="select">
                <select aria-label="Role" prop:value=move || chosen.get() aria-invalid=move || wrong.get().map(|_| "true")
                    aria-describedby=wrong_id.clone() on:change:target=move |event| on_change(event.target().value())>
                    {options}
                </select>
                <Icon glyph=Glyph::Down/>
            </div>
            <span class="in-place-said" role="status">{move || if saving.get() { "Saving…" } else { "" }}</span>
            <p class="field-wrong" id=wrong_id role="alert">{move || wrong.get()}</p>
            <div aria-live="polite">
                {move || sees_nothing().then(|| view! {
                    <p class="tile-warning"><Icon glyph=Glyph::Warning/>"Keys of this role can't see the project."</p>
                })}
            </div>
        </div>
    }
}
