//! Signals between the instances on PostgreSQL, which make them read the changes at once. A signal that is lost delays a change until the next
//! regular read.

use std::time::Duration;

use sqlx::{PgConnection, postgres::PgListener};
use tokio::time::{sleep, timeout};

use super::{
    Store, StoreError,
    change_feed::{CONNECT_LIMIT, within},
    engine::change_feed as sql,
};

/// Time until a lost connection is opened again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);
/// After this time without a signal, the connection is checked.
const CHECK_EVERY: Duration = Duration::from_secs(10);
/// Time limit for sending a signal, and for checking the connection.
const STATEMENT_LIMIT: Duration = Duration::from_secs(1);

/// Makes this instance read the changes when another one sends a signal. Endless.
pub async fn run_listener(store: Store) {
    loop {
        if let Err(error) = listen(&store).await {
            tracing::debug!(%error, "cannot listen for changes");
        }
        sleep(RECONNECT_PAUSE).await;
    }
}

/// Listens until the connection is lost.
async fn listen(store: &Store) -> Result<(), StoreError> {
    let mut listener = within(CONNECT_LIMIT, PgListener::connect(store.engine.url())).await?;
    within(STATEMENT_LIMIT, listener.listen_all([sql::CHANGED, sql::CONFIRMED])).await?;
    loop {
        // Signals may have been sent while there was no connection.
        store.instances.read_request.notify_one();
        loop {
            match timeout(CHECK_EVERY, listener.try_recv()).await {
                Ok(received) => match received? {
                    Some(signal) if concerns(store, signal.channel(), signal.payload()) => store.instances.read_request.notify_one(),
                    Some(_) => {}
                    None => break,
                },
                // Silence may also be a connection that was lost without a word.
                Err(_) => {
                    within(STATEMENT_LIMIT, sqlx::query("select 1").execute(&mut listener)).await?;
                }
            }
        }
    }
}

/// Whether this instance must read the changes because of a signal with the id of its sender.
fn concerns(store: &Store, channel: &str, sender: &str) -> bool {
    let is_own = *sender == *store.instance().id.text();
    !is_own && (channel == sql::CHANGED || store.instances.has_waiters())
}

/// Sends signals about the changes of this instance. In its own task, because a commit that sends one itself would hold a lock of the database
/// during its write to disk. Endless.
pub async fn run_sender(store: Store) {
    let mut connection = None;
    loop {
        store.instances.signal_request.notified().await;
        // After a failure, the next signal opens a new connection.
        connection = match send(&store, connection.take()).await {
            Ok(connection) => Some(connection),
            Err(error) => {
                tracing::debug!(%error, "cannot send a signal");
                None
            }
        };
    }
}

async fn send(store: &Store, connection: Option<PgConnection>) -> Result<PgConnection, StoreError> {
    let mut connection = match connection {
        Some(connection) => connection,
        None => within(CONNECT_LIMIT, sql::connect(store.engine.url())).await?,
    };
    within(STATEMENT_LIMIT, sqlx::query(sql::SIGNAL).bind(store.instance().id.to_string()).execute(&mut connection)).await?;
    Ok(connection)
}

/// Sends a signal from a process without [`run_sender`].
pub(crate) async fn send_once(store: &Store) -> Result<(), StoreError> {
    sqlx::query(sql::SIGNAL).bind(store.instance().id).execute(store.read()?).await?;
    Ok(())
}
