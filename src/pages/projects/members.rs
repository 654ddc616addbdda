//! Members of a project and their roles.

use leptos::prelude::*;

use super::about_context::AboutContext;
use crate::api::project_resources::{add_project_member, remove_project_member, set_project_role};
use latchkey_types::{
    error::Error,
    id::{RoleId, UserId},
    project::{Candidate, ProjectMember, ProjectResources, RoleOption},
};
use latchkey_ui::{
    button::{Button, ButtonVariant},
    form::{Form, FormError, ignore_not_found},
    form_dialog::FormDialog,
    icon::{Glyph, Icon},
    menu::{MenuAction, MenuButton, MenuItem, MenuList, SharedMenu},
    select::{Choice, SelectField},
    time::{Time, TimeFormat},
};

#[derive(Clone)]
enum OpenDialog {
    Add,
    Role(ProjectMember),
    Remove(ProjectMember),
}

#[component]
pub(super) fn Members(context: AboutContext) -> impl IntoView {
    let open_dialog = RwSignal::new(None::<OpenDialog>);
    let menu = SharedMenu::new();
    let dismiss = Callback::new(move |()| open_dialog.set(None));
    let done = Callback::new(move |message: String| {
        open_dialog.set(None);
        context.notify(message);
    });
    let users = move || context.belongings.with(|belongings| belongings.members.iter().map(|member| member.user).collect::<Vec<_>>());
    let is_empty = move || context.belongings.with(|belongings| belongings.members.is_empty());
    let dialog = move |open| match open {
        OpenDialog::Add => view! { <AddDialog context on_dismiss=dismiss on_done=done/> }.into_any(),
        OpenDialog::Role(member) => view! { <RoleDialog context member on_dismiss=dismiss on_done=done/> }.into_any(),
        OpenDialog::Remove(member) => view! { <RemoveDialog context member on_dismiss=dismiss on_done=done/> }.into_any(),
    };
    view! {
        <section class="sheet" aria-labelledby="project-members">
            <div class="sheet-row">
                <h2 id="project-members">"Members"</h2>
                {context.is_managed.then(|| view! { <Button label="Add member" on_click=move |()| open_dialog.set(Some(OpenDialog::Add))/> })}
            </div>
            <Show when=move || !is_empty() fallback=|| view! { <p class="sheet-none">"No members yet."</p> }>
                <div class="table-frame">
                    <table class="table" aria-label="Members">
                        <thead>
                            <tr>
                                <th scope="col">"Name"</th>
                                {context.is_managed.then(|| view! { <th scope="col">"Email"</th> })}
                                <th scope="col">"Role"</th>
                                <th scope="col">"Added"</th>
                                {context.is_managed.then(|| view! { <th scope="col">"Action"</th> })}
                            </tr>
                        </thead>
                        <tbody>
                            <For each=users key=|user| *user let(user)>
                                <MemberTableRow context user menu open_dialog/>
                            </For>
                        </tbody>
                    </table>
                </div>
            </Show>
            <MenuList menu id="project-member-actions"/>
        </section>
        {move || open_dialog.get().map(dialog)}
    }
}

/// Rendered once and updated in place, so that its button keeps the focus.
#[component]
fn MemberTableRow(context: AboutContext, user: UserId, menu: SharedMenu, open_dialog: RwSignal<Option<OpenDialog>>) -> impl IntoView {
    let find = move |belongings: &ProjectResources| belongings.members.iter().find(|member| member.user == user).cloned();
    let Some(found) = context.belongings.select(find) else { return ().into_any() };
    let member = move || found.get();
    let tag = move || found.with(|member| if member.is_disabled { Some("Disabled") } else { member.is_you.then_some("You") });
    let items = Callback::new(move |()| actions(open_dialog, &found.get_untracked()));
    // A viewer can't change a role with permissions that they lack.
    let can_change = move || found.with(|member| context.viewer_permissions().first_missing(member.permissions).is_none());
    view! {
        <tr aria-label=move || member().name>
            <td class="cell-name">
                <span class="named">
                    <span class="cell-text">{move || member().name}</span>
                    {move || tag().map(|tag| view! { <span class="tag">{tag}</span> })}
                </span>
            </td>
            {context.is_managed.then(|| view! {
                <td class="cell-soft" data-label="Email"><span class="cell-text">{move || member().email}</span></td>
            })}
            <td data-label="Role"><span class="cell-text role-name">{move || member().role}</span></td>
            <td class="cell-soft" data-label="Added"><Time at=found.with_untracked(|member| member.added_at) format=TimeFormat::Date/></td>
            {context.is_managed.then(|| view! {
                <td class="cell-action">
                    <Show when=can_change>
                        <MenuButton menu id=format!("actions-{user}") class="icon-button" label="Actions" items><Icon glyph=Glyph::More/></MenuButton>
                    </Show>
                </td>
            })}
        </tr>
    }
    .into_any()
}

fn actions(open_dialog: RwSignal<Option<OpenDialog>>, member: &ProjectMember) -> Vec<MenuItem> {
    let open = |dialog: OpenDialog| MenuAction::Run(Callback::new(move |()| open_dialog.set(Some(dialog.clone()))));
    vec![
        MenuItem { label: "Change role", glyph: Glyph::Person, action: open(OpenDialog::Role(member.clone())) },
        MenuItem { label: "Remove", glyph: Glyph::Close, action: open(OpenDialog::Remove(member.clone())) },
    ]
}

fn role_choices(context: AboutContext) -> Vec<Choice> {
    let choice = |role: &RoleOption| (role.id.to_string(), role.name.clone());
    untrack(|| context.with_managed(|managed| managed.roles.iter().map(choice).collect())).unwrap_or_default()
}

const ROLE_HINT: &str = "Only the role’s View Project and Manage Projects permissions apply here, limited by the person’s organization role.";

#[component]
fn AddDialog(context: AboutContext, on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let choice = |person: &Candidate| (person.user.to_string(), format!("{} ({})", person.name, person.email));
    let people: Vec<Choice> = untrack(|| context.with_managed(|managed| managed.candidates.iter().map(choice).collect())).unwrap_or_default();
    let roles = role_choices(context);
    // Preselect the built-in role with the fewest permissions.
    let default_role = roles.iter().find(|(_, name)| name == "viewer").map(|(id, _)| id.clone()).unwrap_or_default();
    let submit = Callback::new(move |()| {
        let request =
            form.check("user", parse_user).zip(form.check("role", parse_role)).map(|(user, role)| add_project_member(context.id, user, role));
        form.send(request, move |()| on_done.run("Member added".to_owned()));
    });
    if people.is_empty() {
        return view! {
            <FormDialog title="Add member" form submit="Done" on_submit=move |()| on_dismiss.run(()) on_dismiss>
                <p>"Every active member of the organization is already in this project. Invite others under Settings › Members."</p>
            </FormDialog>
        }
        .into_any();
    }
    view! {
        <FormDialog title="Add member" form submit="Add" on_submit=submit on_dismiss>
            <SelectField form name="user" label="Person" options=people/>
            <SelectField form name="role" label="Role" options=roles value=default_role hint=ROLE_HINT/>
        </FormDialog>
    }
    .into_any()
}

#[component]
fn RoleDialog(context: AboutContext, member: ProjectMember, on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let submit = Callback::new(move |()| {
        let request = form.check("role", parse_role).map(|role| set_project_role(context.id, member.user, role));
        form.send(request, move |()| on_done.run("Role changed".to_owned()));
    });
    view! {
        <FormDialog title="Change role" form submit="Save" on_submit=submit on_dismiss>
            <p>"Takes effect immediately for " <strong class="quoted">{member.name}</strong> " in this project."</p>
            <SelectField form name="role" label="Role" options=role_choices(context) value=member.role_id.to_string() hint=ROLE_HINT/>
            <FormError form about="member"/>
        </FormDialog>
    }
}

#[component]
fn RemoveDialog(context: AboutContext, member: ProjectMember, on_dismiss: Callback<()>, on_done: Callback<String>) -> impl IntoView {
    let form = Form::new();
    let submit = Callback::new(move |()| {
        form.send(Some(ignore_not_found(remove_project_member(context.id, member.user))), move |()| on_done.run("Member removed".to_owned()));
    });
    view! {
        <FormDialog title="Remove this member?" form submit="Remove" variant=ButtonVariant::Danger on_submit=submit on_dismiss>
            <p><strong class="quoted">{member.name}</strong></p>
            <p>"They keep their project keys until you revoke them under ISSUED KEYS."</p>
            <FormError form about="member"/>
        </FormDialog>
    }
}

fn parse_user(field: &str, value: &str) -> Result<UserId, Error> {
    value.parse().map_err(|_| Error::invalid(field, "Choose a person."))
}

fn parse_role(field: &str, value: &str) -> Result<RoleId, Error> {
    value.parse().map_err(|_| Error::invalid(field, "Choose a role."))
}
