//! Who does something: a person in the page, a platform key in the API, or somebody at the console.

use std::net::IpAddr;

use crate::model::{
    fault::Fault,
    id::{KeyId, OrganizationId, UserId},
    permission::{Permission, Permissions, Scope, Scopes},
};

/// Through what they act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// A session in the page.
    Session,
    /// A platform key that the user made.
    Key(KeyId),
    /// The command line beside the data.
    Console,
}

/// Who acts, for whom, and what they may do at this moment.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The tenant, and the only one whose objects they reach.
    pub organization: OrganizationId,
    /// The person, or the one who made the key.
    pub user: UserId,
    /// The name of the person or of the key.
    pub name: String,
    /// Through what they act.
    pub means: Means,
    /// What they may do now.
    pub permissions: Permissions,
    /// What their key is for, where they act through one.
    pub scopes: Option<Scopes>,
    /// From where.
    pub address: Option<IpAddr>,
}

impl Actor {
    /// Goes on only with this permission.
    ///
    /// # Errors
    /// `Forbidden`, naming it.
    pub fn require(&self, permission: Permission) -> Result<(), Fault> {
        if self.permissions.has(permission) { Ok(()) } else { Err(Fault::forbidden(permission)) }
    }

    /// Goes on only with one of these permissions.
    ///
    /// # Errors
    /// `Forbidden`, naming the first.
    pub fn require_any(&self, permissions: &[Permission]) -> Result<(), Fault> {
        match permissions {
            [] => Ok(()),
            permissions if permissions.iter().any(|permission| self.permissions.has(*permission)) => Ok(()),
            [first, ..] => Err(Fault::forbidden(*first)),
        }
    }

    /// Goes on only with every one of these permissions: nobody grants, or takes, what they may not do themselves.
    ///
    /// # Errors
    /// `Forbidden`, naming the first that is missing.
    pub fn require_all(&self, permissions: Permissions) -> Result<(), Fault> {
        self.permissions.first_missing(permissions).map_or(Ok(()), |missing| Err(Fault::forbidden(missing)))
    }

    /// Goes on only where they may give a key this scope: they may do now what it is for, and their own key has it.
    ///
    /// # Errors
    /// `Forbidden`, `ScopeNotHeld`.
    pub fn require_grant(&self, scope: Scope) -> Result<(), Fault> {
        self.require_any(scope.needs())?;
        if self.scopes.is_none_or(|own| own.has(scope)) { Ok(()) } else { Err(Fault::ScopeNotHeld { scope: scope.word().to_owned() }) }
    }

    /// Whether they see everybody's personal keys, as owners and admins do; others see their own.
    pub fn sees_everybodys_keys(&self) -> bool {
        self.permissions.has(Permission::ManageMembers)
    }
}
