//! The details of one call.

use leptos::prelude::*;

use super::{
    query_state::{CallQuery, CallQueryState},
    table::status_view,
    text::{self, NONE},
};
use latchkey_types::{budget::TokenCounts, id::UserId, model_call::CallEvent};
use latchkey_ui::{button::Button, dialog::Dialog, number::format_integer};

#[component]
pub(super) fn DetailsDialog(
    call: CallEvent,
    /// Members by id.
    members: Vec<(UserId, String)>,
    query_state: CallQueryState,
    on_dismiss: Callback<()>,
) -> impl IntoView {
    let show = move |query: CallQuery| {
        on_dismiss.run(());
        query_state.change(|current| *current = query);
    };
    let of_model = CallQuery { model: call.model.clone(), ..CallQuery::default() };
    let of_member = CallQuery { member: call.user.to_string(), ..CallQuery::default() };
    let of_key = call.key.map(|key| CallQuery { key: key.to_string(), ..CallQuery::default() });
    let member = members.into_iter().find(|(id, _)| *id == call.user).map_or_else(|| call.user.to_string(), |(_, name)| name);
    view! {
        <Dialog title="Call" on_dismiss>
            <div class="dialog-content">{facts(call, member)}</div>
            <footer class="dialog-foot">
                {of_key.map(|query| view! { <Button label="Calls of this key" on_click=move |()| show(query.clone())/> })}
                <Button label="Calls of this model" on_click=move |()| show(of_model.clone())/>
                <Button label="Calls of this member" on_click=move |()| show(of_member.clone())/>
            </footer>
        </Dialog>
    }
}

fn facts(call: CallEvent, member: String) -> AnyView {
    let fact = |name: &'static str, value: AnyView| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
    let named = |name: String| if name.is_empty() { NONE.into_any() } else { view! { <span dir="auto">{name}</span> }.into_any() };
    let key_id = call.key.map(|key| view! { " " <code>{key.to_string()}</code> });
    let path = view! { <code>{call.path.clone()}</code> {call.is_stream.then_some(" as a stream")} }.into_any();
    let first_byte = call.first_byte_ms.map_or_else(|| NONE.to_owned(), text::duration);
    view! {
        <dl class="log-facts">
            {fact("Time", view! { <time datetime=call.at.rfc3339()>{call.at.rfc3339()}</time> }.into_any())}
            {fact("Request", view! { <code>{call.id.to_string()}</code> }.into_any())}
            {fact("Model", named(call.model.clone()))}
            {fact("Called model", named(call.target.clone()))}
            {fact("Provider", named(call.provider.clone()))}
            {fact("API", path)}
            {fact("Key", view! { <span dir="auto">{text::caller(&call)}</span> {key_id} }.into_any())}
            {fact("Member", named(member))}
            {fact("Status", status_view(&call))}
            {fact("Tokens", tokens_text(&call.tokens).into_any())}
            {fact("Usage", text::usage(call.usage).into_any())}
            {fact("Cost", text::cost(&call).into_any())}
            {fact("Targets called", call.attempts.into_any())}
            {fact("First byte", first_byte.into_any())}
            {fact("Duration", text::duration(call.duration_ms).into_any())}
        </dl>
    }
    .into_any()
}

/// `1,204 in (400 cached), 80 out (32 reasoning)`.
fn tokens_text(tokens: &TokenCounts) -> String {
    let part = |count: i64, name: &str| if count > 0 { Some(format!("{} {name}", format_integer(count))) } else { None };
    let of = |parts: [Option<String>; 2]| {
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
    };
    let input = of([part(tokens.cached, "cached"), part(tokens.cache_write, "written to the cache")]);
    let output = of([part(tokens.reasoning, "reasoning"), None]);
    format!("{} in{input}, {} out{output}", format_integer(tokens.input), format_integer(tokens.output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_tokens_are_named() {
        let tokens = TokenCounts { input: 1204, cached: 400, cache_write: 10, output: 80, reasoning: 32 };
        assert_eq!(tokens_text(&tokens), "1,204 in (400 cached, 10 written to the cache), 80 out (32 reasoning)");
        assert_eq!(tokens_text(&TokenCounts::default()), "0 in, 0 out");
    }
}
