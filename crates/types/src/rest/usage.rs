//! `/api/v1/usage` and `/api/v1/calls`.

#[cfg(feature = "openapi")]
use std::borrow::Cow;

use serde::{Deserialize, Serialize};
#[cfg(feature = "openapi")]
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema,
        schema::{KnownFormat, SchemaFormat, Type},
    },
};

#[cfg(feature = "openapi")]
use super::schema::PageLimit;
use super::values::Rfc3339;
use crate::{
    billing::Day,
    budget::{TokenCounts, UsageState},
    dollars::Dollars,
    id::{KeyId, RequestId, UserId},
    model_call::{CallEvent, CallFilter, CallOutcome, CallPage, ModelUsageRow, UsageGroup},
};

#[cfg(feature = "openapi")]
impl PartialSchema for Day {
    fn schema() -> RefOr<Schema> {
        let date = ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)));
        date.examples(["2026-11-30"]).into()
    }
}

#[cfg(feature = "openapi")]
impl ToSchema for Day {
    fn name() -> Cow<'static, str> {
        "Day".into()
    }
}

/// Query parameters of the usage of language models.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct UsageQuery {
    /// The first day, in UTC; 29 days before `to` by default.
    #[cfg_attr(feature = "openapi", param(inline))]
    pub from: Option<Day>,
    /// The last day, in UTC; today by default. At most 400 days in all.
    #[cfg_attr(feature = "openapi", param(inline))]
    pub to: Option<Day>,
    /// How usage is summed up; by `model` by default.
    #[cfg_attr(feature = "openapi", param(inline))]
    pub group_by: Option<UsageGroup>,
}

/// Usage of language models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsageReport {
    pub from: Day,
    pub to: Day,
    pub group_by: UsageGroup,
    /// The highest cost first; days in order. At most 10,000.
    pub items: Vec<UsageItem>,
}

/// Usage of a key, model, member or day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsageItem {
    /// The id of the key, model or member, or the day. Empty for calls from the page if grouped by key.
    pub id: String,
    /// The current name; of a deleted model the last one.
    pub name: String,
    pub calls: i64,
    /// Calls that failed. They are part of `calls`.
    pub failures: i64,
    pub tokens: TokenCounts,
    /// In US dollars, exact to the billionth.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub cost: Dollars,
    /// Calls whose tokens are estimated, because the provider did not report them.
    pub estimated: i64,
    /// Calls of models without a price, which are not part of `cost`.
    pub unpriced: i64,
}

impl From<ModelUsageRow> for UsageItem {
    fn from(row: ModelUsageRow) -> Self {
        let ModelUsageRow { id, name, calls, failures, tokens, cost, estimated, unpriced } = row;
        Self { id, name, calls, failures, tokens, cost, estimated, unpriced }
    }
}

/// Query parameters of the log of calls.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct CallsQuery {
    /// Only calls with this key.
    pub key: Option<KeyId>,
    /// Only calls of this model or alias.
    pub model: Option<String>,
    /// Only calls that are counted to this member.
    pub user: Option<UserId>,
    #[cfg_attr(feature = "openapi", param(inline))]
    pub outcome: Option<CallOutcome>,
    /// Only calls that began at this time or later.
    pub from: Option<Rfc3339>,
    /// Only calls that began before this time.
    pub to: Option<Rfc3339>,
    /// The maximum number of items per page; 50 by default.
    #[cfg_attr(feature = "openapi", param(value_type = Option<PageLimit>, inline))]
    pub limit: Option<usize>,
    /// The `next_cursor` of the previous page.
    pub cursor: Option<String>,
}

impl CallsQuery {
    pub fn filter(&self) -> CallFilter {
        CallFilter {
            key: self.key,
            model: self.model.clone(),
            user: self.user,
            outcome: self.outcome,
            from: self.from.map(|Rfc3339(time)| time),
            to: self.to.map(|Rfc3339(time)| time),
        }
    }
}

/// A page of the log of calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Calls {
    /// Newest first. A page can have fewer items than requested, even none, although there are more.
    pub items: Vec<Call>,
    /// The cursor of the next page; null on the last page.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
    /// Calls that this instance could not record since its start.
    pub dropped: u64,
}

impl From<CallPage> for Calls {
    fn from(page: CallPage) -> Self {
        let CallPage { items, next_cursor, dropped } = page;
        Self { items: items.into_iter().map(Call::from).collect(), next_cursor, dropped }
    }
}

/// A call of a language model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Call {
    pub id: RequestId,
    /// When the call began.
    pub at: Rfc3339,
    /// The member to whom the call is counted.
    pub user: UserId,
    /// Null for calls from the page.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub key: Option<KeyId>,
    /// The name of the key at that time.
    pub key_name: String,
    /// The name that the caller used, of a model or alias.
    pub model: String,
    /// The model that was called last; empty if none was.
    pub target: String,
    /// The provider that was called last; empty if none was.
    pub provider: String,
    /// The path of the API, such as `/v1/messages`.
    pub path: String,
    pub is_stream: bool,
    /// The status of the response.
    pub status: u16,
    /// Latchkey's own code, such as `budget_exceeded`; empty if the response is the provider's.
    pub code: String,
    pub tokens: TokenCounts,
    /// In US dollars, exact to the billionth; null if unknown.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<String>))]
    pub cost: Option<Dollars>,
    /// Null if nothing was used.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub usage: Option<UsageState>,
    /// The number of models that were called until one succeeded.
    pub attempts: u8,
    /// Milliseconds until the first byte of the response.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub first_byte_ms: Option<u32>,
    /// Milliseconds until the end of the response.
    pub duration_ms: u32,
    /// Whether the request and response bodies were logged too.
    pub has_bodies: bool,
}

impl From<CallEvent> for Call {
    fn from(event: CallEvent) -> Self {
        Self {
            id: event.id,
            at: event.at.into(),
            user: event.user,
            key: event.key,
            key_name: event.key_name,
            model: event.model,
            target: event.target,
            provider: event.provider,
            path: event.path,
            is_stream: event.is_stream,
            status: event.status,
            code: event.code,
            tokens: event.tokens,
            cost: event.cost,
            usage: event.usage,
            attempts: event.attempts,
            first_byte_ms: event.first_byte_ms,
            duration_ms: event.duration_ms,
            has_bodies: event.has_bodies,
        }
    }
}
