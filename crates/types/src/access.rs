//! What pages and routes require of their callers.

use super::{
    error::Error,
    key_kind::Kind,
    permission::{Permission, Permissions},
};

/// What a page or route requires of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Public,
    /// The token of a one-time link.
    Token,
    /// A session.
    SignedIn,
    /// An internal key with any scopes.
    AnyKey,
    Permission(Permission),
    /// At least one of these permissions.
    OneOf(&'static [Permission]),
    All(&'static [Permission]),
    /// The `view` permission of the kind in the request. Checked by the rule, because the kind is in the body.
    View,
    /// The `manage` permission of the kind in the request. Checked by the rule, because the kind is in the body.
    Manage,
}

impl Access {
    /// Whether an authenticated caller with these permissions is admitted. `kind` is the kind in the request; without it, `View` and `Manage`
    /// deny.
    pub fn permits(self, permissions: Permissions, kind: Option<Kind>) -> bool {
        match self {
            Self::View => kind.is_some_and(|kind| permissions.has(kind.spec().view)),
            Self::Manage => kind.is_some_and(|kind| permissions.has(kind.spec().manage)),
            _ => self.require(permissions).is_ok(),
        }
    }

    /// Requires what does not depend on the request's kind.
    ///
    /// # Errors
    /// `Forbidden`, with the first missing permission.
    pub fn require(self, permissions: Permissions) -> Result<(), Error> {
        let missing = match self {
            Self::Public | Self::Token | Self::SignedIn | Self::AnyKey | Self::View | Self::Manage => None,
            Self::Permission(permission) => Some(permission).filter(|permission| !permissions.has(*permission)),
            Self::OneOf(any) => any.first().copied().filter(|_| !any.iter().any(|permission| permissions.has(*permission))),
            Self::All(all) => all.iter().copied().find(|permission| !permissions.has(*permission)),
        };
        missing.map_or(Ok(()), |permission| Err(Error::forbidden(permission)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_kind::{CredentialKind, KeyKind};

    const BOTH: &[Permission] = &[Permission::ViewKeys, Permission::ViewProject];
    const MISSING: &[Permission] = &[Permission::ViewProject, Permission::ManageMembers];

    #[test]
    fn each_requirement_admits_the_callers_it_names() {
        let viewer = Permissions::of(&[Permission::ViewKeys]);
        let client = Some(Kind::Key(KeyKind::Client));
        let credential = Some(Kind::Credential(CredentialKind::External));
        for (access, kind, permitted) in [
            (Access::Public, None, true),
            (Access::AnyKey, None, true),
            (Access::Token, None, true),
            (Access::SignedIn, None, true),
            (Access::Permission(Permission::ViewKeys), None, true),
            (Access::Permission(Permission::ViewProject), None, false),
            (Access::OneOf(BOTH), None, true),
            (Access::OneOf(MISSING), None, false),
            (Access::OneOf(&[]), None, true),
            (Access::All(BOTH), None, false),
            (Access::All(&[Permission::ViewKeys]), None, true),
            (Access::View, client, true),
            (Access::View, credential, false),
            (Access::View, None, false),
            (Access::Manage, client, false),
            (Access::Manage, None, false),
        ] {
            assert_eq!(access.permits(viewer, kind), permitted, "{access:?}");
        }
        let manager = Permissions::of(&[Permission::ManageApiKeys]);
        assert!(Access::Manage.permits(manager, client) && !Access::View.permits(manager, client));
        // The kind of the request is checked by the rule.
        assert_eq!((Access::View.require(Permissions::default()), Access::Manage.require(Permissions::default())), (Ok(()), Ok(())));
    }

    #[test]
    fn the_first_missing_permission_is_reported() {
        let viewer = Permissions::of(&[Permission::ViewKeys]);
        let forbidden = Err(Error::forbidden(Permission::ViewProject));
        for access in [Access::Permission(Permission::ViewProject), Access::OneOf(MISSING), Access::All(BOTH)] {
            assert_eq!(access.require(viewer), forbidden, "{access:?}");
        }
    }
}
