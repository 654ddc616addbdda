//! Paginated lists: query, cursor and page.

use std::marker::PhantomData;

use axum::{
    extract::{Query, rejection::QueryRejection},
    http::StatusCode,
};
use utoipa::{
    IntoParams, PartialSchema,
    openapi::{
        Required,
        path::{Parameter, ParameterBuilder, ParameterIn},
    },
};

use latchkey_core::{
    actor::Actor,
    key_lists::{self, KindSelection},
};
use latchkey_http::{AppState, problem::Problem};
use latchkey_types::{
    error::Error,
    key::KeyRow,
    key_kind::{Kind, Status},
    listing::{KeyQuery, ROWS_MAX, SortBy},
    rest::page::{LIMIT_DEFAULT, ListQuery, Page},
};

/// The query parameter `kind` of a list of this kind of objects.
pub(crate) struct KindParameter<K>(PhantomData<K>);

impl<K: PartialSchema> IntoParams for KindParameter<K> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "The kind to list; by default every kind of this list that the caller may see.";
        let parameter = ParameterBuilder::new().name("kind").parameter_in(ParameterIn::Query).required(Required::False);
        vec![parameter.description(Some(description)).schema(Some(K::schema())).build()]
    }
}

/// # Errors
/// `Invalid` at `kind` for an unknown kind.
pub(crate) fn kind_of(query: &ListQuery) -> Result<Option<Kind>, Error> {
    query.kind.as_deref().map(str::parse).transpose().map_err(|_| Error::invalid("kind", "Unknown kind."))
}

fn key_query(query: &ListQuery) -> Result<KeyQuery, Error> {
    let status = query.status.as_deref().map(str::parse::<Status>).transpose();
    let sort = query.sort.as_deref().map(str::parse::<SortBy>).transpose();
    let must_be = |field, values: &str| Error::invalid(field, format!("Must be {values}."));
    Ok(KeyQuery {
        kind: None,
        search: query.q.clone(),
        status: status.map_err(|_| must_be("status", "active, disabled, expired or revoked"))?,
        expiring: query.expiring,
        external_id: query.external_id.clone(),
        scope: query.scope.clone(),
        match_prefixes: false,
        sort: sort
            .map_err(|_| must_be("sort", "name, created_at, last_used_at or expires_at, optionally prefixed with - for descending order"))?
            .unwrap_or_default(),
    })
}

fn limit_of(query: &ListQuery) -> Result<usize, Error> {
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    if (1..=ROWS_MAX).contains(&limit) { Ok(limit) } else { Err(Error::invalid("limit", format!("Must be 1 to {ROWS_MAX}."))) }
}

/// # Errors
/// 400 `malformed`.
pub(crate) fn parse_query<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Problem> {
    query.map(|Query(query)| query).map_err(|_| {
        let detail = "The query contains a repeated, unknown or invalid parameter.";
        Problem::new(StatusCode::BAD_REQUEST, "malformed", detail)
    })
}

/// A page of the rows that the actor may see. The pages of one list contain each row once, even if rows change in the meantime.
///
/// # Errors
/// `Invalid` at the parameter, `ListingGone` for an expired cursor, `Forbidden`, `Unavailable`.
pub(crate) async fn page<Item: From<KeyRow>>(
    state: &AppState,
    actor: &Actor,
    query: &ListQuery,
    kinds: KindSelection,
) -> Result<Page<Item>, Problem> {
    let (key_query, limit) = (key_query(query)?, limit_of(query)?);
    let page = match query.cursor.as_deref() {
        Some(cursor) => key_lists::next_page(state, actor, kinds, cursor, limit).await?,
        None => key_lists::first_page(state, actor, kinds, key_query, limit).await?,
    };
    Ok(Page {
        items: page.rows.into_iter().map(Item::from).collect(),
        next_cursor: page.next_cursor,
        total: page.total.count,
        total_is_exact: page.total.is_exact,
    })
}
