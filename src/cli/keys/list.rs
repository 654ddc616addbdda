//! `latchkey keys list`.

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Context, view};
use crate::cli::{client::Answer, print, trouble::Trouble};

/// Which keys, and how many.
#[derive(Debug, Args)]
pub struct ListOptions {
    /// Of this kind: platform, client, corpus or agent
    #[arg(long)]
    kind: Option<String>,
    /// With this in the name, whatever the case
    #[arg(long, value_name = "TEXT")]
    q: Option<String>,
    /// With this status: active, disabled or expired
    #[arg(long)]
    status: Option<String>,
    /// Of this external id
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// With this scope
    #[arg(long)]
    scope: Option<String>,
    /// That end within 14 days
    #[arg(long)]
    expiring: bool,
    /// By `name`, `created_at`, `last_used_at` or `expires_at`; with - before it, descending: --sort=-created_at
    #[arg(long, allow_hyphen_values = true)]
    sort: Option<String>,
    /// How many: 1 to 100 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// Go on where another page ended
    #[arg(long)]
    cursor: Option<String>,
    /// Every page, as one list
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

/// Prints a page of keys, or all of them.
///
/// # Errors
/// Why it could not.
pub(super) async fn run(context: &Context, options: &ListOptions) -> Result<(), Trouble> {
    let mut answer = page(context, options, options.cursor.as_deref()).await?;
    if options.all {
        answer = with_the_rest(context, options, answer).await?;
    }
    if context.json {
        return print::line(&answer.text);
    }
    let keys = answer.json["items"].as_array().map_or(&[][..], Vec::as_slice);
    print::line(&view::table(keys))?;
    if let Some(cursor) = next_cursor(&answer) {
        print::note(&format!("{} of {} keys. --all shows all, --cursor {cursor} goes on.", keys.len(), answer.json["total"]));
    }
    Ok(())
}

async fn page(context: &Context, options: &ListOptions, cursor: Option<&str>) -> Result<Answer, Trouble> {
    let request = context.client.request(Method::GET, "keys").query(&options.query(cursor));
    context.client.send(request).await
}

fn next_cursor(page: &Answer) -> Option<String> {
    page.json["next_cursor"].as_str().map(ToOwned::to_owned)
}

/// The first page and all after it, in the shape of one page.
async fn with_the_rest(context: &Context, options: &ListOptions, mut first: Answer) -> Result<Answer, Trouble> {
    let mut items = items_of(&mut first);
    let mut cursor = next_cursor(&first);
    while let Some(at) = cursor {
        let mut next = page(context, options, Some(&at)).await?;
        items.append(&mut items_of(&mut next));
        cursor = next_cursor(&next);
    }
    let json = json!({ "items": items, "next_cursor": null, "total": first.json["total"] });
    Ok(Answer { text: json.to_string(), json })
}

fn items_of(page: &mut Answer) -> Vec<Value> {
    page.json["items"].as_array_mut().map(std::mem::take).unwrap_or_default()
}
