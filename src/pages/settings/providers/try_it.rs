//! The dialog that sends a prompt to a model through the gateway.

use leptos::{prelude::*, task::spawn_local};
use web_sys::AbortController;

use super::{
    answer::{AnswerReader, error_message},
    streamed_response::{ConnectionLost, StreamedResponse, post_json},
};
use crate::pages::dollars::rounded_dollars;
use latchkey_types::{
    budget::{ModelPrice, TokenCounts},
    error::Error,
    provider::ProviderList,
};
use latchkey_ui::{
    browser,
    button::{Button, SubmitButton},
    dialog::Dialog,
    field::TextArea,
    form::{Form, FormView},
    message::Alert,
    number::format_integer,
    select::{Choice, SelectField},
};

/// Where the page sends prompts.
const PATH: &str = "/console/models/try";
/// Longest prompt, in bytes.
const PROMPT_MAX: usize = 100_000;
pub(super) const EXAMPLE: &str = "Say hello in one sentence.";

/// A price by the name of its model.
type Prices = Vec<(String, ModelPrice)>;

/// What is known about an answer. Times are in milliseconds since the prompt was sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Facts {
    /// The model that answers, which an alias or a fallback may have chosen.
    model: String,
    provider: String,
    tokens: Option<TokenCounts>,
    first_word_ms: Option<i64>,
    total_ms: Option<i64>,
}

/// The answer to the last prompt.
#[derive(Clone, Copy)]
struct Answer {
    text: RwSignal<String>,
    facts: RwSignal<Facts>,
    /// A sentence.
    error: RwSignal<Option<String>>,
    is_running: RwSignal<bool>,
    /// Ends the call.
    controller: StoredValue<Option<AbortController>, LocalStorage>,
}

impl Answer {
    /// Only in the browser.
    fn new() -> Self {
        Self {
            text: RwSignal::new(String::new()),
            facts: RwSignal::new(Facts::default()),
            error: RwSignal::new(None),
            is_running: RwSignal::new(false),
            controller: StoredValue::new_local(None),
        }
    }

    /// Sends a prompt and shows the answer while it arrives.
    fn request(self, body: String) {
        let Ok(controller) = AbortController::new() else { return };
        let signal = controller.signal();
        self.controller.set_value(Some(controller));
        self.text.set(String::new());
        self.facts.set(Facts::default());
        self.error.set(None);
        self.is_running.set(true);
        spawn_local(async move {
            let begin = browser::now_ms();
            let outcome = match post_json(PATH, &body, &signal).await {
                Ok(response) => self.show(response, begin).await,
                Err(ConnectionLost) => Err(Error::Offline.to_string()),
            };
            // The dialog may be closed already.
            let _ = self.facts.try_update(|facts| facts.total_ms = Some(browser::now_ms() - begin));
            if !signal.aborted() {
                let _ = self.error.try_set(outcome.err());
            }
            let _ = self.is_running.try_set(false);
        });
    }

    /// Shows a response. Its error is a sentence.
    async fn show(self, response: StreamedResponse, begin: i64) -> Result<(), String> {
        let interrupted = |_: ConnectionLost| "The answer was interrupted.".to_owned();
        if response.status == 401 {
            return Err(Error::SignedOut.to_string());
        }
        if response.status >= 400 {
            let mut body = Vec::new();
            while let Some(part) = response.next().await.map_err(interrupted)? {
                body.extend(part);
            }
            return Err(error_message(&String::from_utf8_lossy(&body)));
        }
        let _ = self.facts.try_update(|facts| {
            facts.model = response.header("x-latchkey-model");
            facts.provider = response.header("x-latchkey-provider");
        });
        let mut reader = AnswerReader::default();
        while let Some(part) = response.next().await.map_err(interrupted)? {
            let text = reader.push(&part);
            if !text.is_empty() {
                let _ = self.text.try_update(|shown| shown.push_str(&text));
            }
            let elapsed = browser::now_ms() - begin;
            let _ = self.facts.try_update(|facts| {
                facts.tokens = reader.tokens;
                facts.first_word_ms = facts.first_word_ms.or_else(|| (!text.is_empty()).then_some(elapsed));
            });
        }
        reader.error.map_or(Ok(()), Err)
    }

    /// Ends the call, also that of the provider. Has no effect if there is none.
    fn stop(self) {
        let _ = self.controller.try_with_value(|controller| {
            if let Some(controller) = controller {
                controller.abort();
            }
        });
    }
}

#[component]
pub(super) fn TryDialog(
    list: ProviderList,
    /// The model or alias that is selected at first; empty for the first one.
    selected: String,
    /// The last prompt, which is kept when the dialog is closed.
    prompt: RwSignal<String>,
    on_dismiss: Callback<()>,
) -> impl IntoView {
    let form = Form::new();

    // Data
    let answer = Answer::new();
    let options = options(&list);
    let prices: Prices =
        list.providers.iter().flat_map(|provider| &provider.models).filter_map(|model| Some((model.name.clone(), *model.price.price()?))).collect();

    // Actions
    on_cleanup(move || answer.stop());
    let submit = move |()| {
        if answer.is_running.get_untracked() {
            return;
        }
        if let Some(prompt) = form.check("prompt", check_prompt) {
            answer.request(serde_json::json!({ "model": form.value("model"), "prompt": prompt }).to_string());
        }
    };

    // View
    let is_running = answer.is_running;
    let is_idle = Signal::derive(move || !is_running.get());
    view! {
        <Dialog title="Try it" on_dismiss wide=true>
            <FormView form on_submit=submit>
                <div class="dialog-content">
                    <SelectField form name="model" label="Model" options value=selected/>
                    <TextArea form name="prompt" label="Prompt" value=prompt.get_untracked() rows=4 on_input=move |typed: String| prompt.set(typed)
                        hint="Sent through the gateway, and counted as your own use. The answer has at most 1,024 tokens."/>
                    <AnswerView answer prices/>
                </div>
                <footer class="dialog-foot">
                    <Button label="Stop" on_click=move |()| answer.stop() disabled=is_idle/>
                    <SubmitButton label="Send" pending=is_running/>
                </footer>
            </FormView>
        </Dialog>
    }
}

/// All models and aliases by name.
fn options(list: &ProviderList) -> Vec<Choice> {
    let models = list.providers.iter().flat_map(|provider| &provider.models).map(|model| (model.name.clone(), model.name.clone()));
    let aliases = list.aliases.iter().map(|alias| (alias.name.clone(), format!("{} (alias)", alias.name)));
    let mut options: Vec<Choice> = models.chain(aliases).collect();
    options.sort();
    options
}

fn check_prompt(field: &str, typed: &str) -> Result<String, Error> {
    if typed.trim().is_empty() {
        return Err(Error::invalid(field, "Enter a prompt."));
    }
    if typed.len() > PROMPT_MAX {
        return Err(Error::invalid(field, "Use at most 100 kB."));
    }
    Ok(typed.to_owned())
}

#[component]
fn AnswerView(answer: Answer, prices: Prices) -> impl IntoView {
    let has_begun = Memo::new(move |_| answer.is_running.get() || answer.facts.with(|facts| facts.total_ms.is_some()));
    let has_text = Memo::new(move |_| answer.text.with(|text| !text.is_empty()));
    // For example if all tokens were spent on reasoning.
    let is_empty = Memo::new(move |_| !answer.is_running.get() && !has_text.get() && answer.error.with(Option::is_none));
    let prices = StoredValue::new(prices);
    let facts = move || answer.facts.with(|facts| prices.with_value(|prices| lines(facts, prices)));
    let fact = |(name, value): (&'static str, String)| view! { <div><dt>{name}</dt><dd dir="auto">{value}</dd></div> };
    view! {
        {move || answer.error.get().map(|message| view! { <Alert message/> })}
        <Show when=move || has_begun.get()>
            <section class="try-answer" aria-label="Answer" aria-live="polite" aria-busy=move || answer.is_running.get().then_some("true")>
                <Show when=move || has_text.get()><p class="try-text" dir="auto">{move || answer.text.get()}</p></Show>
                <Show when=move || is_empty.get()><p class="field-hint">"No text was received."</p></Show>
                <dl class="try-facts">{move || facts().into_iter().map(fact).collect_view()}</dl>
            </section>
        </Show>
    }
}

/// What is known about the answer, by name.
fn lines(facts: &Facts, prices: &[(String, ModelPrice)]) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if !facts.model.is_empty() {
        lines.push(("Model", facts.model.clone()));
        lines.push(("Provider", facts.provider.clone()));
    }
    if let Some(tokens) = &facts.tokens {
        let price = prices.iter().find(|(name, _)| *name == facts.model).map(|(_, price)| price);
        lines.push(("Tokens", format!("{} in, {} out", format_integer(tokens.input), format_integer(tokens.output))));
        lines.push(("Cost", price.map_or_else(|| "Unknown".to_owned(), |price| rounded_dollars(price.cost(tokens)))));
    }
    let times = [("First word", facts.first_word_ms), ("Time", facts.total_ms)];
    lines.extend(times.into_iter().filter_map(|(name, ms)| Some((name, format!("{} ms", format_integer(ms?))))));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_is_that_of_the_model_that_answered() {
        let price = ModelPrice { input: 1_000_000_000, output: 2_000_000_000, ..ModelPrice::default() };
        let prices = vec![("gpt-5".to_owned(), price)];
        let tokens = Some(TokenCounts { input: 1000, output: 500, ..TokenCounts::default() });
        let facts = Facts { model: "gpt-5".to_owned(), provider: "OpenAI".to_owned(), tokens, first_word_ms: Some(120), total_ms: Some(1450) };
        let texts: Vec<_> = lines(&facts, &prices).into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let expected = ["Model: gpt-5", "Provider: OpenAI", "Tokens: 1,000 in, 500 out", "Cost: $0.002", "First word: 120 ms", "Time: 1,450 ms"];
        assert_eq!(texts, expected);
        let unpriced = Facts { model: "other".to_owned(), ..facts };
        assert!(lines(&unpriced, &prices).contains(&("Cost", "Unknown".to_owned())));
        assert_eq!(lines(&Facts::default(), &prices), []);
    }

    #[test]
    fn a_prompt_has_a_size() {
        assert!(check_prompt("prompt", " \n").is_err());
        assert!(check_prompt("prompt", &"a".repeat(PROMPT_MAX + 1)).is_err());
        assert_eq!(check_prompt("prompt", " Hello\n"), Ok(" Hello\n".to_owned()));
    }
}
