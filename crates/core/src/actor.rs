//! The acting party of a request: a user in the page, an internal key in the API, or an operator at the console.

use std::net::IpAddr;

use latchkey_crypto::key_format::KeyDigest;
use latchkey_types::{
    error::Error,
    id::{KeyId, OrganizationId, UserId},
    permission::{Permission, Permissions, Scope, Scopes},
};
use latchkey_verify::CachedKey;

/// Digest of a session's token.
pub type SessionDigest = [u8; 32];

/// How an actor was authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    /// A browser session.
    Session(SessionDigest),
    /// An internal key of the user.
    Key { id: KeyId, digest: KeyDigest },
    /// The user's password or invitation, before there is a session.
    Password,
    /// The command line, with access to the data.
    Console,
}

/// Who acts, in which organization, and with which permissions.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The only organization whose objects the actor can reach.
    pub organization: OrganizationId,
    /// The user, or the creator of the key.
    pub user: UserId,
    /// The name of the user or key.
    pub name: String,
    pub auth_method: AuthMethod,
    /// Current permissions.
    pub permissions: Permissions,
    /// The scopes of the key, if a key was used.
    pub scopes: Option<Scopes>,
    /// The client's IP address.
    pub address: Option<IpAddr>,
}

impl Actor {
    /// The creator of an internal key, acting through it.
    pub fn of_key(key: &CachedKey, address: Option<IpAddr>) -> Self {
        Self {
            organization: key.creator.organization,
            user: key.creator.user,
            name: key.name.to_string(),
            auth_method: AuthMethod::Key { id: key.id, digest: key.digest() },
            permissions: key.creator.permissions,
            scopes: Some(Scopes::parse(key.scopes())),
            address,
        }
    }

    /// Requires this permission.
    ///
    /// # Errors
    /// `Forbidden`, with the missing permission.
    pub fn require(&self, permission: Permission) -> Result<(), Error> {
        if self.permissions.has(permission) { Ok(()) } else { Err(Error::forbidden(permission)) }
    }

    /// Requires at least one of these permissions.
    ///
    /// # Errors
    /// `Forbidden`, with the first of them.
    pub fn require_any(&self, permissions: &[Permission]) -> Result<(), Error> {
        match permissions {
            [] => Ok(()),
            permissions if permissions.iter().any(|permission| self.permissions.has(*permission)) => Ok(()),
            [first, ..] => Err(Error::forbidden(*first)),
        }
    }

    /// Requires all of these permissions. A permission can be granted or revoked only by those who have it.
    ///
    /// # Errors
    /// `Forbidden`, with the first missing permission.
    pub fn require_all(&self, permissions: Permissions) -> Result<(), Error> {
        self.permissions.first_missing(permissions).map_or(Ok(()), |missing| Err(Error::forbidden(missing)))
    }

    /// Requires that the actor may grant this scope: they need one of its permissions and, when acting through a key, the scope itself.
    ///
    /// # Errors
    /// `Forbidden`, `ScopeNotHeld`.
    pub fn require_grant(&self, scope: Scope) -> Result<(), Error> {
        self.require_any(scope.needs())?;
        if self.scopes.is_none_or(|own| own.has(scope)) { Ok(()) } else { Err(Error::ScopeNotHeld { scope: scope.as_str().to_owned() }) }
    }

    /// Whether the actor sees the personal keys of all users, as owners and admins do. Others see only their own.
    pub fn can_see_all_keys(&self) -> bool {
        self.permissions.has(Permission::ManageMembers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(permissions: &[Permission], scopes: Option<&[Scope]>) -> Actor {
        Actor {
            organization: OrganizationId::new(),
            user: UserId::new(),
            name: "Ada".to_owned(),
            auth_method: AuthMethod::Console,
            permissions: Permissions::of(permissions),
            scopes: scopes.map(|scopes| Scopes::of(scopes.iter().copied())),
            address: None,
        }
    }

    #[test]
    fn a_requirement_names_the_first_missing_permission() {
        use Permission::{ManageRoles, ViewBilling, ViewKeys};
        let actor = actor(&[ViewKeys], None);
        let forbidden = |permission| Err(Error::forbidden(permission));
        assert_eq!((actor.require(ViewKeys), actor.require(ViewBilling)), (Ok(()), forbidden(ViewBilling)));
        for (any, result) in [(&[][..], Ok(())), (&[ViewBilling, ViewKeys], Ok(())), (&[ViewBilling, ManageRoles], forbidden(ViewBilling))] {
            assert_eq!(actor.require_any(any), result, "{any:?}");
        }
        for (all, result) in [(&[][..], Ok(())), (&[ViewKeys], Ok(())), (&[ManageRoles, ViewBilling, ViewKeys], forbidden(ViewBilling))] {
            assert_eq!(actor.require_all(Permissions::of(all)), result, "{all:?}");
        }
    }

    #[test]
    fn a_scope_is_granted_by_those_who_have_it_and_its_permission() {
        let held = &[Permission::ViewKeys];
        let not_held = Err(Error::ScopeNotHeld { scope: "verify".to_owned() });
        for (permissions, scopes, result) in [
            (&held[..], None, Ok(())),
            (held, Some(&[Scope::Verify][..]), Ok(())),
            (held, Some(&[Scope::KeysRead]), not_held),
            (&[], None, Err(Error::forbidden(Permission::ViewKeys))),
            (&[], Some(&[Scope::Verify]), Err(Error::forbidden(Permission::ViewKeys))),
        ] {
            assert_eq!(actor(permissions, scopes).require_grant(Scope::Verify), result, "{permissions:?} {scopes:?}");
        }
    }

    #[test]
    fn only_those_who_manage_members_see_all_keys() {
        assert!(actor(&[Permission::ManageMembers], None).can_see_all_keys());
        assert!(!actor(&[Permission::ManageApiKeys, Permission::ViewKeys], None).can_see_all_keys());
    }
}
