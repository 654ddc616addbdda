//! A network between the server and the database that transports nothing for a while, without closing a connection.

use std::{future, str::FromStr, time::Duration};

use reqwest::StatusCode;
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};

use super::{installation::Installation, postgres::Postgres};
use crate::support::{eventually, within};

/// A proxy in front of a database.
struct Network {
    port: u16,
    is_silent: watch::Sender<bool>,
}

impl Network {
    async fn to(database: &str) -> Self {
        let server = PgConnectOptions::from_str(database).unwrap().get_port();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (is_silent, receiver) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, server, receiver.clone()));
            }
        });
        Self { port, is_silent }
    }

    /// The URL of the database through this network.
    fn url(&self, database: &str) -> String {
        let server = PgConnectOptions::from_str(database).unwrap().get_port();
        database.replace(&format!(":{server}/"), &format!(":{}/", self.port))
    }
}

/// A connection that was open while the network was silent never transports anything again: routers have forgotten it.
async fn relay(mut client: TcpStream, server: u16, mut is_silent: watch::Receiver<bool>) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let silence = async { is_silent.wait_for(|is_silent| *is_silent).await.is_ok() };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = silence => future::pending::<()>().await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_network_is_healed_within_five_seconds() {
    let (folder, postgres) = (TempDir::new().unwrap(), Postgres::start(TempDir::new().unwrap()).await.unwrap());
    let database = postgres.create_database("latchkey").await.unwrap();
    let network = Network::to(&database).await;
    let installation = Installation::create(folder.path(), Some(network.url(&database)));
    let running = installation.serve();
    let clients = installation.clients(&running).await;
    let (_, secret) = clients.owner.agent_key("a").await;
    let status = async || clients.api.post("/verify", json!({ "key": secret })).await.0;
    let create = async |name: &str| clients.owner.call("keys/create", json!({ "request": { "kind": "agent", "name": name } })).await.0;
    assert_eq!((status().await, create("b").await), (StatusCode::OK, StatusCode::OK));

    for round in 0..2 {
        network.is_silent.send_replace(true);
        // Its statement is on the way when the network becomes silent.
        let name = format!("lost {round}");
        let lost = timeout(Duration::from_secs(5), create(&name));
        let (lost, ()) = tokio::join!(lost, within(Duration::from_secs(2), "503", async || status().await == StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(lost.unwrap(), StatusCode::SERVICE_UNAVAILABLE, "a call that waits for the database is answered");
        network.is_silent.send_replace(false);
        let name = format!("healed {round}");
        let healed = eventually("healed", async || status().await == StatusCode::OK && create(&name).await == StatusCode::OK);
        timeout(Duration::from_secs(5), healed).await.expect("calls succeed within five seconds");
    }
}
