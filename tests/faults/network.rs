//! A network between the server and the database: it can be slow, or transport nothing for a while without closing a connection.

use std::{future, io, str::FromStr, time::Duration};

use reqwest::StatusCode;
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    time::{Instant, sleep_until, timeout},
};

use super::{installation::Installation, postgres::Postgres};
use crate::support::{eventually, within};

/// A proxy in front of a database.
pub struct Network {
    /// Of the database through this network.
    pub url: String,
    is_silent: watch::Sender<bool>,
    round_trip: watch::Sender<Duration>,
}

impl Network {
    /// Listens on an address of this machine.
    pub async fn to(database: &str, address: &str) -> Self {
        let server = PgConnectOptions::from_str(database).unwrap().get_port();
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = database.replace(&format!("@127.0.0.1:{server}/"), &format!("@{address}:{port}/"));
        assert_ne!(url, database);
        let (is_silent, silence) = watch::channel(false);
        let (round_trip, delay) = watch::channel(Duration::ZERO);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, server, silence.clone(), delay.clone()));
            }
        });
        Self { url, is_silent, round_trip }
    }

    /// Sets the time that the way to the database and back takes.
    pub fn set_round_trip(&self, time: Duration) {
        self.round_trip.send_replace(time);
    }
}

/// A connection that was open while the network was silent never transports anything again: routers have forgotten it.
async fn relay(client: TcpStream, server: u16, mut is_silent: watch::Receiver<bool>, round_trip: watch::Receiver<Duration>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    for stream in [&client, &server] {
        let _ = stream.set_nodelay(true);
    }
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let transport = async {
        // The connection ends with the first error.
        let _ = tokio::try_join!(forward(from_client, to_server, round_trip.clone()), forward(from_server, to_client, round_trip.clone()));
    };
    let silence = async { is_silent.wait_for(|is_silent| *is_silent).await.is_ok() };
    tokio::select! {
        () = transport => {}
        _ = silence => future::pending::<()>().await,
    }
}

/// Passes on what arrives, in order, each part half a round trip later.
async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, round_trip: watch::Receiver<Duration>) -> io::Result<()> {
    let (sender, mut parts) = mpsc::unbounded_channel();
    let read = async move {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let length = from.read(&mut buffer).await?;
            if length == 0 {
                return io::Result::Ok(());
            }
            let delay = *round_trip.borrow() / 2;
            let _ = sender.send((Instant::now() + delay, buffer[..length].to_vec()));
        }
    };
    let write = async move {
        while let Some((due, part)) = parts.recv().await {
            // The timer has a resolution of a millisecond.
            if due > Instant::now() {
                sleep_until(due).await;
            }
            to.write_all(&part).await?;
        }
        to.shutdown().await
    };
    tokio::try_join!(read, write).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_network_is_healed_within_five_seconds() {
    let (folder, postgres) = (TempDir::new().unwrap(), Postgres::start(TempDir::new().unwrap()).await.unwrap());
    let database = postgres.create_database("latchkey").await.unwrap();
    let network = Network::to(&database, "127.0.0.1").await;
    let installation = Installation::create(folder.path(), Some(network.url.clone()));
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
        let lost = lost.expect("a call that waits for the database is answered");
        assert_eq!(lost, StatusCode::SERVICE_UNAVAILABLE, "{}", running.process.output());
        network.is_silent.send_replace(false);
        let name = format!("healed {round}");
        let healed = eventually("healed", async || status().await == StatusCode::OK && create(&name).await == StatusCode::OK);
        timeout(Duration::from_secs(5), healed).await.expect("calls succeed within five seconds");
    }
}
