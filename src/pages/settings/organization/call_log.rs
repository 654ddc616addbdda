//! How long calls of language models are logged.

use leptos::prelude::*;

use crate::api::organization::set_call_log_days;
use latchkey_types::{error::Error, organization::CALL_LOG_DAYS_MAX};
use latchkey_ui::{
    field::{Field, InputKind},
    form::Form,
    form_dialog::FormDialog,
    number::{check_integer_in, pluralize},
    toast::ToastText,
};

/// For how long calls are kept: `Kept for 30 days`.
pub(super) fn days_text(days: i64) -> String {
    if days == 0 { "Not kept".to_owned() } else { format!("Kept for {}", pluralize(days, "day", "days")) }
}

#[component]
pub(super) fn CallLogDialog(days: i64, on_dismiss: Callback<()>, on_done: Callback<ToastText>) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        let call = form.check("days", parse_days).map(set_call_log_days);
        form.send(call, move |()| on_done.run("Changes saved".into()));
    };
    let validate = move |()| {
        // It shows the error.
        let _ = form.check("days", parse_days);
    };
    view! {
        <FormDialog title="Change days of the call log" form submit="Save" on_submit=submit on_validate=validate on_dismiss>
            <p>"The log shows time, key, model, tokens, cost and status of each call, but no prompts and answers. Older calls are deleted."</p>
            <Field form name="days" label="Days" kind=InputKind::Number value=days.to_string() hint="0 keeps no log." autofocus=true/>
        </FormDialog>
    }
}

fn parse_days(field: &str, typed: &str) -> Result<i64, Error> {
    check_integer_in(field, typed, 0..=CALL_LOG_DAYS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_parsed_and_formatted() {
        assert_eq!((parse_days("days", "0"), parse_days("days", " 3,650 ")), (Ok(0), Ok(3650)));
        for typed in ["", "-1", "1.5", "3651"] {
            assert!(parse_days("days", typed).is_err(), "{typed}");
        }
        assert_eq!((days_text(0), days_text(1), days_text(30)), ("Not kept".to_owned(), "Kept for 1 day".to_owned(), "Kept for 30 days".to_owned()));
    }
}
