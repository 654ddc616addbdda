//! Providers, models and aliases as they are shown.

use std::collections::HashMap;

use crate::{Core, actor::Actor, models::price_table};
use latchkey_store::{
    self as store,
    model_aliases::AliasRecord,
    models::ModelRecord,
    providers::{CredentialLink, ProviderRecord},
};
use latchkey_types::{
    dollars::Dollars,
    error::Error,
    id::OrganizationId,
    provider::{AliasRow, ApiStyle, GeneralKey, KeyLinkState, ModelRow, PriceSource, ProviderRow, RecentCalls},
    service::UnlinkReason,
    time::Timestamp,
};

const HOUR_MS: i64 = 60 * 60 * 1000;
/// The current hour and those before it.
const RECENT_HOURS: i64 = 24;

/// The calls of the last 24 hours, by the ids of models and of providers.
#[derive(Default)]
pub(super) struct Recent {
    models: HashMap<String, RecentCalls>,
    providers: HashMap<String, RecentCalls>,
}

impl Recent {
    pub(super) async fn read(core: &Core, organization: OrganizationId) -> Result<Self, Error> {
        let since = Timestamp::now().0.div_euclid(HOUR_MS) - RECENT_HOURS + 1;
        let mut recent = Self::default();
        for usage in store::model_usage::recent_by_model(&core.store, organization, since).await? {
            let calls = RecentCalls { calls: usage.calls, failures: usage.failures, cost: Dollars(usage.cost), unpriced: usage.unpriced };
            add(recent.models.entry(usage.model_id).or_default(), &calls);
            add(recent.providers.entry(usage.provider_id).or_default(), &calls);
        }
        Ok(recent)
    }

    /// Nothing if they cannot be read: the change that is answered was made.
    pub(super) async fn after_change(core: &Core, actor: &Actor) -> Self {
        Self::read(core, actor.organization).await.unwrap_or_default()
    }
}

fn add(sum: &mut RecentCalls, calls: &RecentCalls) {
    sum.calls = sum.calls.saturating_add(calls.calls);
    sum.failures = sum.failures.saturating_add(calls.failures);
    sum.cost = sum.cost + calls.cost;
    sum.unpriced = sum.unpriced.saturating_add(calls.unpriced);
}

pub(super) fn provider_row(provider: ProviderRecord, models: Vec<ModelRecord>, recent: &Recent) -> ProviderRow {
    let models = models.into_iter().map(|model| model_row(model, (provider.api_style, &provider.base_url), recent)).collect();
    ProviderRow {
        last_error: provider.last_error(),
        recent: recent.providers.get(&provider.id.to_string()).copied().unwrap_or_default(),
        id: provider.id,
        name: provider.name,
        style: provider.api_style,
        base_url: provider.base_url,
        credential_header: provider.credential_header,
        link: link(provider.link),
        models,
    }
}

/// `style` and `base_url` are those of the model's provider.
pub(super) fn model_row(model: ModelRecord, (style, base_url): (ApiStyle, &str), recent: &Recent) -> ModelRow {
    let table = price_table::find(style, base_url, &model.upstream_name);
    let price = match (model.price, table.price) {
        (Some(price), _) => PriceSource::Own(price),
        (None, Some(price)) => PriceSource::Table(price),
        (None, None) => PriceSource::Unknown,
    };
    ModelRow {
        recent: recent.models.get(&model.id.to_string()).copied().unwrap_or_default(),
        id: model.id,
        name: model.name,
        upstream_name: model.upstream_name,
        link: link(model.link),
        price,
        context_tokens: model.context_tokens.or(table.context_tokens),
        output_tokens: model.output_tokens,
        has_own_limits: model.context_tokens.is_some(),
        allow_unpriced: model.allow_unpriced,
        fallbacks: model.fallbacks,
    }
}

pub(super) fn alias_row(alias: AliasRecord) -> AliasRow {
    AliasRow { id: alias.id, name: alias.name, targets: alias.targets }
}

fn link(link: CredentialLink) -> KeyLinkState {
    match (link.credential_id, link.credential_name, link.credential_mask, link.unlink_reason) {
        (Some(id), Some(name), Some(mask), _) => KeyLinkState::Key(GeneralKey { id, name, mask }),
        (_, _, _, Some(UnlinkReason::CredentialDeleted)) => KeyLinkState::Deleted,
        (_, _, _, Some(_)) => KeyLinkState::AddressChanged,
        _ => KeyLinkState::Nothing,
    }
}
