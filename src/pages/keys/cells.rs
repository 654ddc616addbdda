//! The cells of a row.

use leptos::{html, prelude::*};

use super::{limits::format, row_context::RowContext};
use latchkey_types::{
    key::{KeyRow, Retiring, TestOutcome},
    key_kind::{CORPUS_ACCESS, KeyField, Status},
    limits::Limits,
    listing::EXPIRING_DAYS,
    secret::RevealedSecret,
    time::{DAY_MS, Timestamp},
};
use latchkey_ui::{
    browser,
    copy::CopyButton,
    hydration::now,
    time::{Time, TimeFormat},
};

/// Renders one cell of a row.
pub(super) fn cell(field: KeyField, row: &KeyRow, context: RowContext) -> AnyView {
    match field {
        KeyField::Name => name(row),
        KeyField::ExternalId => text(row.external_id.clone()),
        KeyField::Mask => mask(row, context),
        KeyField::Status => status(row, context),
        KeyField::Scopes => text(Some(row.scopes.join(", "))),
        KeyField::Limits => limits(&row.limits),
        KeyField::Access => text(Some(access(&row.scopes).to_owned())),
        KeyField::Corpora => text(Some(row.corpora.iter().map(|corpus| corpus.name.as_str()).collect::<Vec<_>>().join(", "))),
        KeyField::Provider => text(row.provider.map(|provider| provider.label().to_owned())),
        KeyField::Region => text(row.region.clone()),
        KeyField::LinkedTo => text(Some(row.linked_to.join(", "))),
        KeyField::CreatedAt => view! { <Time at=row.created_at/> }.into_any(),
        KeyField::LastUsedAt => moment(row.last_used_at, TimeFormat::Relative),
        KeyField::ExpiresAt => moment(row.expires_at, TimeFormat::Date),
        KeyField::CreatedBy => text(Some(row.created_by.clone())),
        KeyField::Action => context.actions(row),
    }
}

/// Text with a tooltip, because it may be truncated, or a dash if it is empty.
fn text(text: Option<String>) -> AnyView {
    match text.filter(|text| !text.is_empty()) {
        Some(text) => view! { <span title=text.clone()>{text.clone()}</span> }.into_any(),
        None => view! { <span class="no-value">"–"</span> }.into_any(),
    }
}

/// A summary of the limits, with the details as tooltip.
fn limits(limits: &Limits) -> AnyView {
    if limits.is_empty() {
        return text(None);
    }
    view! { <span title=format::details(limits)>{format::summary(limits)}</span> }.into_any()
}

/// A time, or `Never`.
fn moment(at: Option<Timestamp>, format: TimeFormat) -> AnyView {
    match at {
        Some(at) => view! { <Time at format/> }.into_any(),
        None => view! { <span class="no-value">"Never"</span> }.into_any(),
    }
}

fn name(row: &KeyRow) -> AnyView {
    view! {
        {text(Some(row.name.clone()))}
        {row.retiring.clone().map(|retiring| view! { <OldSecret retiring/> })}
    }
    .into_any()
}

/// The previous secret during the grace period, and its usage since the rotation.
#[component]
fn OldSecret(retiring: Retiring) -> impl IntoView {
    let uses = match retiring.uses {
        0 => "unused since rotation".to_owned(),
        1 => "used once, ".to_owned(),
        uses => format!("used {uses} times, "),
    };
    view! {
        <span class="old-secret">
            "Old secret works until " <Time at=retiring.until format=TimeFormat::Date/> ", " {uses}
            {retiring.last_used_at.map(|at| view! { "last " <Time at/> })}
        </span>
    }
}

/// The mask, or the whole secret if it is new and revealed in its row.
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

/// A new secret, shown in its row.
#[component]
fn NewSecret(secret: RevealedSecret, copied: Callback<()>) -> impl IntoView {
    let shown_in = NodeRef::<html::Code>::new();
    let secret = secret.reveal().to_owned();
    let on_copy = {
        let secret = secret.clone();
        // Copying a part of the key does not count.
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
                <span>"Copy this key now. It won’t be shown again after you leave or refresh."</span>
            </div>
            <CopyButton text=secret shown_in on_copied=copied/>
        </div>
    }
}

/// The status, and below it a hint.
fn status(row: &KeyRow, context: RowContext) -> AnyView {
    let (word, label) = if row.is_unreadable { ("unreadable", "Unreadable") } else { (row.status.as_str(), row.status.label()) };
    view! {
        <span class=format!("status status-{word}")>{label}</span>
        {hint(row, context)}
    }
    .into_any()
}

fn hint(row: &KeyRow, context: RowContext) -> AnyView {
    let hint = |words: &'static str| view! { <span class="status-hint" title=words>{words}</span> }.into_any();
    if row.is_unreadable {
        return hint(if context.can_edit() { "Edit and re-enter the value" } else { "Delete and add it again" });
    }
    if row.status == Status::Expired {
        return hint("Create a new key");
    }
    let (id, tested) = (row.id, row.tested.clone());
    let expires_at = row.expires_at.filter(|_| row.status == Status::Active);
    let now = now();
    let live_hint = move || {
        if context.testing.with(|testing| testing.contains(&id)) {
            return Some(view! { <span class="status-hint">"Testing…"</span> }.into_any());
        }
        if let Some(words) = expires_at.zip(now.get()).and_then(|(at, now)| expires_soon(at, now)) {
            return Some(view! { <span class="status-hint status-soon">{words}</span> }.into_any());
        }
        let tested = tested.clone()?;
        Some(view! { <span class="status-hint">{outcome(tested.outcome)} " · " <Time at=tested.at/></span> }.into_any())
    };
    live_hint.into_any()
}

/// A warning if the key expires soon.
fn expires_soon(at: Timestamp, now: Timestamp) -> Option<String> {
    let days = (at.0 - now.0).div_euclid(DAY_MS);
    match days {
        0 => Some("Expires within a day".to_owned()),
        1 => Some("Expires in 1 day".to_owned()),
        2..EXPIRING_DAYS => Some(format!("Expires in {days} days")),
        _ => None,
    }
}

const fn outcome(outcome: TestOutcome) -> &'static str {
    match outcome {
        TestOutcome::Works => "Works",
        TestOutcome::Refused => "Refused",
        TestOutcome::Unchecked => "Couldn’t verify",
    }
}

/// The label of a corpus key's scopes.
fn access(scopes: &[String]) -> &'static str {
    CORPUS_ACCESS.iter().find(|(words, _)| scopes.iter().eq(words.iter())).map_or("", |(_, label)| label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warns_only_before_expiry() {
        let now = Timestamp(1_795_221_599_999);
        assert_eq!(expires_soon(now.plus_days(-1), now), None);
        assert_eq!(expires_soon(now.plus_ms(1), now).as_deref(), Some("Expires within a day"));
        assert_eq!(expires_soon(now.plus_days(1), now).as_deref(), Some("Expires in 1 day"));
        assert_eq!(expires_soon(now.plus_days(5).plus_ms(9), now).as_deref(), Some("Expires in 5 days"));
        assert_eq!(expires_soon(now.plus_days(EXPIRING_DAYS), now), None);
    }

    #[test]
    fn access_label_matches_scopes() {
        assert_eq!(access(&["query".to_owned()]), "QueryService");
        assert_eq!(access(&["query".to_owned(), "index".to_owned()]), "QueryService & IndexService");
    }
}
