//! What stands in the cells of a row.

use leptos::{html, prelude::*};

use super::{columns::Field, limits::words, row::RowContext};
use crate::{
    model::{
        key::{KeyRow, Retiring, TestOutcome},
        limits::Limits,
        listing::EXPIRING_DAYS,
        policy::{CORPUS_ACCESS, Status},
        secret::RevealedSecret,
        time::{DAY_MS, Timestamp},
    },
    ui::{
        browser,
        copy::CopyButton,
        live::now,
        time::{Telling, Time},
    },
};

/// What stands in a column of a row.
pub fn cell(field: Field, row: &KeyRow, context: RowContext) -> AnyView {
    match field {
        Field::Name => name(row),
        Field::ExternalId => text(row.external_id.clone()),
        Field::Mask => mask(row, context),
        Field::Status => status(row, context),
        Field::Scopes => text(Some(row.scopes.join(", "))),
        Field::Limits => limits(&row.limits),
        Field::Access => text(Some(access(&row.scopes).to_owned())),
        Field::Corpora => text(Some(row.corpora.iter().map(|corpus| corpus.name.as_str()).collect::<Vec<_>>().join(", "))),
        Field::Provider => text(row.provider.map(|provider| provider.label().to_owned())),
        Field::Region => text(row.region.clone()),
        Field::LinkedTo => text(Some(row.linked_to.join(", "))),
        Field::CreatedAt => view! { <Time at=row.created_at/> }.into_any(),
        Field::LastUsedAt => moment(row.last_used_at, Telling::Relative),
        Field::ExpiresAt => moment(row.expires_at, Telling::Date),
        Field::CreatedBy => text(Some(row.created_by.clone())),
        Field::Action => context.actions(row),
    }
}

/// A text that may be cut off, and then shows on hover; a dash where there is none.
fn text(text: Option<String>) -> AnyView {
    match text.filter(|text| !text.is_empty()) {
        Some(text) => view! { <span title=text.clone()>{text.clone()}</span> }.into_any(),
        None => view! { <span class="never">"–"</span> }.into_any(),
    }
}

/// What limits it, in short; at length on hover.
fn limits(limits: &Limits) -> AnyView {
    if limits.is_empty() {
        return text(None);
    }
    view! { <span title=words::at_length(limits)>{words::summary(limits)}</span> }.into_any()
}

/// A moment that may never come, or never have come.
fn moment(at: Option<Timestamp>, telling: Telling) -> AnyView {
    match at {
        Some(at) => view! { <Time at telling/> }.into_any(),
        None => view! { <span class="never">"Never"</span> }.into_any(),
    }
}

fn name(row: &KeyRow) -> AnyView {
    view! {
        {text(Some(row.name.clone()))}
        {row.retiring.clone().map(|retiring| view! { <OldSecret retiring/> })}
    }
    .into_any()
}

/// That the secret from before is still good, and whether anybody still uses it.
#[component]
fn OldSecret(retiring: Retiring) -> impl IntoView {
    let uses = match retiring.uses {
        0 => "not used since".to_owned(),
        1 => "used once, ".to_owned(),
        uses => format!("used {uses} times, "),
    };
    view! {
        <span class="retiring">
            "Old key good until " <Time at=retiring.until telling=Telling::Date/> ", " {uses}
            {retiring.last_used_at.map(|at| view! { "last " <Time at/> })}
        </span>
    }
}

/// What may be shown of the secret; a new one whole, while its row is the place to show it.
fn mask(row: &KeyRow, context: RowContext) -> AnyView {
    let (id, mask) = (row.id, row.mask.clone());
    let secret = Memo::new(move |_| context.shown.of(id));
    let copied = Callback::new(move |()| context.shown.mark_copied(id));
    let shown = move || match secret.get() {
        Some(secret) => view! { <NewSecret secret copied/> }.into_any(),
        None => view! { <code class="key-mask">{mask.clone()}</code> }.into_any(),
    };
    shown.into_any()
}

/// A new secret in its row.
#[component]
fn NewSecret(secret: RevealedSecret, copied: Callback<()>) -> impl IntoView {
    let shown_in = NodeRef::<html::Code>::new();
    let secret = secret.reveal().to_owned();
    let on_copy = {
        let secret = secret.clone();
        // A part of it is not the key.
        move |_| {
            if browser::selected_text().trim() == secret {
                copied.run(());
            }
        }
    };
    view! {
        <div class="row-secret">
            <div class="row-secret-text">
                <code node_ref=shown_in tabindex="0" role="textbox" aria-readonly="true" aria-label="Secret key" on:copy=on_copy>{secret.clone()}</code>
                <span>"Copy it before you leave or refresh this page: it is not shown again."</span>
            </div>
            <CopyButton text=secret shown_in on_copied=copied/>
        </div>
    }
}

/// What it is now, and below it what to do about that, or what else is to be known.
fn status(row: &KeyRow, context: RowContext) -> AnyView {
    let (word, label) = if row.is_unreadable { ("unreadable", "Can't be opened") } else { (row.status.word(), row.status.label()) };
    view! {
        <span class=format!("status status-{word}")>{label}</span>
        {hint(row, context)}
    }
    .into_any()
}

fn hint(row: &KeyRow, context: RowContext) -> AnyView {
    let hint = |words: &'static str| view! { <span class="status-hint" title=words>{words}</span> }.into_any();
    if row.is_unreadable {
        return hint(if context.can_edit() { "Edit it and enter its value again" } else { "Delete it and store it again" });
    }
    if row.status == Status::Expired {
        return hint("Create a new key");
    }
    let (id, tested) = (row.id, row.tested.clone());
    let expires_at = row.expires_at.filter(|_| row.status == Status::Active);
    let now = now();
    let changing = move || {
        if context.testing.with(|testing| testing.contains(&id)) {
            return Some(view! { <span class="status-hint">"Testing…"</span> }.into_any());
        }
        if let Some(words) = expires_at.zip(now.get()).and_then(|(at, now)| ends_soon(at, now)) {
            return Some(view! { <span class="status-hint status-soon">{words}</span> }.into_any());
        }
        let tested = tested.clone()?;
        Some(view! { <span class="status-hint">{outcome(tested.outcome)} " · " <Time at=tested.at/></span> }.into_any())
    };
    changing.into_any()
}

/// How long there is until then, in words, where it is not long.
fn ends_soon(at: Timestamp, now: Timestamp) -> Option<String> {
    let days = (at.0 - now.0).div_euclid(DAY_MS);
    match days {
        0 => Some("Expires in hours".to_owned()),
        1 => Some("Expires in 1 day".to_owned()),
        2..EXPIRING_DAYS => Some(format!("Expires in {days} days")),
        _ => None,
    }
}

const fn outcome(outcome: TestOutcome) -> &'static str {
    match outcome {
        TestOutcome::Works => "Works",
        TestOutcome::Refused => "Refused",
        TestOutcome::Unchecked => "Could not be checked",
    }
}

/// What a corpus key may be used for, in the words of its page.
fn access(scopes: &[String]) -> &'static str {
    CORPUS_ACCESS.iter().find(|(words, _)| scopes.iter().eq(words.iter())).map_or("", |(_, label)| label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ends_soon_is_warned_of() {
        let now = Timestamp(1_795_221_599_999);
        assert_eq!(ends_soon(now.plus_days(-1), now), None);
        assert_eq!(ends_soon(now.plus_ms(1), now).as_deref(), Some("Expires in hours"));
        assert_eq!(ends_soon(now.plus_days(1), now).as_deref(), Some("Expires in 1 day"));
        assert_eq!(ends_soon(now.plus_days(5).plus_ms(9), now).as_deref(), Some("Expires in 5 days"));
        assert_eq!(ends_soon(now.plus_days(EXPIRING_DAYS), now), None);
    }

    #[test]
    fn access_is_told_in_the_words_of_its_page() {
        assert_eq!(access(&["query".to_owned()]), "QueryService");
        assert_eq!(access(&["query".to_owned(), "index".to_owned()]), "QueryService & IndexService");
    }
}
