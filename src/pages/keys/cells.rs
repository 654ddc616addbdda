//! The cells of a row.

use leptos::prelude::*;

use super::{limits::format, models::format as models, revealed_secrets::RowSecret, row_context::RowContext};
use latchkey_types::{
    key::{ItemId, KeyRow, Retiring, TestOutcome},
    key_kind::{CORPUS_ACCESS, KeyField, ScopeRule, Status},
    listing::EXPIRING_DAYS,
    permission::Scope,
    time::Timestamp,
};
use latchkey_ui::{
    hydration::now,
    number::format_integer,
    time::{Time, TimeFormat},
};

const HOUR_MS: i64 = 60 * 60 * 1000;

/// Renders one cell of a row.
pub(super) fn cell(field: KeyField, row: &KeyRow, context: &RowContext) -> AnyView {
    match field {
        KeyField::Name => name(row),
        KeyField::ExternalId => text(row.external_id.clone()),
        KeyField::Mask => mask(row, context),
        KeyField::Status => status(row, context),
        KeyField::Scopes => scopes(row, context),
        KeyField::Limits => limits(row),
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

/// The scopes, or that they are all scopes of Latchkey's API.
fn scopes(row: &KeyRow, context: &RowContext) -> AnyView {
    let words = row.scopes.join(", ");
    if context.spec.scope_rule == ScopeRule::Api && row.scopes.len() == Scope::ALL.len() {
        return view! { <span title=words>"Full access"</span> }.into_any();
    }
    text(Some(words))
}

/// A summary of the limits and the budget, with the details as tooltip.
fn limits(row: &KeyRow) -> AnyView {
    if row.limits.is_empty() && row.model_access.is_empty() {
        return view! { <span class="no-value">"No limits"</span> }.into_any();
    }
    let (limits, access, state) = (&row.limits, &row.model_access, row.budget.as_ref());
    let join = |parts: [String; 2], separator: &str| parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(separator);
    // First what is used up.
    let summary = join([models::summary(access, state), format::summary(limits)], " · ");
    let details = join([models::details(access, state), format::details(limits)], "\n");
    view! { <span title=details>{summary}</span> }.into_any()
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
        // A name that is written from right to left is cut at its end too.
        <span class="name-text" dir="auto" title=row.name.clone()>{row.name.clone()}</span>
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
        uses => format!("used {} times, ", format_integer(uses)),
    };
    view! {
        <span class="old-secret">
            "Old secret works until " <Time at=retiring.until format=TimeFormat::Date/> ", " {uses}
            {retiring.last_used_at.map(|at| view! { "last " <Time at/> })}
        </span>
    }
}

/// The mask, or the whole secret if it is new and revealed in its row.
fn mask(row: &KeyRow, context: &RowContext) -> AnyView {
    let (id, mask, secrets) = (row.id, row.mask.clone(), context.shown);
    let secret = Memo::new(move |_| secrets.of(id));
    let shown = move || match secret.get() {
        Some(secret) => view! { <RowSecret secrets id secret/> }.into_any(),
        None => view! { <code class="key-mask">{mask.clone()}</code> }.into_any(),
    };
    shown.into_any()
}

/// The status, and below it a hint.
fn status(row: &KeyRow, context: &RowContext) -> AnyView {
    let (word, label) = if row.is_unreadable { ("unreadable", "Unreadable") } else { (row.status.as_str(), row.status.label()) };
    view! {
        <span class=format!("status status-{word}")>{label}</span>
        {hint(row, context)}
    }
    .into_any()
}

fn hint(row: &KeyRow, context: &RowContext) -> AnyView {
    let hint = |words: &'static str| view! { <span class="status-hint" title=words>{words}</span> }.into_any();
    if row.is_unreadable {
        return hint(if context.can_edit() { "Edit and re-enter the value" } else { "Replace it" });
    }
    if row.status == Status::Expired {
        return hint("Create a new key");
    }
    let (id, tested, testing) = (row.id, row.tested.clone(), context.testing);
    // Of a key that somebody else issued, `Active` only means that it is stored.
    let is_credential = matches!(id, ItemId::Credential(_));
    let expires_at = row.expires_at.filter(|_| row.status == Status::Active);
    let now = now();
    let live_hint = move || {
        if testing.with(|testing| testing.contains(&id)) {
            return Some(view! { <span class="status-hint">"Testing…"</span> }.into_any());
        }
        if let Some((words, class)) = expires_at.zip(now.get()).and_then(|(at, now)| expires_soon(at, now)) {
            return Some(view! { <span class=class>{words}</span> }.into_any());
        }
        let Some(tested) = tested.clone() else { return is_credential.then(|| hint("Not tested")) };
        Some(view! { <span class="status-hint">{outcome(tested.outcome)} " · " <Time at=tested.at/></span> }.into_any())
    };
    live_hint.into_any()
}

/// A warning if the key expires soon, with its classes: in hours up to two days, and more urgent on the last day.
fn expires_soon(at: Timestamp, now: Timestamp) -> Option<(String, &'static str)> {
    let hours = (at.0 - now.0).div_euclid(HOUR_MS);
    let words = match hours {
        0 => "Expires within an hour".to_owned(),
        1 => "Expires in 1 hour".to_owned(),
        2..48 => format!("Expires in {hours} hours"),
        _ => format!("Expires in {} days", hours / 24),
    };
    let class = if hours < 24 { "status-hint status-urgent" } else { "status-hint status-soon" };
    (0..EXPIRING_DAYS * 24).contains(&hours).then_some((words, class))
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
    use latchkey_types::time::DAY_MS;

    #[test]
    fn warns_only_before_expiry() {
        let now = Timestamp(1_795_221_599_999);
        let warning = |ms| expires_soon(now.plus_ms(ms), now);
        assert_eq!(warning(-DAY_MS), None);
        assert_eq!(warning(1), Some(("Expires within an hour".to_owned(), "status-hint status-urgent")));
        assert_eq!(warning(3 * HOUR_MS), Some(("Expires in 3 hours".to_owned(), "status-hint status-urgent")));
        assert_eq!(warning(DAY_MS), Some(("Expires in 24 hours".to_owned(), "status-hint status-soon")));
        assert_eq!(warning(5 * DAY_MS + 9), Some(("Expires in 5 days".to_owned(), "status-hint status-soon")));
        assert_eq!(warning(EXPIRING_DAYS * DAY_MS), None);
    }

    #[test]
    fn access_label_matches_scopes() {
        assert_eq!(access(&["query".to_owned()]), "QueryService");
        assert_eq!(access(&["query".to_owned(), "index".to_owned()]), "QueryService & IndexService");
    }
}
