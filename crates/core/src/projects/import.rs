//! Imports a project key as secrets of a project that its holder manages.

use secrecy::SecretString;
use serde::Deserialize;

use super::{ProjectAccess, find_managed, secrets};
use crate::{Core, actor::Actor};
use latchkey_crypto::key_format::{KeyDigest, Pepper};
use latchkey_store::{self as store, Connection, issued_keys::ImportSource};
use latchkey_types::{
    error::Error,
    id::{KeyId, ProjectId},
    key_kind::{Lifecycle, Status},
    permission::Permission,
    project::SecretRow,
    secret::TypedSecret,
    secret_import::{SecretNamePreview, names, prefix},
    time::Timestamp,
};

/// The parts of an information field that an import needs; the format is that of `issued_keys.fields`.
#[derive(Deserialize)]
struct Field {
    name: String,
    value: String,
}

/// A key to import into `project`.
struct Import {
    key: ImportSource,
    project: ProjectAccess,
    fields: Vec<Field>,
    /// The names of the new secrets: the token's, then one per field.
    names: Vec<String>,
    /// Those of `names` that the project already has.
    taken: Vec<String>,
}

impl Import {
    async fn new(db: &mut Connection, actor: &Actor, key: KeyId, project: ProjectAccess, typed: &str) -> Result<Self, Error> {
        let key = store::issued_keys::find_held(&mut *db, actor.organization, actor.user, key).await?.ok_or(Error::NotFound)?;
        let prefix = prefix("prefix", typed)?;
        let fields: Vec<Field> = serde_json::from_str(&key.fields).map_err(|_| Error::Internal)?;
        let names = names(&prefix, fields.iter().map(|field| field.name.as_str()));
        let taken = store::project_secrets::taken(db, project.id, &names).await?;
        Ok(Self { key, project, fields, names, taken })
    }

    /// Requires the token of this key, and an active key.
    fn check(&self, pepper: &Pepper, token: &TypedSecret) -> Result<(), Error> {
        let stored = KeyDigest::from_stored(&self.key.digest).ok_or(Error::Internal)?;
        if self.key.revealed_at.is_none() || pepper.digest(token.expose().trim()) != stored {
            return Err(Error::invalid("token", "This is not the token of this key. Paste the whole token."));
        }
        let lifecycle =
            Lifecycle { expires_at: self.key.expires_at, disabled_at: self.key.disabled_at, revoked_at: self.key.revoked_at, ..Lifecycle::default() };
        match lifecycle.status(Timestamp::now()) {
            Status::Active => Ok(()),
            Status::Disabled => Err(Error::conflict("key", "This key is disabled. Enable it before you import it.")),
            Status::Expired => Err(Error::conflict("key", "This key has expired. Request another one.")),
            Status::Revoked | Status::Deleted => Err(Error::conflict("key", "This key was revoked. Request another one.")),
        }
    }

    /// Requires that no name is taken and that the project has room. `existing` is its number of secrets.
    fn require_free(&self, existing: usize) -> Result<(), Error> {
        if let [one] = &self.taken[..] {
            return Err(Error::conflict("prefix", format!("The project already has a secret {one}. Choose another prefix.")));
        }
        if !self.taken.is_empty() {
            return Err(Error::conflict(
                "prefix",
                format!("The project already has these secrets: {}. Choose another prefix.", self.taken.join(", ")),
            ));
        }
        if existing + self.names.len() > secrets::SECRETS_MAX {
            return Err(Error::conflict("prefix", format!("A project has at most {} secrets. Delete some first.", secrets::SECRETS_MAX)));
        }
        Ok(())
    }
}

/// The names that an import would give the secrets, and which of them are taken. The actor must hold the key; needs *Manage Projects*, in the
/// organization and in the project.
///
/// # Errors
/// `NotFound` also for a key that the actor does not hold.
pub async fn preview(core: &Core, actor: &Actor, key: KeyId, project: ProjectId, prefix: &str) -> Result<Vec<SecretNamePreview>, Error> {
    let mut db = core.store.connection().await?;
    let project = find_managed(&mut db, actor, project).await?;
    let Import { names, taken, .. } = Import::new(&mut db, actor, key, project, prefix).await?;
    Ok(names.into_iter().map(|name| SecretNamePreview { is_taken: taken.contains(&name), name }).collect())
}

/// Stores a key and its fields as secrets, all or none. The actor must hold the key; needs *Manage Projects*, in the organization and in the
/// project.
///
/// # Errors
/// `NotFound` also for a key that the actor does not hold; `Invalid` at `token` if it is not the key's; `Conflict` at `key` if the key is not
/// active, at `prefix` if a name is taken.
pub async fn import(core: &Core, actor: &Actor, key: KeyId, token: &TypedSecret, project: ProjectId, prefix: &str) -> Result<Vec<SecretRow>, Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let project = find_managed(&mut change.tx, &change.actor, project).await?;
    let import = Import::new(&mut change.tx, &change.actor, key, project, prefix).await?;
    import.check(&core.pepper, token)?;
    let before = secrets::list_in(&mut change.tx, import.project.id).await?;
    import.require_free(before.len())?;
    let token = SecretString::from(token.expose().trim());
    let values = std::iter::once(token).chain(import.fields.iter().map(|field| SecretString::from(field.value.as_str())));
    for (name, value) in import.names.iter().zip(values) {
        secrets::insert(&mut change.tx, &core.vault, &change.actor, &import.project, name, value, Some(key)).await?;
    }
    let after = secrets::list_in(&mut change.tx, import.project.id).await?;
    let event = change
        .event("secret.imported", "key", key, &import.key.name)
        .with("project", import.project.id.to_string())
        .with("secrets", import.names.clone());
    change.commit([event]).await?;
    Ok(after.into_iter().filter(|secret| import.names.contains(&secret.name)).collect())
}
