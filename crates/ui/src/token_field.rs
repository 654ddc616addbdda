//! A field for several words, each of which becomes a token.

use leptos::{ev, html, prelude::*};
use web_sys::HtmlInputElement;

use super::{
    browser,
    form::Form,
    form_field::{FieldAria, FieldTexts, form_field},
    icon::{Glyph, Icon},
};
use latchkey_types::names::lowercase;

/// Maximum number of suggestions that are shown at once.
const SUGGESTIONS_MAX: usize = 8;

fn is_separator(c: char) -> bool {
    c == ',' || c.is_whitespace()
}

/// The words of a text, which are separated by white space or commas.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_separator).filter(|word| !word.is_empty())
}

/// The value of a [`TokenField`]: its tokens, and the words that are typed but are no tokens yet.
pub fn values(form: Form, name: &str) -> Vec<String> {
    let mut values = form.values(&token_name(name));
    values.extend(words(&form.value(name)).map(str::to_owned));
    values
}

/// The name of the hidden inputs, one for each token.
fn token_name(name: &str) -> String {
    format!("{name}[]")
}

/// The tokens of a field, and the input for further ones.
#[derive(Clone, Copy)]
struct Tokens {
    form: Form,
    name: &'static str,
    list: RwSignal<Vec<String>>,
    input: NodeRef<html::Input>,
    /// What is typed and is no token yet.
    typed: RwSignal<String>,
}

impl Tokens {
    fn add(self, text: &str) {
        self.list.update(|list| {
            for word in words(text) {
                if !list.iter().any(|token| token == word) {
                    list.push(word.to_owned());
                }
            }
        });
    }

    fn remove(self, token: &str) {
        self.list.update(|list| list.retain(|other| other != token));
        self.form.mark_edited(self.name);
        self.focus();
    }

    fn focus(self) {
        if let Some(input) = self.input.get_untracked() {
            browser::focus(&input);
        }
    }

    fn set_typed(self, input: &HtmlInputElement, text: &str) {
        input.set_value(text);
        self.typed.set(text.to_owned());
    }

    /// Turns all that is typed into tokens.
    fn commit(self, input: &HtmlInputElement) {
        self.add(&input.value());
        self.set_typed(input, "");
    }

    /// Turns words that are followed by a separator into tokens.
    fn commit_complete(self, input: &HtmlInputElement) {
        let value = input.value();
        match value.rsplit_once(is_separator) {
            Some((complete, rest)) => {
                self.add(complete);
                self.set_typed(input, rest);
            }
            None => self.typed.set(value),
        }
    }

    /// Makes a suggestion a token, in place of what is typed.
    fn choose(self, word: &str) {
        self.add(word);
        if let Some(input) = self.input.get_untracked() {
            self.set_typed(&input, "");
        }
        self.form.mark_edited(self.name);
        self.focus();
    }

    /// The first suggestions that contain what is typed and are no tokens yet.
    fn offered(self, suggestions: &[String]) -> Vec<String> {
        let typed = self.typed.with(|typed| lowercase(typed.trim()));
        let is_offered = |list: &[String], word: &str| !list.iter().any(|token| token == word) && lowercase(word).contains(&typed);
        self.list.with(|list| suggestions.iter().filter(|word| is_offered(list, word)).take(SUGGESTIONS_MAX).cloned().collect())
    }

    fn on_key(self, event: &ev::KeyboardEvent, input: &HtmlInputElement) {
        match event.key().as_str() {
            "Enter" if !browser::has_modifier(event) && !input.value().trim().is_empty() => {
                event.prevent_default();
                self.commit(input);
            }
            "Backspace" if input.value().is_empty() => {
                // The last token can be edited again.
                if let Some(last) = self.list.try_update(Vec::pop).flatten() {
                    event.prevent_default();
                    self.set_typed(input, &last);
                    self.form.mark_edited(self.name);
                }
            }
            _ => {}
        }
    }
}

/// A field for several words. Read it with [`values`].
#[component]
pub fn TokenField(
    form: Form,
    /// Field name in the request.
    name: &'static str,
    label: &'static str,
    /// Initial tokens.
    #[prop(optional)]
    value: Vec<String>,
    #[prop(optional, into)] hint: Option<String>,
    /// Whether it can be left empty.
    #[prop(optional)]
    optional: bool,
    /// Tokens that are not valid are marked.
    is_valid: fn(&str) -> bool,
    /// Words that can be chosen instead of typed.
    #[prop(optional, into)]
    suggestions: Signal<Vec<String>>,
) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let tokens = Tokens { form, name, list: RwSignal::new(value), input, typed: RwSignal::new(String::new()) };
    let offered = Memo::new(move |_| suggestions.with(|suggestions| tokens.offered(suggestions)));
    let token_view = move |token: String| {
        let (text, is_invalid) = (token.clone(), !is_valid(&token));
        view! {
            <span class="token" class:token-invalid=is_invalid>
                <span>{token.clone()}</span>
                <button type="button" class="token-remove" aria-label=format!("Remove {token}") on:click=move |_| tokens.remove(&text)>
                    <Icon glyph=Glyph::Close/>
                </button>
                <input type="hidden" name=token_name(name) value=token/>
            </span>
        }
    };
    let suggestion_view = move |word: String| {
        let label = word.clone();
        view! { <button type="button" class="token-suggestion" on:click=move |_| tokens.choose(&word)>{label}</button> }
    };
    let on_leave = move |event: ev::FocusEvent| {
        if let Some(input) = input.get_untracked().filter(|_| browser::enters_field(&event)) {
            tokens.commit(&input);
        }
    };
    let texts = FieldTexts { hint, note: None, is_optional: optional };
    form_field(form, name, label, texts, move |FieldAria { id, described_by, invalid }| {
        view! {
            <div class="token-field">
                <For each=move || tokens.list.get() key=String::clone children=token_view/>
                <input id=id name=name type="text" node_ref=input autocomplete="off" spellcheck="false" autocapitalize="none"
                    aria-invalid=invalid aria-describedby=described_by
                    on:input:target=move |event| tokens.commit_complete(&event.target())
                    on:keydown:target=move |event| tokens.on_key(&event, &event.target()) on:focusout=on_leave/>
            </div>
            <div class="token-suggestions" role="group" aria-label="Suggestions" hidden=move || offered.with(Vec::is_empty)>
                <For each=move || offered.get() key=String::clone children=suggestion_view/>
            </div>
        }
        .into_any()
    })
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_are_separated_by_white_space_and_commas() {
        assert_eq!(words(" read, write\tadmin,,").collect::<Vec<_>>(), ["read", "write", "admin"]);
        assert_eq!(words(" , ").next(), None);
    }
}
