//! `latchkey keys list`.

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Context, view};
use crate::{client::ApiResponse, error::CliError, print};

#[derive(Debug, Args)]
pub(super) struct ListOptions {
    /// Only this kind: internal, client, corpus or agent
    #[arg(long)]
    kind: Option<String>,
    /// Only names that contain this text, ignoring case
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
    limit: Option<u32>,
    /// Cursor of the next page
    #[arg(long)]
    cursor: Option<String>,
    /// Print all pages as one list
    #[arg(long, conflicts_with = "cursor")]
    all: bool,
}

impl ListOptions {
    fn query(&self, cursor: Option<&str>) -> Vec<(&'static str, String)> {
        let limit = self.limit.or(self.all.then_some(100));
        let values = [
            ("kind", self.kind.clone()),
            ("q", self.q.clone()),
            ("status", self.status.clone()),
            ("external_id", self.external_id.clone()),
            ("scope", self.scope.clone()),
            ("expiring", self.expiring.then(|| "true".to_owned())),
            ("sort", self.sort.clone()),
            ("limit", limit.map(|limit| limit.to_string())),
            ("cursor", cursor.map(ToOwned::to_owned)),
        ];
        values.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// Prints one page of keys, or all pages.
pub(super) async fn run(context: &Context, options: &ListOptions) -> Result<(), CliError> {
    let mut response = page(context, options, options.cursor.as_deref()).await?;
    if options.all {
        response = with_all_pages(context, options, response).await?;
    }
    if context.json {
        return print::line(&response.text);
    }
    let keys = response.json["items"].as_array().map_or(&[][..], Vec::as_slice);
    print::line(&view::table(keys))?;
    if let Some(cursor) = next_cursor(&response) {
        print::status(&format!("{} of {} keys. Use --all for all keys, or --cursor {cursor} for the next page.", keys.len(), response.json["total"]));
    }
    Ok(())
}

async fn page(context: &Context, options: &ListOptions, cursor: Option<&str>) -> Result<ApiResponse, CliError> {
    let request = context.client.request(Method::GET, "keys").query(&options.query(cursor));
    context.client.send(request).await
}

fn next_cursor(page: &ApiResponse) -> Option<String> {
    page.json["next_cursor"].as_str().map(ToOwned::to_owned)
}

/// Merges the first page and all following ones into one page.
async fn with_all_pages(context: &Context, options: &ListOptions, mut first: ApiResponse) -> Result<ApiResponse, CliError> {
    let mut items = items_of(&mut first);
    let mut cursor = next_cursor(&first);
    while let Some(current) = cursor {
        let mut next = page(context, options, Some(&current)).await?;
        items.append(&mut items_of(&mut next));
        cursor = next_cursor(&next);
    }
    let json = json!({ "items": items, "next_cursor": null, "total": first.json["total"] });
    Ok(ApiResponse { text: json.to_string(), json })
}

fn items_of(page: &mut ApiResponse) -> Vec<Value> {
    page.json["items"].as_array_mut().map(std::mem::take).unwrap_or_default()
}
