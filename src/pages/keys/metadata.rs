//! The metadata of a key: a flat JSON object.

use js_sys::{Array, JSON, Object};
use leptos::prelude::*;

use latchkey_types::{error::Error, limits::METADATA_MAX};
use latchkey_ui::{field::TextArea, form::Form, number::format_count};

/// Validates a flat JSON object or an empty text.
pub(super) fn check_metadata(field: &str, typed: &str) -> Result<String, Error> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(String::new());
    }
    let parsed = JSON::parse(typed).ok().filter(|value| value.is_object() && !Array::is_array(value));
    let Some(object) = parsed else {
        return Err(Error::invalid(field, "Enter a JSON object, e.g. {\"plan\": \"pro\"}."));
    };
    let is_flat = Object::values(&Object::from(object)).iter().all(|value| value.is_null() || !value.is_object());
    if !is_flat {
        return Err(Error::invalid(field, "Values must be strings, numbers, booleans or null."));
    }
    let size = respace(typed, Spacing::Compact).len();
    if size > METADATA_MAX {
        return Err(Error::invalid(field, format!("Metadata has {} bytes. Use at most {}.", format_count(size), format_count(METADATA_MAX))));
    }
    Ok(typed.to_owned())
}

/// One member in each line. Text that is not valid is returned unchanged.
fn format_metadata(typed: &str) -> String {
    match check_metadata("", typed) {
        Ok(json) => respace(&json, Spacing::Lines),
        Err(_) => typed.to_owned(),
    }
}

/// Whether the text is valid, and its size.
fn describe(typed: &str) -> String {
    match check_metadata("", typed) {
        Ok(json) if json.is_empty() => String::new(),
        Ok(json) => format!("Valid · {} of {} bytes", format_count(respace(&json, Spacing::Compact).len()), format_count(METADATA_MAX)),
        Err(_) => "Not valid yet".to_owned(),
    }
}

/// The white space of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spacing {
    /// None, as it is stored.
    Compact,
    /// One member in each line.
    Lines,
}

/// Replaces the white space of a valid flat object. Works on the text, because JavaScript would round long numbers.
fn respace(json: &str, spacing: Spacing) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut is_in_string, mut is_escaped) = (false, false);
    for c in json.chars() {
        if is_in_string {
            text.push(c);
            is_in_string = is_escaped || c != '"';
            is_escaped = c == '\\' && !is_escaped;
        } else if !c.is_ascii_whitespace() {
            is_in_string = c == '"';
            match (spacing, c) {
                (Spacing::Lines, '}') if text != "{" => text.push_str("\n}"),
                (Spacing::Lines, ',') => text.push_str(",\n  "),
                (Spacing::Lines, ':') => text.push_str(": "),
                // The first member.
                (Spacing::Lines, '"') if text == "{" => text.push_str("\n  \""),
                _ => text.push(c),
            }
        }
    }
    text
}

/// The field for metadata, which is formatted when the user leaves it.
#[component]
pub(super) fn MetadataField(
    form: Form,
    /// The current metadata.
    value: String,
) -> impl IntoView {
    let note = RwSignal::new(String::new());
    view! {
        <TextArea form name="metadata" label="Metadata" value=respace(&value, Spacing::Lines) optional=true rows=4
            hint="Flat JSON returned with every verify response, e.g. {\"plan\": \"pro\"}. 4 KB max." note=note.into()
            on_input=move |typed: String| note.set(describe(&typed)) rewrite=format_metadata/>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_replaced_outside_of_strings() {
        let typed = "{ \"a b\" : \"x, \\\" {y} :\\\\\" ,\n\"n\":12345678901234567890.10}";
        let compact = "{\"a b\":\"x, \\\" {y} :\\\\\",\"n\":12345678901234567890.10}";
        assert_eq!(respace(typed, Spacing::Compact), compact);
        let lines = respace(typed, Spacing::Lines);
        assert_eq!(lines, "{\n  \"a b\": \"x, \\\" {y} :\\\\\",\n  \"n\": 12345678901234567890.10\n}");
        assert_eq!((respace(&lines, Spacing::Compact), respace(&lines, Spacing::Lines)), (compact.to_owned(), lines));
        assert_eq!((respace(" { } ", Spacing::Lines), respace("", Spacing::Lines)), ("{}".to_owned(), String::new()));
    }
}
