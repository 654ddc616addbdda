//! `POST /v1/query`.

use std::collections::hash_map::{Entry, HashMap};

use axum::{
    Json,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use futures_util::future::try_join_all;

use super::{
    access::Caller,
    query_request::{Query, QueryRequest},
    refusal::Refusal,
    response_set::{Found, QueryResponse, SearchResult},
    upstream_query::{self, UpstreamCall},
};
use latchkey_core::{
    Core,
    corpora::backends::{self, Backend},
    documents,
};
use latchkey_http::{AppState, rate_headers};
use latchkey_types::id::OrganizationId;

const SCOPE: &str = "query";

/// Answers a query call. Needs a corpus key with the scope `query` and access to every corpus that is named.
pub(super) async fn answer(state: &AppState, parts: &Parts, body: &[u8]) -> Result<Response, Refusal> {
    let request = QueryRequest::parse(body)?;
    let caller = Caller::authenticate(state, parts).await?;
    caller.require(&request.named(), SCOPE)?;
    let queries = request.into_queries()?;
    let plan = Plan::new(&state.core, caller.key.creator.organization, &queries).await?;
    let corpora: Vec<i64> = queries.iter().flat_map(|query| &query.keys).map(|key| key.corpus).collect();
    let verdict = caller.charge(state, SCOPE, &corpora).await?;
    let found = plan.run(&state.core, caller.key.creator.organization, &queries).await.map_err(|refusal| refusal.with_limits(&verdict))?;
    let customer_id = caller.key.creator.customer_id;
    let sets = queries.iter().zip(found).map(|(query, found)| found.into_response_set(customer_id, query.start, query.count));
    let mut response = Json(QueryResponse { response_set: sets.collect(), status: [] }).into_response();
    rate_headers::write(response.headers_mut(), &verdict);
    Ok(response)
}

/// The backends of the queries.
struct Plan {
    /// Searches in the built-in index: position of the query, and corpus.
    built_in: Vec<(usize, i64)>,
    calls: Vec<UpstreamCall>,
}

impl Plan {
    /// # Errors
    /// `UNIMPLEMENTED` if the built-in index cannot answer a query; `INVALID_CORPUS_ID` if a corpus was just deleted.
    async fn new(core: &Core, organization: OrganizationId, queries: &[Query]) -> Result<Self, Refusal> {
        let mut plan = Self { built_in: Vec::new(), calls: Vec::new() };
        let mut by_corpus = HashMap::new();
        for (position, query) in queries.iter().enumerate() {
            for key in &query.keys {
                let corpus = key.corpus;
                if let Entry::Vacant(entry) = by_corpus.entry(corpus) {
                    entry.insert(backends::of(core, organization, corpus).await?);
                }
                match &by_corpus[&corpus] {
                    // Ignoring the filter would return results that it excludes.
                    Backend::BuiltIn if key.has_filter() => return Err(Refusal::no_filter()),
                    Backend::BuiltIn if plan.built_in.contains(&(position, corpus)) => {}
                    Backend::BuiltIn => plan.built_in.push((position, corpus)),
                    Backend::Upstream(upstream) => upstream_query::add(&mut plan.calls, position, query, key, upstream),
                }
            }
        }
        Ok(plan)
    }

    /// Runs all searches and calls, and returns the results of each query. The first failure ends the others.
    async fn run(self, core: &Core, organization: OrganizationId, queries: &[Query]) -> Result<Vec<Found>, Refusal> {
        let Self { built_in, calls } = self;
        let calls = try_join_all(calls.into_iter().map(|call| call.send(core)));
        let (searched, called) = tokio::try_join!(search_all(core, organization, queries, built_in), calls)?;
        let mut found: Vec<Found> = queries.iter().map(|_| Found::default()).collect();
        for (position, results) in searched {
            found[position].add(results, Vec::new());
        }
        for answer in called.into_iter().flatten() {
            found[answer.query].add(answer.results, answer.summary);
        }
        Ok(found)
    }
}

/// Searches the built-in index, one corpus after the other, so that a call occupies at most one database connection.
async fn search_all(
    core: &Core,
    organization: OrganizationId,
    queries: &[Query],
    searches: Vec<(usize, i64)>,
) -> Result<Vec<(usize, Vec<SearchResult>)>, Refusal> {
    let mut all = Vec::with_capacity(searches.len());
    for (position, corpus) in searches {
        let query = &queries[position];
        let hits = documents::search(core, organization, corpus, &query.text, query.start + query.count).await?;
        all.push((position, hits.into_iter().map(|hit| SearchResult::of_hit(corpus, hit)).collect()));
    }
    Ok(all)
}
