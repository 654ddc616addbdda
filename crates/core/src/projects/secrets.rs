//! Project secrets: stored encrypted, readable only through the API.

use secrecy::SecretString;

use super::{ProjectAccess, find_managed};
use crate::{
    Core,
    actor::Actor,
    audit::Event,
    change::Change,
    vault::{SecretOwner, VALUE_FIELD, Vault},
};
use latchkey_store::{
    self as store, Connection, Tx, fold,
    project_secrets::{NewProjectSecret, ProjectSecretRecord},
    sealed_secrets::SealedSecret,
};
use latchkey_types::{
    error::Error,
    id::{KeyId, OrganizationId, ProjectId, ProjectSecretId},
    permission::Permission,
    project::SecretRow,
    secret::TypedSecret,
    secret_import::{identifier, value},
};

/// The maximum number of secrets of one project.
pub(super) const SECRETS_MAX: usize = 1000;

/// A project's secrets without their values, by name.
pub(super) async fn list_in(db: &mut Connection, project: ProjectId) -> Result<Vec<SecretRow>, Error> {
    let mut all = store::project_secrets::all(db, project).await?;
    all.sort_by_cached_key(|secret| fold(&secret.name));
    Ok(all.into_iter().map(ProjectSecretRecord::row).collect())
}

/// A project's secrets without their values, by name. Needs *Manage Projects*, in the organization and in the project.
pub async fn list(core: &Core, actor: &Actor, project: ProjectId) -> Result<Vec<SecretRow>, Error> {
    let mut db = core.store.connection().await?;
    let project = find_managed(&mut db, actor, project).await?;
    list_in(&mut db, project.id).await
}

/// Creates a secret. Needs *Manage Projects*, in the organization and in the project.
pub async fn create(core: &Core, actor: &Actor, project: ProjectId, name: &str, typed: &TypedSecret) -> Result<SecretRow, Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let project = find_managed(&mut change.tx, &change.actor, project).await?;
    let name = identifier("name", name)?;
    let value = SecretString::from(value("value", typed.expose())?);
    if store::project_secrets::all(&mut change.tx, project.id).await?.len() >= SECRETS_MAX {
        return Err(Error::conflict("name", format!("A project has at most {SECRETS_MAX} secrets. Delete one first.")));
    }
    let id = insert(&mut change.tx, &core.vault, &change.actor, &project, &name, value, None).await?;
    let created = store::project_secrets::find(&mut change.tx, project.id, id).await?.ok_or(Error::Internal)?.row();
    let event = event(&change, "secret.created", &project, id, &name);
    change.commit([event]).await?;
    Ok(created)
}

/// Encrypts a secret and stores it. `key` is the project key that it was imported from, if any.
pub(super) async fn insert(
    tx: &mut Tx,
    vault: &Vault,
    actor: &Actor,
    project: &ProjectAccess,
    name: &str,
    value: SecretString,
    key: Option<KeyId>,
) -> Result<ProjectSecretId, Error> {
    let id = ProjectSecretId::new();
    let sealed = seal(tx, vault, actor.organization, id, value).await?;
    let new = NewProjectSecret { id, project: project.id, name: name.to_owned(), sealed, created_by: actor.user, key };
    store::project_secrets::insert(tx, &new).await.map_err(|error| error.or_conflict("name", "This project already has a secret with this name."))?;
    Ok(id)
}

async fn seal(tx: &mut Tx, vault: &Vault, organization: OrganizationId, id: ProjectSecretId, value: SecretString) -> Result<SealedSecret, Error> {
    vault.seal(tx, SecretOwner::project_secret(organization, id), &[(VALUE_FIELD, value)]).await?.pop().ok_or(Error::Internal)
}

/// Replaces the value of a secret. Needs *Manage Projects*, in the organization and in the project.
pub async fn replace(core: &Core, actor: &Actor, project: ProjectId, id: ProjectSecretId, typed: &TypedSecret) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let project = find_managed(&mut change.tx, &change.actor, project).await?;
    let secret = store::project_secrets::find(&mut change.tx, project.id, id).await?.ok_or(Error::NotFound)?;
    let value = SecretString::from(value("value", typed.expose())?);
    let sealed = seal(&mut change.tx, &core.vault, change.actor.organization, id, value).await?;
    store::project_secrets::replace(&mut change.tx, id, &sealed).await?;
    let event = event(&change, "secret.replaced", &project, id, &secret.name);
    change.commit([event]).await
}

/// Deletes a secret permanently. Needs *Manage Projects*, in the organization and in the project.
pub async fn delete(core: &Core, actor: &Actor, project: ProjectId, id: ProjectSecretId) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let project = find_managed(&mut change.tx, &change.actor, project).await?;
    let secret = store::project_secrets::find(&mut change.tx, project.id, id).await?.ok_or(Error::NotFound)?;
    store::project_secrets::delete(&mut change.tx, id).await?;
    let event = event(&change, "secret.deleted", &project, id, &secret.name);
    change.commit([event]).await
}

/// Decrypts a secret for an API client. Each read is recorded in the audit log before the value is returned. Needs *Manage Projects*, in the
/// organization and in the project.
///
/// # Errors
/// `Internal` if the secret cannot be decrypted.
pub async fn read(core: &Core, actor: &Actor, project: ProjectId, name: &str) -> Result<(String, SecretString), Error> {
    actor.require(Permission::ManageProjects)?;
    // A malformed name cannot exist.
    let name = identifier("name", name).map_err(|_| Error::NotFound)?;
    // In one transaction, so that a concurrent master key rotation cannot come between the reads.
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    let project = find_managed(&mut change.tx, &change.actor, project).await?;
    let secret = store::project_secrets::find_named(&mut change.tx, project.id, &name).await?.ok_or(Error::NotFound)?;
    let sealed = store::project_secrets::sealed(&mut change.tx, secret.id).await?.ok_or(Error::NotFound)?;
    let owner = SecretOwner::project_secret(change.actor.organization, secret.id);
    let value = core.vault.open_in_transaction(&mut change.tx, owner, &sealed).await?;
    let event = event(&change, "secret.read", &project, secret.id, &secret.name);
    change.commit([event]).await?;
    Ok((secret.name, value))
}

fn event(change: &Change, action: &'static str, project: &ProjectAccess, id: ProjectSecretId, name: &str) -> Event {
    change.event(action, "secret", id, name).with("project", project.id.to_string())
}
