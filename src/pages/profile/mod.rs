//! `/profile`

mod dialogs;
mod sessions;

use leptos::{html, prelude::*};
use leptos_meta::Title;

use super::error_page::LoadFailed;
use crate::{
    api::{account::viewer, profile},
    routes,
};
use dialogs::{NameDialog, PasswordDialog};
use latchkey_types::{
    account::Viewer,
    member::SessionRow,
    permission::{Permission, Permissions, role_label},
};
use latchkey_ui::{
    browser, button::Button, copy::CopyButton, dialog::use_dialogs, resource::Refetchable, skeleton::PageSkeleton, suspend::suspend,
    theme::ThemeChooser, toast::use_toasts,
};
use sessions::Sessions;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OpenDialog {
    Name,
    Password,
}

/// The viewer's account, permissions and sessions.
#[component]
pub fn ProfilePage() -> impl IntoView {
    // Loaded again instead of taken from the layout: the name may have changed.
    let viewer = OnceResource::new(viewer());
    let sessions = OnceResource::new(profile::sessions());
    view! {
        <Title text=routes::PROFILE.label/>
        <Suspense fallback=|| view! { <PageSkeleton heading=routes::PROFILE.label/> }>
            {suspend(
                async move { Ok((viewer.await?, sessions.await?)) },
                |(viewer, sessions)| view! { <Profile viewer sessions/> },
                |error| view! { <LoadFailed error/> },
            )}
        </Suspense>
    }
}

#[component]
fn Profile(viewer: Viewer, sessions: Vec<SessionRow>) -> impl IntoView {
    let toasts = use_toasts();
    let dialogs = use_dialogs::<OpenDialog>();
    let dismiss = dialogs.dismiss;
    // A full page load: the header shows the name too.
    let renamed = Callback::new(move |()| browser::go(routes::PROFILE.path));
    let sessions = Refetchable::new(sessions);
    let password_changed = dialogs.done(move |()| {
        toasts.success("Password changed".to_owned());
        sessions.refetch(profile::sessions);
    });

    let name = viewer.name.clone();
    let dialog = move |open| match open {
        OpenDialog::Name => view! { <NameDialog name=name.clone() on_dismiss=dismiss on_done=renamed/> }.into_any(),
        OpenDialog::Password => view! { <PasswordDialog on_dismiss=dismiss on_done=password_changed/> }.into_any(),
    };
    view! {
        <div class="page page-narrow">
            <h1>{routes::PROFILE.label}</h1>
            <section class="card" aria-labelledby="profile-account">
                <h2 id="profile-account">"Account"</h2>
                <dl class="properties">
                    <div>
                        <dt>"Name"</dt>
                        <dd class="property-action">
                            <span dir="auto">{viewer.name.clone()}</span>
                            <Button label="Change name" on_click=dialogs.opener(OpenDialog::Name)/>
                        </dd>
                    </div>
                    <div><dt>"Email"</dt><dd>{viewer.email.clone()}</dd></div>
                    <div>
                        <dt>"Password"</dt>
                        <dd class="property-action">
                            <span class="property-hint">"Changing it signs you out on other devices."</span>
                            <Button label="Change password" on_click=dialogs.opener(OpenDialog::Password)/>
                        </dd>
                    </div>
                </dl>
            </section>
            <OrganizationCard viewer=viewer.clone()/>
            <section class="card" aria-labelledby="profile-appearance">
                <h2 id="profile-appearance">"Appearance"</h2>
                <ThemeChooser/>
            </section>
            <Shortcuts viewer/>
            <Sessions list=sessions/>
        </div>
        {dialogs.render(dialog)}
    }
}

#[component]
fn OrganizationCard(viewer: Viewer) -> impl IntoView {
    let customer_id_code = NodeRef::<html::Code>::new();
    let customer_id = viewer.customer_id.to_string();
    let role = role_text(&viewer.role, viewer.permissions);
    let permissions = viewer.permissions.iter().map(|permission| view! { <li>{permission.label()}</li> }).collect_view();
    view! {
        <section class="card" aria-labelledby="profile-organization">
            <h2 id="profile-organization">"Organization"</h2>
            <dl class="properties">
                <div><dt>"Organization"</dt><dd dir="auto">{viewer.organization}</dd></div>
                <div>
                    <dt>"Customer ID"</dt>
                    <dd class="property-copy">
                        <code node_ref=customer_id_code>{customer_id.clone()}</code>
                        <CopyButton text=customer_id shown_in=customer_id_code/>
                    </dd>
                </div>
                <div>
                    <dt>"Role"</dt>
                    <dd>
                        {role}
                        <details class="permissions">
                            <summary>"Show permissions"</summary>
                            <ul>{permissions}</ul>
                        </details>
                    </dd>
                </div>
            </dl>
        </section>
    }
}

/// `Owner · all permissions`.
fn role_text(role: &str, permissions: Permissions) -> String {
    let (count, all) = (permissions.iter().count(), Permission::ALL.len());
    let permissions = if count == all { "all permissions".to_owned() } else { format!("{count} of {all} permissions") };
    format!("{} · {permissions}", role_label(role))
}

/// Links to external keys and billing; empty for viewers who can see neither.
#[component]
fn Shortcuts(viewer: Viewer) -> impl IntoView {
    let (has_keys, has_billing) = (viewer.can(Permission::ManageApiKeys), viewer.can(Permission::ViewBilling));
    (has_keys || has_billing).then(|| {
        view! {
            <section class="card" aria-labelledby="profile-shortcuts">
                <h2 id="profile-shortcuts">"Shortcuts"</h2>
                <dl class="properties">
                    {has_keys.then(|| view! {
                        <div><dt><a href=routes::EXTERNAL_KEYS.path>{routes::EXTERNAL_KEYS.label}</a></dt><dd>"Your keys for storage providers."</dd></div>
                    })}
                    {has_billing.then(|| view! { <div><dt><a href=routes::BILLING.path>{routes::BILLING.label}</a></dt><dd>"Usage and cost by key."</dd></div> })}
                </dl>
            </section>
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_says_how_much_it_permits() {
        assert_eq!(role_text("owner", Permissions::of(Permission::ALL)), "Owner · all permissions");
        let expected = format!("Auditor · 1 of {} permissions", Permission::ALL.len());
        assert_eq!(role_text("Auditor", Permissions::of(&[Permission::ViewAuditLog])), expected);
    }
}
