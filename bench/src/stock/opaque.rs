//! Client keys, stored as `POST /keys` stores them, but with many rows per statement: a million take a minute or two.

use anyhow::{Context, Result};
use latchkey_core::Core;
use latchkey_core::actor::Actor;
use latchkey_crypto::key_format::PlainKey;
use latchkey_store as store;
use latchkey_types::{
    id::KeyId,
    key_kind::{KeyKind, Mask},
    time::Timestamp,
};
use sqlx::AssertSqlSafe;

/// Rows per statement.
const ROWS: usize = 1000;
/// The rate limit of every key. It is high enough never to be reached.
const RATE_LIMITS: &str = r#"[{"name":"minute","limit":1000000000,"duration_ms":60000}]"#;

/// The values that differ between the keys.
struct Row {
    number: i64,
    id: String,
    digest: Vec<u8>,
}

/// Stores `count` keys and returns their secrets.
pub(super) async fn store(state: &Core, owner: &Actor, count: usize) -> Result<Vec<Box<str>>> {
    let mut secrets = Vec::with_capacity(count);
    let mut rows = Vec::with_capacity(count);
    let first: i64 = sqlx::query_scalar("select coalesce(max(number), 0) + 1 from api_keys").fetch_one(state.store.read()?).await?;
    for number in (first..).take(count) {
        let secret = PlainKey::generate(KeyKind::Client).context("client keys cannot be generated")?;
        rows.push(Row { number, id: KeyId::new().to_string(), digest: state.pepper.digest(secret.reveal()).as_bytes().to_vec() });
        secrets.push(secret.reveal().into());
    }
    let (organization, user) = (owner.organization.to_string(), owner.user.to_string());
    let stored = state.store.write(move |tx| {
        Box::pin(async move {
            for rows in rows.chunks(ROWS) {
                insert(tx, &organization, &user, rows).await?;
            }
            Ok(())
        })
    });
    stored.await.map_err(super::in_words)?;
    Ok(secrets)
}

async fn insert(tx: &mut store::Tx, organization: &str, user: &str, rows: &[Row]) -> Result<(), store::Error> {
    let placeholders: Vec<_> =
        (0..rows.len()).map(|row| 6 + row * 4).map(|first| format!("(${first}, ${}, ${}, ${})", first + 1, first + 2, first + 3)).collect();
    let sql = format!(
        "insert into api_keys (number, id, name, name_folded, digest, organization_id, kind, mask, scopes, created_by, created_at, expires_at, rate_limits) \
         select v.column1, v.column2, v.column3, lower(v.column3), v.column4, $1, 'client', $2, '', $3, $4, $4 + 31536000000, $5 \
         from (values {}) v",
        placeholders.join(", ")
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(organization).bind(Mask::Hidden.apply("")).bind(user).bind(Timestamp::now().0).bind(RATE_LIMITS);
    let query =
        rows.iter().fold(query, |query, row| query.bind(row.number).bind(&row.id).bind(format!("Service {:06}", row.number)).bind(&row.digest));
    query.execute(tx).await?;
    Ok(())
}
