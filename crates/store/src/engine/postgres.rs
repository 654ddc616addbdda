//! Connections to PostgreSQL.

use std::{net::IpAddr, str::FromStr, time::Duration};

use anyhow::{Context, bail};
use sqlx::{
    AnyConnection, AnyPool, Connection, Executor,
    any::AnyPoolOptions,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::time::{sleep, timeout};

/// The oldest version that is tested.
const VERSION_MIN: u32 = 14;

/// For every new connection, in one round trip. The server ends an idle transaction before the `lock_timeout` of the writers that wait for it. It
/// notices within about ten seconds that a client is gone; its probes also keep the connection known to firewalls.
pub(super) const SETTINGS: &str = "select set_config('statement_timeout', '10s', false), set_config('lock_timeout', '4s', false), \
     set_config('idle_in_transaction_session_timeout', '3s', false), set_config('tcp_keepalives_idle', '5', false), \
     set_config('tcp_keepalives_interval', '2', false), set_config('tcp_keepalives_count', '3', false), \
     set_config('tcp_user_timeout', '5s', false), \
     case when current_setting('application_name') = '' then set_config('application_name', 'latchkey', false) end";

/// The id of a PostgreSQL advisory lock, like that of the writers.
const LOCK_MIGRATIONS: &str = "select pg_advisory_lock(5497081207912)";

/// Held by the connection that creates indexes: see [`connect_for_indexes`]. Another one does not wait in the database, because creating an index waits
/// for all statements that have begun.
const LOCK_INDEXES: &str = "select cast(case when pg_try_advisory_lock(5497081207913) then 1 else 0 end as bigint)";

/// The newest migration that is applied.
const COUNT_MIGRATIONS: &str = "select count(*) from pg_tables where schemaname = current_schema() and tablename = '_sqlx_migrations'";
const NEWEST_MIGRATION: &str = "select coalesce(max(version), 0) from _sqlx_migrations where success";

/// For how long an idle connection is used again without a test.
const UNTESTED_LIMIT: Duration = Duration::from_secs(1);
/// The pause between two attempts to get the lock of the indexes.
const INDEXES_PAUSE: Duration = Duration::from_secs(1);

/// For how long a test of a connection may take.
const TEST_LIMIT: Duration = Duration::from_secs(1);

/// Tests a connection before it is used, and after it was used: a cancelled statement may not have ended.
pub(super) fn test_connections(options: AnyPoolOptions) -> AnyPoolOptions {
    options
        .test_before_acquire(false)
        .before_acquire(|connection, metadata| {
            Box::pin(async move {
                if metadata.idle_for > UNTESTED_LIMIT {
                    ping(connection).await?;
                }
                Ok(true)
            })
        })
        .after_release(|connection, _| {
            Box::pin(async move {
                ping(connection).await?;
                Ok(true)
            })
        })
}

async fn ping(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    timeout(TEST_LIMIT, connection.ping()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

pub(super) async fn check_version(pool: &AnyPool) -> anyhow::Result<()> {
    let number: String = sqlx::query_scalar("select current_setting('server_version_num')").fetch_one(pool).await?;
    require_version(&number)
}

/// `number` is the major version times 10,000 and the minor version.
fn require_version(number: &str) -> anyhow::Result<()> {
    let version: u32 = number.parse().with_context(|| format!("the version of PostgreSQL is not a number: {number}"))?;
    let (major, minor) = (version / 10_000, version % 10_000);
    if major < VERSION_MIN {
        bail!("PostgreSQL {major}.{minor} is too old: latchkey needs {VERSION_MIN} or newer");
    }
    Ok(())
}

/// Fails if the connection that the URL describes leaves this machine and may be unencrypted.
pub(super) fn require_encryption(url: &str) -> anyhow::Result<()> {
    // Also reads the variables that sqlx reads, such as PGSSLMODE.
    let options = PgConnectOptions::from_str(url).context("the database URL is invalid")?;
    let host = options.get_host();
    if options.get_socket().is_some() || host.starts_with('/') || is_loopback(host) {
        return Ok(());
    }
    match options.get_ssl_mode() {
        PgSslMode::VerifyFull | PgSslMode::VerifyCa => {}
        PgSslMode::Require => {
            tracing::warn!("the certificate of the database server {host} is not verified: use sslmode=verify-full in the database URL");
        }
        PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer => bail!(
            "the connection to {host} may be unencrypted: add ?sslmode=verify-full to the database URL, or allow it with --allow-plaintext-database"
        ),
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or_else(|_| host.eq_ignore_ascii_case("localhost"), |address| address.to_canonical().is_loopback())
}

/// A connection whose statements take as long as they need, and wait for locks however long others have them.
async fn connect_without_limits(url: &str) -> Result<AnyConnection, sqlx::Error> {
    let mut connection = <AnyConnection as Connection>::connect(url).await?;
    for statement in [SETTINGS, "set lock_timeout = 0", "set statement_timeout = 0"] {
        Executor::execute(&mut connection, statement).await?;
    }
    Ok(connection)
}

/// A connection that creates indexes; `None` if another one does.
pub(super) async fn connect_for_indexes(url: &str) -> anyhow::Result<Option<AnyConnection>> {
    let mut connection = connect_without_limits(url).await?;
    if lock_indexes(&mut connection).await? {
        return Ok(Some(connection));
    }
    connection.close().await?;
    Ok(None)
}

async fn lock_indexes(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    Ok(sqlx::query_scalar::<_, i64>(LOCK_INDEXES).fetch_one(connection).await? > 0)
}

/// Runs the migrations that are not applied yet, one instance at a time. Migrations of newer versions may be applied.
pub(super) async fn migrate(url: &str, migrations: &Migrator) -> anyhow::Result<()> {
    let mut connection = connect_without_limits(url).await?;
    // A table cannot be changed while an index of it is created, and the attempt would block other statements.
    while is_outdated(&mut connection, migrations).await? && !lock_indexes(&mut connection).await? {
        tracing::info!("waiting until another instance has created the indexes of the previous version");
        sleep(INDEXES_PAUSE).await;
    }
    // A statement that waits for the lock of a table blocks all later ones, also those of running instances.
    for statement in [LOCK_MIGRATIONS, "set lock_timeout = '4s'"] {
        Executor::execute(&mut connection, statement).await?;
    }
    let mut migrator = Migrator::with_migrations(migrations.iter().cloned().collect());
    // Not with sqlx's own lock, whose wait `lock_timeout` would end.
    migrator.set_ignore_missing(true).set_locking(false);
    migrator.run_direct(None, &mut connection, false).await?;
    // Ends the locks too.
    Ok(connection.close().await?)
}

/// Whether one of these migrations is not applied yet.
async fn is_outdated(connection: &mut AnyConnection, migrations: &Migrator) -> Result<bool, sqlx::Error> {
    if sqlx::query_scalar::<_, i64>(COUNT_MIGRATIONS).fetch_one(&mut *connection).await? == 0 {
        return Ok(true);
    }
    let newest: i64 = sqlx::query_scalar(NEWEST_MIGRATION).fetch_one(connection).await?;
    Ok(migrations.iter().any(|migration| migration.version > newest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_connection_over_a_network_is_refused() {
        for host in ["db.example.com", "10.0.0.5", "[2001:db8::1]", "localhost.example.com"] {
            for mode in ["", "?sslmode=disable", "?sslmode=allow", "?sslmode=prefer"] {
                let error = require_encryption(&format!("postgres://app:secret@{host}/latchkey{mode}")).unwrap_err().to_string();
                assert!(error.contains("may be unencrypted") && !error.contains("secret"), "{host} {mode}: {error}");
            }
            for mode in ["require", "verify-ca", "verify-full"] {
                require_encryption(&format!("postgres://app@{host}/latchkey?sslmode={mode}")).unwrap();
            }
        }
        for url in [
            "postgres://localhost/latchkey",
            "postgres://app@127.0.0.1:5433/latchkey",
            "postgres://[::1]/latchkey",
            "postgres://[::ffff:127.0.0.1]/latchkey",
            "postgres://%2Fvar%2Frun%2Fpostgresql/latchkey",
            "postgres:///latchkey?host=/var/run/postgresql",
        ] {
            require_encryption(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        }
    }

    #[test]
    fn an_old_server_is_refused() {
        for (number, is_supported) in [("90624", false), ("130022", false), ("140000", true), ("150018", true), ("180001", true)] {
            assert_eq!(require_version(number).is_ok(), is_supported, "{number}");
        }
        assert_eq!(require_version("130004").unwrap_err().to_string(), "PostgreSQL 13.4 is too old: latchkey needs 14 or newer");
        assert!(require_version("15beta1").is_err());
    }
}
