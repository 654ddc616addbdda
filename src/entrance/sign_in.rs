//! `/sign-in`

use leptos::prelude::*;

use super::auth_layout::AuthLayout;
use crate::{api::account::sign_in, routes};
use latchkey_types::{error::Error, validate};
use latchkey_ui::{
    browser,
    button::SubmitButton,
    field::{Field, InputKind},
    form::{Form, FormView},
};

/// Signs in by e-mail and password, then opens the requested page.
#[component]
pub fn SignInPage() -> impl IntoView {
    let is_session_ended = RwSignal::new(false);
    Effect::new(move || is_session_ended.set(browser::take_session_ended()));

    let form = Form::new();
    let submit = move |()| {
        let next = local_path(browser::query_parameter("next").as_deref()).to_owned();
        let (email, password) = (form.check("email", validate::email), form.check("password", require_password));
        form.send(email.zip(password).map(|(email, password)| sign_in(email, password)), move |()| browser::go(&next));
    };

    view! {
        <AuthLayout title="Sign in" lead="Manage your team’s API keys.">
            {move || is_session_ended.get().then(|| view! { <p class="auth-fact" role="status">"Your session ended. Sign in again."</p> })}
            <FormView form on_submit=submit>
                <Field form name="email" label="Email" kind=InputKind::Email autocomplete="username" autofocus=true/>
                <Field form name="password" label="Password" kind=InputKind::Password autocomplete="current-password"/>
                <SubmitButton label=form.submit_label(Signal::stored("Sign in".to_owned())) pending=form.pending() waiting=form.is_waiting()/>
                {move || form.is_waiting().get().then(|| view! {
                    <p class="field-hint">
                        "Forgot your password? The operator of this server can set a new one with "
                        <code>"latchkey admin reset-password"</code>
                        "."
                    </p>
                })}
            </FormView>
        </AuthLayout>
    }
}

/// Only requires a value: existing passwords may be shorter than the current minimum.
fn require_password(field: &str, typed: &str) -> Result<String, Error> {
    if typed.is_empty() { Err(Error::invalid(field, "Enter your password.")) } else { Ok(typed.to_owned()) }
}

/// Returns the next page if it is a path of this site, to prevent open redirects. Browsers resolve `//host` and `/\host` to other hosts,
/// and remove tabs and line breaks first.
fn local_path(next: Option<&str>) -> &str {
    let is_local = |path: &&str| {
        let mut characters = path.chars();
        characters.next() == Some('/') && !matches!(characters.next(), Some('/' | '\\')) && !path.contains(char::is_control)
    };
    next.filter(is_local).unwrap_or(routes::HOME.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_only_to_local_paths() {
        assert_eq!(local_path(Some("/profile?x=1")), "/profile?x=1");
        assert_eq!(local_path(Some("/")), "/");
        for foreign in ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", "profile", "/\t/evil.example"] {
            assert_eq!(local_path(Some(foreign)), routes::HOME.path, "{foreign:?}");
        }
        assert_eq!(local_path(None), routes::HOME.path);
    }
}
