//! A client that has project keys issued and revokes them.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    installation::Clients,
    workload::{Outcome, Shared},
};
use crate::support::{BrowserClient, projects::create_project, text};

/// A user can request a key of one template ten times an hour.
const REQUESTS_PER_TEMPLATE: u32 = 9;

/// The project and its current template, and the acknowledged revocations.
pub struct Revocations {
    project: String,
    template: String,
    /// Requests for keys of the current template.
    requests: u32,
    tokens: Vec<String>,
    checked: usize,
}

pub struct Revoker {
    pub clients: Clients,
    pub shared: Arc<Shared>,
    pub revocations: Revocations,
}

/// The server was killed.
struct Killed;

impl Revocations {
    pub async fn create(clients: &Clients) -> Self {
        let project = create_project(&clients.owner, "Revocations").await;
        let (status, template) = clients.owner.call("templates/create", json!({ "project": project })).await;
        assert_eq!(status, StatusCode::OK, "{template}");
        let (status, named) = clients.owner.call("templates/edit", naming(&template)).await;
        assert_eq!(status, StatusCode::OK, "{named}");
        Self { project, template: text(&template["id"]), requests: 0, tokens: Vec::new(), checked: 0 }
    }

    /// The tokens whose revocation was acknowledged since the last call, or since the beginning.
    pub fn tokens(&mut self, since_beginning: bool) -> Vec<String> {
        let first = if since_beginning { 0 } else { self.checked };
        self.checked = self.tokens.len();
        self.tokens[first..].to_vec()
    }

    pub fn count(&self) -> usize {
        self.tokens.len()
    }
}

/// Gives a new template a name, before which it can't be requested.
fn naming(template: &Value) -> Value {
    json!({ "id": template["id"], "edit": { "which": "name", "before": template["name"], "after": template["id"] } })
}

impl Revoker {
    pub async fn run(mut self) -> Revocations {
        while self.step().await.is_ok() {}
        self.revocations
    }

    /// Brings the viewer's key one step further: requested, approved, revealed and revoked. A step that failed is repeated by the next call.
    async fn step(&mut self) -> Result<(), Killed> {
        let arguments = json!({ "project": self.revocations.project });
        let Some(cards) = self.call(&self.clients.viewer, "access-requests/cards", arguments).await? else { return Ok(()) };
        let card = cards["tiles"].as_array().unwrap().iter().find(|card| card["template"] == *self.revocations.template).unwrap();
        if !card["pending"].is_null() {
            self.call(&self.clients.owner, "access-requests/approve", json!({ "id": card["pending"]["id"] })).await?;
        } else if card["key"]["status"] == "active" {
            self.revoke(&card["key"]).await?;
        } else if self.revocations.requests < REQUESTS_PER_TEMPLATE {
            self.revocations.requests += 1;
            self.call(&self.clients.viewer, "access-requests/create", json!({ "template": self.revocations.template })).await?;
        } else {
            self.replace_template().await?;
        }
        Ok(())
    }

    async fn revoke(&mut self, key: &Value) -> Result<(), Killed> {
        let token = if key["revealed_at"].is_null() { self.reveal(&key["id"]).await? } else { None };
        let revoked = self.call(&self.clients.owner, "issued/revoke", json!({ "id": key["id"] })).await?;
        self.revocations.tokens.extend(token.filter(|_| revoked.is_some()));
        Ok(())
    }

    async fn replace_template(&mut self) -> Result<(), Killed> {
        let owner = &self.clients.owner;
        let Some(template) = self.call(owner, "templates/create", json!({ "project": self.revocations.project })).await? else { return Ok(()) };
        if self.call(owner, "templates/edit", naming(&template)).await?.is_none() {
            return Ok(());
        }
        let replaced = std::mem::replace(&mut self.revocations.template, text(&template["id"]));
        self.revocations.requests = 0;
        self.call(&self.clients.owner, "templates/delete", json!({ "id": replaced })).await?;
        Ok(())
    }

    /// The token of a key, after it was verified once.
    async fn reveal(&self, key: &Value) -> Result<Option<String>, Killed> {
        let Some(token) = self.call(&self.clients.viewer, "issued/reveal", json!({ "id": key })).await? else { return Ok(None) };
        let verify = self.clients.api.request(Method::POST, "/verify").json(&json!({ "key": token }));
        match self.shared.send(verify).await {
            Outcome::Done(verdict) => assert_eq!(verdict["code"], "VALID"),
            Outcome::Refused(status, problem) => panic!("{status}: {problem}"),
            Outcome::Failed(_) => {}
            Outcome::Lost => return Err(Killed),
        }
        Ok(Some(text(&token)))
    }

    /// Calls a server function. `None` if it failed.
    async fn call(&self, page: &BrowserClient, function: &str, arguments: Value) -> Result<Option<Value>, Killed> {
        match self.shared.send(page.function(function, &arguments)).await {
            Outcome::Done(body) => Ok(Some(body)),
            Outcome::Refused(status, problem) => panic!("{function}: {status}: {problem}"),
            Outcome::Failed(_) => Ok(None),
            Outcome::Lost => Err(Killed),
        }
    }
}
