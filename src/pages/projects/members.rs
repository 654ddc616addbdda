//! Members of a project and their roles.

use leptos::prelude::*;

use super::about_context::AboutContext;
use crate::api::project_resources::{add_project_member, remove_project_member, set_project_role};
use latchkey_types::{
    error::Error,
    id::{RoleId, UserId},
    permission::role_label,
    project::{Candidate, ProjectMember, RoleOption},
};
use latchkey_ui::{
    button::Button,
    confirm_dialog::{ConfirmDialog, ConfirmObject},
    dialog::{Dialogs, use_dialogs},
    form::{Form, FormError, ignore_not_found},
    form_dialog::FormDialog,
    icon::{Glyph, Icon},
    menu::{MenuAction, MenuButton, MenuItem, MenuList, SharedMenu},
    select::{Choice, SelectField},
    table::RowTable,
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
    let members = context.belongings.rows(|belongings| &belongings.members, |member| member.user);
    let menu = SharedMenu::new();
    let dialogs = use_dialogs::<OpenDialog>();
    let dismiss = dialogs.dismiss;
    let done = dialogs.done(move |message| context.notify(message));
    let dialog = move |open| match open {
        OpenDialog::Add => view! { <AddDialog context on_dismiss=dismiss on_done=done/> }.into_any(),
        OpenDialog::Role(member) => view! { <RoleDialog context member on_dismiss=dismiss on_done=done/> }.into_any(),
        OpenDialog::Remove(member) => view! { <RemoveDialog context member on_dismiss=dismiss on_done=done/> }.into_any(),
    };
    let columns = if context.is_managed { vec!["Name", "Email", "Role", "Added", "Action"] } else { vec!["Name", "Role", "Added"] };
    view! {
        <section class="section-card" aria-labelledby="project-members">
            <div class="section-head">
                <h2 id="project-members">"Members"</h2>
                {context.is_managed.then(|| view! { <Button label="Add member" on_click=dialogs.opener(OpenDialog::Add)/> })}
            </div>
            <RowTable label="Members" columns rows=members empty=|| view! { <p class="section-text">"No members yet."</p> } let(member)>
                <MemberTableRow context member menu dialogs/>
            </RowTable>
            <MenuList menu id="project-member-actions"/>
        </section>
        {dialogs.render(dialog)}
    }
}

#[component]
fn MemberTableRow(context: AboutContext, member: Memo<ProjectMember>, menu: SharedMenu, dialogs: Dialogs<OpenDialog>) -> impl IntoView {
    let tag = move || member.with(|member| if member.is_disabled { Some("Disabled") } else { member.is_you.then_some("You") });
    let items = Callback::new(move |()| actions(dialogs, &member.get_untracked()));
    // A viewer can't change a role with permissions that they lack.
    let can_change = move || member.with(|member| context.viewer_permissions().first_missing(member.permissions).is_none());
    let (user, added_at) = member.with_untracked(|member| (member.user, member.added_at));
    view! {
        <tr aria-label=move || member.get().name>
            <td class="cell-name">
                <span class="name-with-tag">
                    <span class="cell-text">{move || member.get().name}</span>
                    {move || tag().map(|tag| view! { <span class="tag">{tag}</span> })}
                </span>
            </td>
            {context.is_managed.then(|| view! {
                <td class="cell-soft" data-label="Email"><span class="cell-text">{move || member.get().email}</span></td>
            })}
            <td data-label="Role"><span class="cell-text">{move || member.with(|member| role_label(&member.role))}</span></td>
            <td class="cell-soft" data-label="Added"><Time at=added_at format=TimeFormat::Date/></td>
            {context.is_managed.then(|| view! {
                <td class="cell-action">
                    <Show when=can_change>
                        <MenuButton menu id=format!("actions-{user}") class="icon-button" label="Actions" items><Icon glyph=Glyph::More/></MenuButton>
                    </Show>
                </td>
            })}
        </tr>
    }
}

fn actions(dialogs: Dialogs<OpenDialog>, member: &ProjectMember) -> Vec<MenuItem> {
    let open = |dialog| MenuAction::Run(dialogs.opener(dialog));
    vec![
        MenuItem { label: "Change role", glyph: Glyph::Person, action: open(OpenDialog::Role(member.clone())) },
        MenuItem { label: "Remove", glyph: Glyph::Close, action: open(OpenDialog::Remove(member.clone())) },
    ]
}

fn role_choices(context: AboutContext) -> Vec<Choice> {
    let choice = |role: &RoleOption| (role.id.to_string(), role_label(&role.name));
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
    let default_role = roles.iter().find(|(_, name)| name == "Viewer").map(|(id, _)| id.clone()).unwrap_or_default();
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
        <FormDialog title="Add member" form submit="Add member" on_submit=submit on_dismiss>
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
        <ConfirmDialog title="Remove this member?" objects=vec![ConfirmObject { name: member.name, facts: member.email.unwrap_or_default() }]
            effect="They keep their project keys until you revoke them under ISSUED KEYS." verb="Remove" form on_confirm=submit on_dismiss>
            <FormError form about="member"/>
        </ConfirmDialog>
    }
}

fn parse_user(field: &str, value: &str) -> Result<UserId, Error> {
    value.parse().map_err(|_| Error::invalid(field, "Choose a person."))
}

fn parse_role(field: &str, value: &str) -> Result<RoleId, Error> {
    value.parse().map_err(|_| Error::invalid(field, "Choose a role."))
}
