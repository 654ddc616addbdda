//! Two instances on one PostgreSQL database, as behind a load balancer that sends each request to another one. SQLite has only one instance: the
//! tests are skipped there.

use std::fs;

use latchkey_program::config::ServeOptions;

use crate::support::{ApiClient, BrowserClient, TestServer};

/// Two servers on one database.
pub struct Pair {
    pub first: TestServer,
    pub second: TestServer,
}

impl Pair {
    /// `None` on SQLite.
    pub async fn start() -> Option<Self> {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl Fn(&mut ServeOptions)) -> Option<Self> {
        let first = TestServer::start_with(&change).await;
        let Some(database) = first.data_options().database else {
            eprintln!("skipped: SQLite has only one instance");
            return None;
        };
        let master_key = first.data.path().join("master.key");
        let second = TestServer::start_with(|options| {
            change(options);
            options.data.database = Some(database);
            fs::copy(&master_key, options.data.data.join("master.key")).unwrap();
        })
        .await;
        Some(Self { first, second })
    }

    /// The same browser at the second instance.
    pub fn at_second(&self, page: &BrowserClient) -> BrowserClient {
        BrowserClient { url: self.second.url.clone(), ..page.clone() }
    }

    /// The same API client at the second instance.
    pub fn api_at_second(&self, api: &ApiClient) -> ApiClient {
        ApiClient { url: self.second.url.clone(), ..api.clone() }
    }
}
