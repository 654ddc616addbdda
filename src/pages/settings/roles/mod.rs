//! `/settings/roles`

mod dialogs;

use leptos::prelude::*;

use self::dialogs::{DeleteDialog, DraftDialog};
use super::{ROLES, SettingsPage, when_read};
use crate::{
    api::roles::list_roles,
    model::{
        account::Viewer,
        fault::Fault,
        id::RoleId,
        people::RoleRow,
        permission::{Permission, Permissions},
    },
    ui::{
        button::{Button, Weight},
        icon::{Glyph, Icon},
        loaded::Loaded,
        menu::{MenuAction, MenuButton, MenuItem, MenuList, SharedMenu},
        message::AlertWithRetry,
        toast::use_toasts,
    },
};

type RolesRead = OnceResource<Result<Vec<RoleRow>, Fault>>;

/// What somebody asked for, in a dialog over the list.
#[derive(Clone)]
enum Asked {
    /// A role that holds this at first.
    Create(Permissions),
    Edit(RoleRow),
    Delete(RoleRow),
}

/// What members may do.
#[component]
pub fn RolesPage() -> impl IntoView {
    // Made here: what stands in the page waits, and is made more than once on the server.
    provide_context(RolesRead::new(list_roles()));
    view! { <SettingsPage tab=&ROLES content/> }
}

fn content(viewer: Viewer) -> AnyView {
    when_read(expect_context::<RolesRead>(), move |roles| view! { <Roles viewer roles/> }.into_any())
}

#[component]
fn Roles(viewer: Viewer, roles: Vec<RoleRow>) -> impl IntoView {
    let toasts = use_toasts();

    // Data
    let own = viewer.permissions;
    let roles = Loaded::new(roles);
    let asked = RwSignal::new(None::<Asked>);
    let menu = SharedMenu::new();

    // Actions
    let read_again = Callback::new(move |()| roles.read_again(list_roles));
    let dismiss = Callback::new(move |()| asked.set(None));
    let done = Callback::new(move |told: String| {
        asked.set(None);
        toasts.say(told);
        read_again.run(());
    });
    let create = Callback::new(move |()| asked.set(Some(Asked::Create(Permissions::default()))));

    // View
    let dialog = move |asked| match asked {
        Asked::Create(permissions) => view! { <DraftDialog own role=None permissions on_dismiss=dismiss on_done=done/> }.into_any(),
        Asked::Edit(role) => view! { <DraftDialog own permissions=role.permissions role=Some(role) on_dismiss=dismiss on_done=done/> }.into_any(),
        Asked::Delete(role) => view! { <DeleteDialog role on_dismiss=dismiss on_done=done/> }.into_any(),
    };
    let ids = move || roles.with(|roles| roles.iter().map(|role| role.id).collect::<Vec<_>>());
    view! {
        <div class="settings-head">
            <p class="settings-lead">"A role says what its members, and the keys they made, may do. A change counts at once."</p>
            <Button label="Create role" weight=Weight::Primary on_click=create/>
        </div>
        {move || roles.trouble().get().map(|fault| view! { <AlertWithRetry message=fault.to_string() on_retry=read_again/> })}
        <div class="table-frame">
            <table class="table" aria-label="Roles">
                <thead>
                    <tr>
                        <th scope="col">"Role"</th>
                        <th scope="col">"Permissions"</th>
                        <th scope="col" class="cell-number">"Members"</th>
                        <th scope="col">"Action"</th>
                    </tr>
                </thead>
                <tbody>
                    <For each=ids key=|id| *id let(id)>
                        <Line roles id own menu asked/>
                    </For>
                </tbody>
            </table>
        </div>
        <MenuList menu id="role-actions"/>
        {move || asked.get().map(dialog)}
    }
}

/// A role. Drawn once and changed in place, so that its button keeps the focus.
#[component]
fn Line(roles: Loaded<Vec<RoleRow>>, id: RoleId, own: Permissions, menu: SharedMenu, asked: RwSignal<Option<Asked>>) -> impl IntoView {
    let find = move |roles: &Vec<RoleRow>| roles.iter().find(|role| role.id == id).cloned();
    let Some(role) = roles.part(find) else { return ().into_any() };
    let items = Callback::new(move |()| actions(&role.get_untracked(), own, asked));
    view! {
        <tr aria-label=move || role.get().name>
            <td class="cell-name">
                <span class="named">
                    <span class="cell-text role-name">{move || role.get().name}</span>
                    {move || role.get().is_built_in.then(|| view! { <span class="tag">"Built in"</span> })}
                </span>
            </td>
            <td class="cell-soft" data-label="Permissions"><span class="cell-text">{move || in_words(role.get().permissions)}</span></td>
            <td class="cell-number" data-label="Members">{move || role.get().members}</td>
            <td class="cell-action">
                <MenuButton menu id=format!("actions-{id}") class="icon-button" label="Actions" items><Icon glyph=Glyph::More/></MenuButton>
            </td>
        </tr>
    }
    .into_any()
}

/// What somebody who may do this much can do with a role.
fn actions(role: &RoleRow, own: Permissions, asked: RwSignal<Option<Asked>>) -> Vec<MenuItem> {
    let ask = |wanted: Asked| MenuAction::Run(Callback::new(move |()| asked.set(Some(wanted.clone()))));
    let copy = MenuItem { label: "Make a role like this", glyph: Glyph::Copy, action: ask(Asked::Create(role.permissions)) };
    if role.is_built_in || own.first_missing(role.permissions).is_some() {
        return vec![copy];
    }
    let edit = MenuItem { label: "Edit", glyph: Glyph::Edit, action: ask(Asked::Edit(role.clone())) };
    let delete = MenuItem { label: "Delete", glyph: Glyph::Trash, action: ask(Asked::Delete(role.clone())) };
    vec![edit, copy, delete]
}

/// What a role permits, as a list that can be read.
fn in_words(permissions: Permissions) -> String {
    if permissions == Permissions::of(Permission::ALL) {
        return "Everything".to_owned();
    }
    let labels: Vec<_> = permissions.iter().map(Permission::label).collect();
    if labels.is_empty() { "Nothing".to_owned() } else { labels.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_told_in_words() {
        assert_eq!(in_words(Permissions::of(Permission::ALL)), "Everything");
        assert_eq!(in_words(Permissions::default()), "Nothing");
        assert_eq!(in_words(Permissions::of(&[Permission::ViewProject, Permission::ViewKeys])), "View Keys, View Project");
    }
}
