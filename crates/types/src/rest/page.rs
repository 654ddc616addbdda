//! Paginated lists.

use serde::{Deserialize, Serialize};

use super::is_default;
#[cfg(feature = "openapi")]
use super::schema::{PageLimit, SearchText, SortField};
#[cfg(feature = "openapi")]
use crate::key_kind::Status;

/// Query parameters of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct ListQuery {
    /// The kind to list. Each list describes this parameter with its own kinds.
    #[cfg_attr(feature = "openapi", param(ignore))]
    pub kind: Option<String>,
    /// Text that the name contains, ignoring case; one or two characters: with which it begins. Also finds keys by their id, the beginning of their
    /// external id, and their last four characters.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "openapi", param(value_type = SearchText, inline))]
    pub q: String,
    #[cfg_attr(feature = "openapi", param(value_type = Option<Status>, inline))]
    pub status: Option<String>,
    /// Only items that expire within 14 days.
    #[serde(default, skip_serializing_if = "is_default")]
    pub expiring: bool,
    pub external_id: Option<String>,
    pub scope: Option<String>,
    /// The field to sort by; prefix it with `-` for descending order.
    #[cfg_attr(feature = "openapi", param(value_type = Option<SortField>, inline))]
    pub sort: Option<String>,
    /// The maximum number of items per page; 50 by default.
    #[cfg_attr(feature = "openapi", param(value_type = Option<PageLimit>, inline))]
    pub limit: Option<usize>,
    /// The `next_cursor` of the previous page. Order and filters are then those of the first page.
    pub cursor: Option<String>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<Item> {
    pub items: Vec<Item>,
    /// The cursor of the next page; null on the last page.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
    /// The number of items in the whole list; if it is not exact, there are more.
    pub total: usize,
    /// Whether `total` is exact. It is up to 10,000.
    pub total_is_exact: bool,
}

/// The number of items per page if the query has no limit.
pub const LIMIT_DEFAULT: usize = 50;
