//! `/api/v1/models` and `/api/v1/aliases`.

use serde::{Deserialize, Deserializer, Serialize};

#[cfg(feature = "openapi")]
use super::provider_schema::{ModelName, TokenLimit, TokenPrice, UpstreamName};
use super::{
    is_default, present,
    providers::{RecentCalls, credential_of, unlink_reason_of},
};
use crate::{
    budget::ModelPrice,
    dollars::Dollars,
    id::{AliasId, CredentialId, ModelId, ProviderId},
    provider::{AliasRequest, AliasRow, AliasTarget, ModelRequest, ModelRow, PriceSource},
    service::UnlinkReason,
};

/// A language model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Model {
    pub id: ModelId,
    /// The name that callers use; unique in the organization, also among aliases.
    pub name: String,
    pub provider: ProviderId,
    /// The name that the provider uses for it.
    pub upstream_name: String,
    /// The model's own general key; null for that of the provider.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub credential: Option<CredentialId>,
    /// Why the model lost its own credential; null if it did not.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub unlinked: Option<UnlinkReason>,
    /// Null if it is unknown.
    #[serde(deserialize_with = "tolerant_price")]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub price: Option<Price>,
    pub price_source: PriceOrigin,
    /// The maximum number of tokens of a call, input and output together; null if it is unknown.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub context_tokens: Option<i64>,
    /// The maximum number of output tokens; null if it is unknown.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub output_tokens: Option<i64>,
    /// Whether `context_tokens` is the organization's own instead of that of the built-in table. `output_tokens` always is.
    pub has_own_limits: bool,
    /// Whether it may be called without a price.
    pub allow_unpriced: bool,
    /// Models that are called if this one fails, in this order.
    pub fallbacks: Vec<ModelId>,
    pub recent: RecentCalls,
}

/// A model and its provider.
impl From<(ProviderId, ModelRow)> for Model {
    fn from((provider, model): (ProviderId, ModelRow)) -> Self {
        Self {
            id: model.id,
            name: model.name,
            provider,
            upstream_name: model.upstream_name,
            credential: credential_of(&model.link),
            unlinked: unlink_reason_of(&model.link),
            price: model.price.price().copied().map(Into::into),
            price_source: PriceOrigin::of(&model.price),
            context_tokens: model.context_tokens,
            output_tokens: model.output_tokens,
            has_own_limits: model.has_own_limits,
            allow_unpriced: model.allow_unpriced,
            fallbacks: model.fallbacks,
            recent: model.recent.into(),
        }
    }
}

/// Where the price of a model comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum PriceOrigin {
    /// The organization's own price.
    Own,
    /// The built-in table.
    Table,
    /// The model has no price.
    Unknown,
}

impl PriceOrigin {
    const fn of(source: &PriceSource) -> Self {
        match source {
            PriceSource::Own(_) => Self::Own,
            PriceSource::Table(_) => Self::Table,
            PriceSource::Unknown => Self::Unknown,
        }
    }
}

/// Prices in US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Price {
    #[cfg_attr(feature = "openapi", schema(value_type = TokenPrice))]
    pub input: Dollars,
    /// Input that the provider reads from its cache; null: as `input`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<TokenPrice>))]
    pub cached_input: Option<Dollars>,
    /// Input that the provider writes to its cache; null: as `input`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<TokenPrice>))]
    pub cache_write: Option<Dollars>,
    #[cfg_attr(feature = "openapi", schema(value_type = TokenPrice))]
    pub output: Dollars,
}

impl From<ModelPrice> for Price {
    fn from(price: ModelPrice) -> Self {
        Self {
            input: Dollars(price.input),
            cached_input: price.cached_input.map(Dollars),
            cache_write: price.cache_write.map(Dollars),
            output: Dollars(price.output),
        }
    }
}

impl From<Price> for ModelPrice {
    fn from(price: Price) -> Self {
        Self {
            input: price.input.0,
            cached_input: price.cached_input.map(|price| price.0),
            cache_write: price.cache_write.map(|price| price.0),
            output: price.output.0,
            long: None,
        }
    }
}

/// The models of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Models {
    /// Sorted by name.
    pub items: Vec<Model>,
    /// The date of the built-in table of prices, as `YYYY-MM-DD`.
    pub price_date: String,
}

/// A model to create.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateModel {
    /// The name that callers use.
    #[cfg_attr(feature = "openapi", schema(value_type = ModelName))]
    pub name: String,
    /// The name that the provider uses for it; null: as `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<UpstreamName>))]
    pub upstream_name: Option<String>,
    /// The model's own general key; null for that of the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialId>,
    /// Null for that of the built-in table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Null for that of the built-in table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<TokenLimit>))]
    pub context_tokens: Option<i64>,
    /// Null if it is unknown: then `context_tokens` counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<TokenLimit>))]
    pub output_tokens: Option<i64>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub allow_unpriced: bool,
    /// Other models that are called if this one fails, in this order.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "openapi", schema(max_items = 20))]
    pub fallbacks: Vec<ModelId>,
}

impl From<CreateModel> for ModelRequest {
    fn from(request: CreateModel) -> Self {
        Self {
            name: request.name,
            upstream_name: request.upstream_name.unwrap_or_default(),
            key: request.credential,
            keeps_unlinked: false,
            price: request.price.map(Into::into),
            context_tokens: request.context_tokens,
            output_tokens: request.output_tokens,
            allow_unpriced: request.allow_unpriced,
            fallbacks: request.fallbacks,
        }
    }
}

/// Changes to a model. Fields that are left out keep their value, and so do `name`, `upstream_name`, `allow_unpriced` and `fallbacks` if they
/// are null.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EditModel {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<ModelName>))]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<UpstreamName>))]
    pub upstream_name: Option<String>,
    /// Null for that of the provider. A model that lost its own credential is called with it only after this.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<CredentialId>))]
    pub credential: Option<Option<CredentialId>>,
    /// Null for the price of the built-in table.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Price>))]
    pub price: Option<Option<Price>>,
    /// Null for the limit of the built-in table.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<TokenLimit>))]
    pub context_tokens: Option<Option<i64>>,
    /// Null if it is unknown: then `context_tokens` counts.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<TokenLimit>))]
    pub output_tokens: Option<Option<i64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_unpriced: Option<bool>,
    /// Replaces all fallbacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallbacks: Option<Vec<ModelId>>,
}

impl EditModel {
    /// The values of a model after the changes.
    pub fn apply(self, before: &ModelRow) -> ModelRequest {
        let own_price = if let PriceSource::Own(price) = before.price { Some(price) } else { None };
        let own_context = before.context_tokens.filter(|_| before.has_own_limits);
        ModelRequest {
            name: self.name.unwrap_or_else(|| before.name.clone()),
            upstream_name: self.upstream_name.unwrap_or_else(|| before.upstream_name.clone()),
            keeps_unlinked: self.credential.is_none(),
            key: self.credential.unwrap_or_else(|| credential_of(&before.link)),
            price: self.price.map_or(own_price, |price| price.map(Into::into)),
            context_tokens: self.context_tokens.unwrap_or(own_context),
            output_tokens: self.output_tokens.unwrap_or(before.output_tokens),
            allow_unpriced: self.allow_unpriced.unwrap_or(before.allow_unpriced),
            fallbacks: self.fallbacks.unwrap_or_else(|| before.fallbacks.clone()),
        }
    }
}

/// A name that stands for one of several models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Alias {
    pub id: AliasId,
    pub name: String,
    /// Sorted by priority.
    #[serde(deserialize_with = "tolerant_targets")]
    pub targets: Vec<AliasTarget>,
}

impl From<AliasRow> for Alias {
    fn from(AliasRow { id, name, targets }: AliasRow) -> Self {
        Self { id, name, targets }
    }
}

/// The aliases of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Aliases {
    /// Sorted by name.
    pub items: Vec<Alias>,
}

/// An alias to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateAlias {
    /// Unique in the organization, also among models.
    #[cfg_attr(feature = "openapi", schema(value_type = ModelName))]
    pub name: String,
    /// The models that it stands for, each at most once.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 20))]
    pub targets: Vec<AliasTarget>,
}

impl From<CreateAlias> for AliasRequest {
    fn from(CreateAlias { name, targets }: CreateAlias) -> Self {
        Self { name, targets }
    }
}

/// Changes to an alias. Fields that are left out or null keep their value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EditAlias {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<ModelName>))]
    pub name: Option<String>,
    /// Replaces all targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<AliasTarget>>,
}

impl EditAlias {
    /// The values of an alias after the changes.
    pub fn apply(self, before: &AliasRow) -> AliasRequest {
        AliasRequest { name: self.name.unwrap_or_else(|| before.name.clone()), targets: self.targets.unwrap_or_else(|| before.targets.clone()) }
    }
}

// Clients ignore unknown fields of responses, unlike the types themselves, which are also parts of requests.

fn tolerant_price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Price>, D::Error> {
    #[derive(Deserialize)]
    #[serde(remote = "Price")]
    struct Fields {
        input: Dollars,
        #[serde(default)]
        cached_input: Option<Dollars>,
        #[serde(default)]
        cache_write: Option<Dollars>,
        output: Dollars,
    }
    #[derive(Deserialize)]
    struct Item(#[serde(with = "Fields")] Price);
    Ok(Option::<Item>::deserialize(deserializer)?.map(|Item(price)| price))
}

fn tolerant_targets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<AliasTarget>, D::Error> {
    #[derive(Deserialize)]
    #[serde(remote = "AliasTarget")]
    struct Fields {
        model: ModelId,
        priority: u8,
        weight: u16,
    }
    #[derive(Deserialize)]
    struct Item(#[serde(with = "Fields")] AliasTarget);
    Ok(Vec::<Item>::deserialize(deserializer)?.into_iter().map(|Item(target)| target).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::provider::{self, KeyLinkState};

    const PRICE: ModelPrice =
        ModelPrice { input: 2_500_000_000, cached_input: Some(1_250_000_000), cache_write: None, output: 10_000_000_000, long: None };

    fn row(price: PriceSource, has_own_limits: bool) -> ModelRow {
        ModelRow {
            id: ModelId::new(),
            name: "fast".to_owned(),
            upstream_name: "gpt-4o".to_owned(),
            link: KeyLinkState::Nothing,
            price,
            context_tokens: Some(128_000),
            output_tokens: None,
            has_own_limits,
            allow_unpriced: false,
            fallbacks: vec![ModelId::new()],
            recent: provider::RecentCalls::default(),
        }
    }

    #[test]
    fn a_response_round_trips_and_unknown_fields_are_ignored() {
        let model = Model::from((ProviderId::new(), row(PriceSource::Table(PRICE), false)));
        let mut sent = serde_json::to_value(&model).unwrap();
        assert_eq!(sent["price"], json!({ "input": "2.5", "cached_input": "1.25", "cache_write": null, "output": "10" }));
        assert_eq!(sent["price_source"], "table");
        for object in ["", "/price", "/recent"] {
            sent.pointer_mut(object).unwrap()["of_a_newer_server"] = json!(1);
        }
        assert_eq!(serde_json::from_value::<Model>(sent).unwrap(), model);
        let alias = json!({ "id": AliasId::new(), "name": "best", "targets": [{ "model": model.id, "priority": 1, "weight": 10, "newer": 1 }] });
        assert_eq!(serde_json::from_value::<Alias>(alias).unwrap().targets[0].weight, 10);
    }

    #[test]
    fn a_request_has_defaults_and_no_unknown_fields() {
        let create = |json: Value| serde_json::from_value::<CreateModel>(json);
        let request = ModelRequest::from(create(json!({ "name": "a", "price": { "input": "0.15", "output": "0.6" } })).unwrap());
        assert_eq!(request.price, Some(ModelPrice { input: 150_000_000, output: 600_000_000, ..ModelPrice::default() }));
        assert_eq!((request.upstream_name.as_str(), request.fallbacks.len(), request.allow_unpriced), ("", 0, false));
        for wrong in [json!({}), json!({ "name": "a", "price": { "input": 1, "output": "1" } }), json!({ "name": "a", "price": { "input": "1" } })] {
            assert!(create(wrong.clone()).is_err(), "{wrong}");
        }
        let negative = json!({ "name": "a", "price": { "input": "-1", "output": "1" } });
        let unknown = json!({ "name": "a", "price": { "input": "1", "output": "1", "reasoning": "1" } });
        assert!(create(negative).is_err() && create(unknown).is_err());
    }

    #[test]
    fn changes_keep_only_the_organizations_own_values() {
        let edit = |before: &ModelRow, json: Value| serde_json::from_value::<EditModel>(json).unwrap().apply(before);
        let of_table = row(PriceSource::Table(PRICE), false);
        let kept = edit(&of_table, json!({ "name": null, "allow_unpriced": true }));
        assert_eq!((kept.price, kept.context_tokens, kept.allow_unpriced), (None, None, true), "a newer table has its effect");
        assert!(kept.keeps_unlinked && !edit(&of_table, json!({ "credential": null })).keeps_unlinked);
        assert_eq!((kept.name, kept.upstream_name, kept.fallbacks), (of_table.name, of_table.upstream_name, of_table.fallbacks));
        let of_both = ModelRow { output_tokens: Some(4096), ..row(PriceSource::Table(PRICE), false) };
        let kept = edit(&of_both, json!({ "upstream_name": "gpt-5" }));
        assert_eq!((kept.context_tokens, kept.output_tokens), (None, Some(4096)), "the context is that of another model");
        let own = row(PriceSource::Own(PRICE), true);
        let kept = edit(&own, json!({ "fallbacks": [] }));
        assert_eq!((kept.price, kept.context_tokens, kept.fallbacks.len()), (Some(PRICE), Some(128_000), 0));
        let removed = edit(&own, json!({ "price": null, "context_tokens": null, "output_tokens": 4096 }));
        assert_eq!((removed.price, removed.context_tokens, removed.output_tokens), (None, None, Some(4096)));
    }
}
