//! A project key as secrets of a project of its holder's.

use std::sync::Arc;

use secrecy::SecretString;
use serde::Deserialize;

use super::{Reached, managed, managed_now, secrets};
use crate::{
    model::{
        fault::Fault,
        id::{KeyId, ProjectId},
        import::{ImportedName, names, prefix},
        permission::Permission,
        policy::{Lifecycle, Status},
        project::SecretRow,
        secret::TypedSecret,
        time::Timestamp,
    },
    server::{
        actor::Actor,
        audit::Event,
        state::AppState,
        store::{self, Tx, issued::HeldKey},
        token::{KeyDigest, Pepper},
    },
};

/// What an import needs of a field; see `issued_keys.fields`.
#[derive(Deserialize)]
struct Field {
    name: String,
    value: String,
}

/// A key that is to be imported: by whom, where to, and what its secrets are called.
struct Import {
    key: HeldKey,
    project: Reached,
    fields: Vec<Field>,
    names: Vec<String>,
    taken: Vec<String>,
}

impl Import {
    async fn new(db: &mut Tx, actor: &Actor, key: KeyId, project: Reached, typed: &str) -> Result<Self, Fault> {
        let key = store::issued::held(&mut *db, actor.organization, actor.user, key).await?.ok_or(Fault::NotFound)?;
        let prefix = prefix("prefix", typed)?;
        let fields: Vec<Field> = serde_json::from_str(&key.fields).map_err(|_| Fault::Internal)?;
        let names = names(&prefix, fields.iter().map(|field| field.name.as_str()));
        let taken = store::project_secrets::taken(db, project.id, &names).await?;
        Ok(Self { key, project, fields, names, taken })
    }

    /// Goes on only with what is the key's own token, while that is good.
    fn check(&self, pepper: &Pepper, token: &TypedSecret) -> Result<(), Fault> {
        let stored = KeyDigest::from_stored(&self.key.digest).ok_or(Fault::Internal)?;
        if self.key.revealed_at.is_none() || pepper.digest(token.expose().trim()) != stored {
            return Err(Fault::invalid("token", "This is not the token of this key. Paste the whole of it."));
        }
        let at = |ms: Option<i64>| ms.map(Timestamp);
        let lifecycle = Lifecycle {
            expires_at: at(self.key.expires_at),
            disabled_at: at(self.key.disabled_at),
            revoked_at: at(self.key.revoked_at),
            ..Lifecycle::default()
        };
        match lifecycle.status(Timestamp::now()) {
            Status::Active => Ok(()),
            Status::Disabled => Err(Fault::conflict("key", "This key is disabled. Import it once it is enabled again.")),
            Status::Expired => Err(Fault::conflict("key", "This key has expired. Ask for another one.")),
            Status::Revoked | Status::Deleted => Err(Fault::conflict("key", "This key was taken back. Ask for another one.")),
        }
    }

    /// Goes on only where every name is free.
    fn require_free(&self, held: usize) -> Result<(), Fault> {
        if let [one] = &self.taken[..] {
            return Err(Fault::conflict("prefix", format!("The project has a secret {one} already. Choose another prefix.")));
        }
        if !self.taken.is_empty() {
            return Err(Fault::conflict(
                "prefix",
                format!("The project has these secrets already: {}. Choose another prefix.", self.taken.join(", ")),
            ));
        }
        if held + self.names.len() > secrets::SECRETS_MAX {
            return Err(Fault::conflict("prefix", format!("A project has at most {} secrets. Delete some first.", secrets::SECRETS_MAX)));
        }
        Ok(())
    }
}

/// What the secrets would be called, and which names are taken. Needs to hold the key, and *Manage Projects*, in the organization and in
/// the project.
///
/// # Errors
/// `NotFound` for the project, and for a key that is not the actor's; `Invalid` at `prefix`; `Forbidden`, `Unavailable`.
pub async fn preview(state: &AppState, actor: &Actor, key: KeyId, project: ProjectId, prefix: &str) -> Result<Vec<ImportedName>, Fault> {
    let mut db = state.store.read()?.acquire().await?;
    let project = managed(&mut db, actor, project).await?;
    let Import { names, taken, .. } = Import::new(&mut db, actor, key, project, prefix).await?;
    Ok(names.into_iter().map(|name| ImportedName { is_taken: taken.contains(&name), name }).collect())
}

/// Stores a key that the actor holds, and its fields, as secrets: all of them or none. Needs to hold the key, and *Manage Projects*, in the
/// organization and in the project.
///
/// # Errors
/// `NotFound` for the project, and for a key that is not the actor's; `Invalid` at `prefix`, and at `token` for one that is not the key's;
/// `Conflict` at `key` for one that is no longer good, and at `prefix` where a name is taken; `Forbidden`, `Unavailable`.
pub async fn import(
    state: &AppState,
    actor: &Actor,
    key: KeyId,
    token: TypedSecret,
    project: ProjectId,
    prefix: String,
) -> Result<Vec<SecretRow>, Fault> {
    actor.require(Permission::ManageProjects)?;
    let (actor, auditor, vault, pepper) = (actor.clone(), state.auditor.clone(), Arc::clone(&state.vault), state.pepper.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (actor, project) = managed_now(tx, &actor, project).await?;
                let import = Import::new(tx, &actor, key, project, &prefix).await?;
                import.check(&pepper, &token)?;
                let before = secrets::of(tx, import.project.id).await?;
                import.require_free(before.len())?;
                let token = SecretString::from(token.expose().trim());
                let values = std::iter::once(token).chain(import.fields.iter().map(|field| SecretString::from(field.value.as_str())));
                for (name, value) in import.names.iter().zip(values) {
                    secrets::insert(tx, &vault, &actor, &import.project, name, value, Some(key)).await?;
                }
                let event = Event::new(&actor, "secret.imported", "key", key, &import.key.name)
                    .with("project", import.project.id.to_string())
                    .with("secrets", import.names.clone());
                auditor.record(tx, event).await?;
                let after = secrets::of(tx, import.project.id).await?;
                Ok(after.into_iter().filter(|secret| import.names.contains(&secret.name)).collect())
            })
        })
        .await
}
