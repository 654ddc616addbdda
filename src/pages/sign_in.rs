//! `/sign-in`

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::{HOME, entry::Entry};
use crate::{
    api::account::sign_in,
    model::{fault::Fault, text},
    ui::{
        browser,
        button::SubmitButton,
        field::{Field, Typed},
        form::{Form, FormView},
    },
};

/// Asks for e-mail and password, then leads to where the reader was going.
#[component]
pub fn SignInPage() -> impl IntoView {
    let query = use_query_map();

    let form = Form::new();
    let submit = move |()| {
        let next = query.with_untracked(|query| own_path(query.get_str("next")).to_owned());
        let (email, password) = (form.check("email", text::email), form.check("password", given));
        form.send(email.zip(password).map(|(email, password)| sign_in(email, password)), move |()| browser::go(&next));
    };

    view! {
        <Title text="Sign in"/>
        <Entry title="Sign in" lead="To the desk where your team keeps its API keys.">
            <FormView form on_submit=submit>
                <Field form name="email" label="Email" typed=Typed::Email autocomplete="username" autofocus=true/>
                <Field form name="password" label="Password" typed=Typed::Password autocomplete="current-password"/>
                <SubmitButton label="Sign in" pending=form.pending()/>
            </FormView>
        </Entry>
    }
}

/// A password that was set once may be shorter than a new one must be: here it only has to be given.
fn given(field: &str, typed: &str) -> Result<String, Fault> {
    if typed.is_empty() { Err(Fault::invalid(field, "Enter your password.")) } else { Ok(typed.to_owned()) }
}

/// Where to go next: a path of this site, whatever the link said. `//host` and `/\host` lead elsewhere, and a browser drops tabs and
/// line ends before it looks.
fn own_path(next: Option<&str>) -> &str {
    let is_own = |path: &&str| {
        let mut characters = path.chars();
        characters.next() == Some('/') && !matches!(characters.next(), Some('/' | '\\')) && !path.contains(char::is_control)
    };
    next.filter(is_own).unwrap_or(HOME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_this_site_is_followed() {
        assert_eq!(own_path(Some("/profile?x=1")), "/profile?x=1");
        assert_eq!(own_path(Some("/")), "/");
        for foreign in ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", "profile", "/\t/evil.example"] {
            assert_eq!(own_path(Some(foreign)), HOME, "{foreign:?}");
        }
        assert_eq!(own_path(None), HOME);
    }
}
