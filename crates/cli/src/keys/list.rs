//! `latchkey keys list`.

use clap::Args;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{Context, view};
use crate::{client::ApiResponse, error::CliError, print};
use latchkey_types::{
    listing::ROWS_MAX,
    rest::{
        keys::Key,
        page::{ListQuery, Page},
    },
};

#[derive(Debug, Args)]
pub(super) struct ListOptions {
    /// Only this kind: internal, client, corpus or agent
    #[arg(long)]
    kind: Option<String>,
    /// Only names that contain this text, ignoring case; one or two characters: that begin with it
    #[arg(long, value_name = "TEXT")]
    q: Option<String>,
    /// Only this status: active, disabled or expired
    #[arg(long)]
    status: Option<String>,
    /// Only this external id
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Only keys with this scope
    #[arg(long)]
    scope: Option<String>,
    /// Only keys that expire within 14 days
    #[arg(long)]
    expiring: bool,
    /// Sort by `name`, `created_at`, `last_used_at` or `expires_at`; a leading - sorts descending: --sort=-created_at
    #[arg(long, allow_hyphen_values = true)]
    sort: Option<String>,
    /// Keys per page: 1 to 100 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Cursor of the next page
    #[arg(long)]
    cursor: Option<String>,
    /// Print all pages as one list
    #[arg(long, conflicts_with = "cursor")]
    all: bool,
}

impl ListOptions {
    fn query(&self, cursor: Option<String>) -> ListQuery {
        ListQuery {
            kind: self.kind.clone(),
            q: self.q.clone().unwrap_or_default(),
            status: self.status.clone(),
            expiring: self.expiring,
            external_id: self.external_id.clone(),
            scope: self.scope.clone(),
            sort: self.sort.clone(),
            limit: self.limit.or(self.all.then_some(ROWS_MAX)),
            cursor,
        }
    }
}

/// Prints one page of keys, or all pages.
pub(super) async fn run(context: &Context, options: &ListOptions) -> Result<(), CliError> {
    if context.json {
        return print::line(&json(context, options).await?);
    }
    let page: Page<Key> =
        if options.all { all_pages(context, options).await? } else { page(context, options, options.cursor.clone()).await?.read()? };
    print::line(&view::table(&page.items))?;
    if let Some(cursor) = page.next_cursor {
        let (shown, total) = (page.items.len(), page.total);
        let total = if page.total_is_exact { total.to_string() } else { format!("more than {total}") };
        print::status(&format!("{shown} of {total} keys. Use --all for all keys, or --cursor {cursor} for the next page."));
    }
    Ok(())
}

/// The unchanged response, or all pages as one, with unchanged items.
async fn json(context: &Context, options: &ListOptions) -> Result<String, CliError> {
    if !options.all {
        return Ok(page(context, options, options.cursor.clone()).await?.text);
    }
    let merged: Page<Box<RawValue>> = all_pages(context, options).await?;
    serde_json::to_string(&merged).map_err(|error| CliError::Unavailable(format!("can't format the keys: {error}")))
}

async fn page(context: &Context, options: &ListOptions, cursor: Option<String>) -> Result<ApiResponse, CliError> {
    let request = context.client.request(Method::GET, "keys").query(&options.query(cursor));
    context.client.send(request).await
}

/// Merges all pages into one.
async fn all_pages<Item: DeserializeOwned>(context: &Context, options: &ListOptions) -> Result<Page<Item>, CliError> {
    let mut merged: Page<Item> = page(context, options, None).await?.read()?;
    while let Some(cursor) = merged.next_cursor.take() {
        let next: Page<Item> = page(context, options, Some(cursor)).await?.read()?;
        merged.items.extend(next.items);
        merged.next_cursor = next.next_cursor;
    }
    if !merged.total_is_exact {
        (merged.total, merged.total_is_exact) = (merged.items.len(), true);
    }
    Ok(merged)
}
