//! Who belongs to a project.

use leptos::prelude::*;

use super::about::Desk;
use crate::{
    api::belongings::{add_project_member, remove_project_member, set_project_role},
    model::{
        fault::Fault,
        id::{RoleId, UserId},
        project::{Belongings, Candidate, ProjectMember, RoleChoice},
    },
    ui::{
        button::{Button, Weight},
        form::{Form, FormWrong, or_gone},
        form_dialog::FormDialog,
        icon::{Glyph, Icon},
        menu::{MenuAction, MenuButton, MenuItem, MenuList, SharedMenu},
        select::{Choice, SelectField},
        time::{Telling, Time},
    },
};

/// What somebody asked for, in a dialog over the list.
#[derive(Clone)]
enum Asked {
    Add,
    Role(ProjectMember),
    Remove(ProjectMember),
}

/// Its members, each with their role in it.
#[component]
pub fn Members(
    /// What the page shares.
    desk: Desk,
) -> impl IntoView {
    let asked = RwSignal::new(None::<Asked>);
    let menu = SharedMenu::new();
    let dismiss = Callback::new(move |()| asked.set(None));
    let done = Callback::new(move |told: String| {
        asked.set(None);
        desk.tell(told);
    });
    let users = move || desk.belongings.with(|belongings| belongings.members.iter().map(|member| member.user).collect::<Vec<_>>());
    let is_empty = move || desk.belongings.with(|belongings| belongings.members.is_empty());
    let dialog = move |wanted| match wanted {
        Asked::Add => view! { <AddDialog desk on_dismiss=dismiss on_done=done/> }.into_any(),
        Asked::Role(member) => view! { <RoleDialog desk member on_dismiss=dismiss on_done=done/> }.into_any(),
        Asked::Remove(member) => view! { <RemoveDialog desk member on_dismiss=dismiss on_done=done/> }.into_any(),
    };
    view! {
        <section class="sheet" aria-labelledby="project-members">
            <div class="sheet-row">
                <h2 id="project-members">"Members"</h2>
                {desk.is_managed.then(|| view! { <Button label="Add member" on_click=move |()| asked.set(Some(Asked::Add))/> })}
            </div>
            <Show when=move || !is_empty() fallback=|| view! { <p class="sheet-none">"Nobody belongs to it yet."</p> }>
                <div class="table-frame">
                    <table class="table" aria-label="Members">
                        <thead>
                            <tr>
                                <th scope="col">"Name"</th>
                                {desk.is_managed.then(|| view! { <th scope="col">"Email"</th> })}
                                <th scope="col">"Role"</th>
                                <th scope="col">"Added"</th>
                                {desk.is_managed.then(|| view! { <th scope="col">"Action"</th> })}
                            </tr>
                        </thead>
                        <tbody>
                            <For each=users key=|user| *user let(user)>
                                <Line desk user menu asked/>
                            </For>
                        </tbody>
                    </table>
                </div>
            </Show>
            <MenuList menu id="project-member-actions"/>
        </section>
        {move || asked.get().map(dialog)}
    }
}

/// A member. Drawn once and changed in place, so that its button keeps the focus.
#[component]
fn Line(desk: Desk, user: UserId, menu: SharedMenu, asked: RwSignal<Option<Asked>>) -> impl IntoView {
    let find = move |belongings: &Belongings| belongings.members.iter().find(|member| member.user == user).cloned();
    let Some(found) = desk.belongings.part(find) else { return ().into_any() };
    let member = move || found.get();
    let tag = move || found.with(|member| if member.is_disabled { Some("Disabled") } else { member.is_you.then_some("You") });
    let items = Callback::new(move |()| actions(asked, &found.get_untracked()));
    // Nobody takes a role that holds more than they may do themselves.
    let may_change = move || found.with(|member| desk.own().first_missing(member.permissions).is_none());
    view! {
        <tr aria-label=move || member().name>
            <td class="cell-name">
                <span class="named">
                    <span class="cell-text">{move || member().name}</span>
                    {move || tag().map(|tag| view! { <span class="tag">{tag}</span> })}
                </span>
            </td>
            {desk.is_managed.then(|| view! {
                <td class="cell-soft" data-label="Email"><span class="cell-text">{move || member().email}</span></td>
            })}
            <td data-label="Role"><span class="cell-text role-name">{move || member().role}</span></td>
            <td class="cell-soft" data-label="Added"><Time at=found.with_untracked(|member| member.added_at) telling=Telling::Date/></td>
            {desk.is_managed.then(|| view! {
                <td class="cell-action">
                    <Show when=may_change>
                        <MenuButton menu id=format!("actions-{user}") class="icon-button" label="Actions" items><Icon glyph=Glyph::More/></MenuButton>
                    </Show>
                </td>
            })}
        </tr>
    }
    .into_any()
}

/// What can be done with a member.
fn actions(asked: RwSignal<Option<Asked>>, member: &ProjectMember) -> Vec<MenuItem> {
    let ask = |wanted: Asked| MenuAction::Run(Callback::new(move |()| asked.set(Some(wanted.clone()))));
    vec![
        MenuItem { label: "Change role", glyph: Glyph::Person, action: ask(Asked::Role(member.clone())) },
        MenuItem { label: "Remove", glyph: Glyph::Close, action: ask(Asked::Remove(member.clone())) },
    ]
}

fn role_choices(desk: Desk) -> Vec<Choice> {
    let choice = |role: &RoleChoice| (role.id.to_string(), role.name.clone());
    untrack(|| desk.with_managed(|managed| managed.roles.iter().map(choice).collect())).unwrap_or_default()
}

const ROLE_HINT: &str =
    "In a project, “View Project” and “Manage Projects” of a role count, and never more than the person may do in the organization.";

/// Asks whom to add and with which role.
#[component]
fn AddDialog(desk: Desk, on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let choice = |person: &Candidate| (person.user.to_string(), format!("{} ({})", person.name, person.email));
    let people: Vec<Choice> = untrack(|| desk.with_managed(|managed| managed.candidates.iter().map(choice).collect())).unwrap_or_default();
    let roles = role_choices(desk);
    // The least that can be given, which is the last of the built-in ones.
    let least = roles.iter().find(|(_, name)| name == "viewer").map(|(id, _)| id.clone()).unwrap_or_default();
    let submit = Callback::new(move |()| {
        let call = form.check("user", chosen_person).zip(form.check("role", chosen_role)).map(|(user, role)| add_project_member(desk.id, user, role));
        form.send(call, move |()| on_done.run("The project has another member.".to_owned()));
    });
    if people.is_empty() {
        return view! {
            <FormDialog title="Add member" form submit="Done" on_submit=move |()| on_dismiss.run(()) on_dismiss>
                <p>"Every active member of the organization is in this project already. Invite others under Settings, Members."</p>
            </FormDialog>
        }
        .into_any();
    }
    view! {
        <FormDialog title="Add member" form submit="Add" on_submit=submit on_dismiss>
            <SelectField form name="user" label="Person" options=people/>
            <SelectField form name="role" label="Role" options=roles value=least hint=ROLE_HINT/>
        </FormDialog>
    }
    .into_any()
}

/// Asks for another role, then gives it.
#[component]
fn RoleDialog(desk: Desk, member: ProjectMember, on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let told = format!("{} has another role now.", member.name);
    let submit = Callback::new(move |()| {
        let told = told.clone();
        let call = form.check("role", chosen_role).map(|role| set_project_role(desk.id, member.user, role));
        form.send(call, move |()| on_done.run(told));
    });
    view! {
        <FormDialog title="Change role" form submit="Save" on_submit=submit on_dismiss>
            <p>"It counts at once for " <strong class="quoted">{member.name}</strong> " in this project."</p>
            <SelectField form name="role" label="Role" options=role_choices(desk) value=member.role_id.to_string() hint=ROLE_HINT/>
            <FormWrong form about="member"/>
        </FormDialog>
    }
}

/// Asks, then takes somebody out of the project.
#[component]
fn RemoveDialog(desk: Desk, member: ProjectMember, on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let told = format!("{} is no longer in the project.", member.name);
    let submit = Callback::new(move |()| {
        let told = told.clone();
        form.send(Some(or_gone(remove_project_member(desk.id, member.user))), move |()| on_done.run(told));
    });
    view! {
        <FormDialog title="Remove this member?" form submit="Remove" weight=Weight::Danger on_submit=submit on_dismiss>
            <p><strong class="quoted">{member.name}</strong></p>
            <p>"Keys of the project that they hold stay theirs until they are revoked under ISSUED KEYS."</p>
            <FormWrong form about="member"/>
        </FormDialog>
    }
}

fn chosen_person(field: &str, value: &str) -> Result<UserId, Fault> {
    value.parse().map_err(|_| Fault::invalid(field, "Choose a person."))
}

fn chosen_role(field: &str, value: &str) -> Result<RoleId, Fault> {
    value.parse().map_err(|_| Fault::invalid(field, "Choose a role."))
}
