//! Stored credentials, decrypted as the program does.

use std::collections::HashMap;

use latchkey_core::{
    credentials::{Secrets, open},
    public_url::PublicUrl,
};
use latchkey_program::{
    config::{DataOptions, OutgoingOptions},
    data_dir::Data,
};
use latchkey_types::id::CredentialId;
use secrecy::ExposeSecret;

/// Decrypts every general credential of a data folder, by name.
pub async fn decrypt_all(options: &DataOptions) -> HashMap<String, String> {
    let data = Data::open_for_admin(options).await.unwrap();
    let url = PublicUrl::new(None, ([127, 0, 0, 1], 1).into()).unwrap();
    let state = data.core(url, OutgoingOptions::default()).unwrap();
    let rows: Vec<(String, String, String)> = sqlx::query_as("select id, organization_id, name from credentials where deleted_at is null")
        .fetch_all(data.store.read().unwrap())
        .await
        .unwrap();
    let mut secrets = HashMap::new();
    for (id, organization, name) in rows {
        let opened = open(&state, organization.parse().unwrap(), id.parse::<CredentialId>().unwrap()).await;
        let Secrets::General { value } = opened.unwrap_or_else(|error| panic!("{name}: {error}")).secrets else { panic!("{name}") };
        secrets.insert(name, value.expose_secret().to_owned());
    }
    data.store.close().await;
    secrets
}
