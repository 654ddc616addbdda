//! What the pop-up shows.

use std::sync::Arc;

use latchkey_types::{
    error::Error,
    id::{KeyId, ProjectId},
    key::{CreatedKey, ItemId, KeyRow},
    key_kind::{KeyKind, Kind},
    member::InvitationLink,
    secret::RevealedSecret,
};

/// Opens the dialog that creates a key like the shown one.
pub(super) type CreateAnother = Arc<dyn Fn() + Send + Sync>;

/// What a key is used for, to show code and the first request.
#[derive(Clone)]
pub(super) struct KeyUse {
    pub kind: KeyKind,
    /// The project of a project key.
    pub project: Option<ProjectId>,
    /// The first corpus of a corpus key.
    pub corpus: Option<i64>,
    /// Names or patterns of the models that an agent key may call; `None` for all.
    pub models: Option<Vec<String>>,
    /// The key, if it was never used and its row can be read.
    pub unused: Option<KeyId>,
}

/// A secret and its texts.
#[derive(Clone)]
pub(super) struct SecretContent {
    pub title: &'static str,
    /// The text before the name of the secret's owner.
    pub lead: &'static str,
    pub name: String,
    /// Accessible name of the secret.
    pub label: &'static str,
    pub secret: RevealedSecret,
    pub caution: &'static str,
    pub not_copied: &'static str,
    /// The error of the operation that the secret was created for.
    pub trouble: Option<String>,
    pub key_use: Option<KeyUse>,
    /// Whether it was copied before the pop-up opens.
    pub is_copied: bool,
    pub create_another: Option<CreateAnother>,
}

impl SecretContent {
    fn key(name: String, secret: RevealedSecret) -> Self {
        Self {
            title: "Copy your new key",
            lead: "Secret key for ",
            name,
            label: "Secret key",
            secret,
            caution: "You won’t be able to see this key again. Copy it to your secret manager now.",
            not_copied: "You haven’t copied this key. If you close now, you’ll have to create a new one.",
            trouble: None,
            key_use: None,
            is_copied: false,
            create_another: None,
        }
    }

    pub(super) fn token(name: String, token: RevealedSecret, project: ProjectId) -> Self {
        Self {
            lead: "Project key ",
            not_copied: "You haven’t copied this key. If you close now, you can still import it until you leave the project’s page. \
                After that, you’ll have to request a new one.",
            key_use: Some(KeyUse { kind: KeyKind::Project, project: Some(project), corpus: None, models: None, unused: None }),
            ..Self::key(name, token)
        }
    }

    /// The token of a key that was revealed for an import. It may be unusable, so no code is shown.
    pub(super) fn failed_import(name: String, token: RevealedSecret, project: ProjectId, error: &Error) -> Self {
        Self { trouble: Some(format!("Import failed: {error}")), key_use: None, ..Self::token(name, token, project) }
    }

    /// The code for a key whose secret was copied before.
    pub(super) fn copied_key(key: KeyRow, secret: RevealedSecret) -> Self {
        Self {
            title: "Use your new key",
            caution: "The key stays in its row until you hide it, or leave or refresh the page.",
            is_copied: true,
            ..Self::from(CreatedKey { key, secret })
        }
    }
}

impl From<CreatedKey> for SecretContent {
    fn from(CreatedKey { key, secret }: CreatedKey) -> Self {
        let corpus = key.corpora.first().map(|corpus| corpus.id);
        let key_use = match (key.kind, key.id) {
            (Kind::Key(kind), ItemId::Key(id)) => {
                let models = key.model_access.models;
                Some(KeyUse { kind, project: None, corpus, models, unused: key.last_used_at.is_none().then_some(id) })
            }
            _ => None,
        };
        Self { key_use, ..Self::key(key.name, secret) }
    }
}

impl From<InvitationLink> for SecretContent {
    fn from(invitation: InvitationLink) -> Self {
        Self {
            title: "Copy the invitation",
            lead: "Anyone with this link can join as ",
            label: "Invitation link",
            caution: "Send it only to them: the first person to open it joins. It won’t be shown again.",
            not_copied: "You haven’t copied this link. If you close now, you’ll have to create a new one.",
            ..Self::key(invitation.email, invitation.link)
        }
    }
}
