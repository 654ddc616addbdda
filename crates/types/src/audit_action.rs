//! What the page says about each action of the audit log. An action that is missing here is shown by its label alone.

use super::audit::{AuditEventRow, action_label};

/// Kinds of targets that events can be filtered by, with their labels on the page.
pub const TARGETS: &[(&str, &str)] = &[
    ("key", "API keys"),
    ("credential", "Credentials"),
    ("user", "Members"),
    ("invitation", "Invitations"),
    ("role", "Roles"),
    ("project", "Projects"),
    ("template", "Templates"),
    ("request", "Access requests"),
    ("node", "Project nodes"),
    ("secret", "Project secrets"),
    ("sample", "Samples"),
    ("import", "Imports"),
    ("corpus", "Corpora"),
    ("document", "Documents"),
    ("service", "Services"),
    ("provider", "Providers"),
    ("model", "Models"),
    ("alias", "Model aliases"),
    ("call", "Calls of models"),
    ("organization", "Organization"),
    ("session", "Sessions"),
];

/// Actions under a common heading.
pub struct ActionGroup {
    pub label: &'static str,
    pub actions: &'static [Action],
}

/// The sentence that describes an action.
pub struct Action {
    /// For example `key.created`.
    pub code: &'static str,
    verb: &'static str,
    /// Stands before the name of the target, which is left out if this is `None`: then it is the actor.
    noun: Option<&'static str>,
    /// Words before the value of a detail, and its name.
    suffixes: &'static [(&'static str, &'static str)],
}

const fn on(code: &'static str, verb: &'static str, noun: &'static str) -> Action {
    Action { code, verb, noun: Some(noun), suffixes: &[] }
}

const fn of_actor(code: &'static str, verb: &'static str) -> Action {
    Action { code, verb, noun: None, suffixes: &[] }
}

impl Action {
    const fn with(self, suffixes: &'static [(&'static str, &'static str)]) -> Self {
        Self { suffixes, ..self }
    }
}

/// All actions, in the order in which the page lists them.
pub const ACTION_GROUPS: &[ActionGroup] = &[
    ActionGroup {
        label: "API keys",
        actions: &[
            on("key.created", "created", "key"),
            on("key.imported", "imported", "key"),
            on("key.edited", "edited", "key"),
            on("key.rotated", "rotated", "key"),
            on("key.disabled", "disabled", "key"),
            on("key.enabled", "enabled", "key"),
            on("key.deleted", "deleted", "key"),
            on("key.issued", "issued", "project key").with(&[("to", "user")]),
            on("key.revealed", "revealed", "project key").with(&[("of", "project")]),
            on("key.revoked", "revoked", "project key").with(&[("of", "holder")]),
        ],
    },
    ActionGroup {
        label: "Credentials",
        actions: &[
            on("credential.created", "added", "key"),
            on("credential.edited", "edited", "stored key"),
            on("credential.replaced", "replaced the secret of", "stored key"),
            on("credential.tested", "tested", "stored key").with(&[("with the result", "outcome")]),
            on("credential.deleted", "deleted", "key"),
        ],
    },
    ActionGroup {
        label: "Sign-in and accounts",
        actions: &[
            of_actor("session.begun", "signed in"),
            of_actor("session.ended", "signed out"),
            of_actor("sessions.ended", "signed out everywhere"),
            of_actor("sessions.others_ended", "signed out all other devices"),
            of_actor("sign_in.failed", "entered a wrong password"),
            of_actor("sign_in.throttled", "was blocked after failed sign-ins"),
            of_actor("user.password_changed", "changed their password"),
            on("user.password_reset", "reset the password of", ""),
            on("user.renamed", "changed their name to", ""),
            of_actor("request.refused", "was refused a change").with(&[("because of", "reason")]),
        ],
    },
    ActionGroup {
        label: "Members and roles",
        actions: &[
            on("invitation.created", "invited", "").with(&[("as", "role")]),
            on("invitation.renewed", "created a new link for", ""),
            on("invitation.withdrawn", "withdrew the invitation of", ""),
            of_actor("user.joined", "joined").with(&[("as", "role"), ("invited by", "invited by")]),
            on("user.created", "added", "member").with(&[("as", "role")]),
            on("user.role_changed", "changed the role of", "").with(&[("to", "to")]),
            on("user.disabled", "disabled", "member"),
            on("user.enabled", "enabled", "member"),
            on("user.budget_set", "changed the budget of", "member"),
            on("role.created", "created", "role"),
            on("role.changed", "changed", "role"),
            on("role.deleted", "deleted", "role"),
        ],
    },
    ActionGroup {
        label: "Projects",
        actions: &[
            on("project.created", "created", "project"),
            on("project.edited", "edited", "project"),
            on("project.deleted", "deleted", "project"),
            on("project.member_added", "added", "").with(&[("to project", "project name"), ("as", "role")]),
            on("project.member_role_changed", "changed the role of", "").with(&[("to", "to"), ("in project", "project name")]),
            on("project.member_removed", "removed", "").with(&[("from project", "project name")]),
            on("template.created", "created", "template").with(&[("in", "project")]),
            on("template.changed", "changed", "template").with(&[("in", "project")]),
            on("template.deleted", "deleted", "template").with(&[("in", "project")]),
            on("template.field_added", "added a field to", "template").with(&[("in", "project")]),
            on("template.field_changed", "changed a field of", "template").with(&[("in", "project")]),
            on("template.field_deleted", "deleted a field of", "template").with(&[("in", "project")]),
            on("request.created", "requested", "").with(&[("in", "project")]),
            on("request.approved", "approved the request for", "").with(&[("from", "user")]),
            on("request.rejected", "rejected the request for", "").with(&[("from", "user"), ("because", "reason")]),
            on("request.withdrawn", "withdrew the request for", "").with(&[("in", "project")]),
            on("request.closed", "closed the request for", "").with(&[("from", "user")]),
            on("secret.created", "created", "secret").with(&[("in", "project")]),
            on("secret.imported", "imported", "project key").with(&[("into", "project")]),
            on("secret.replaced", "replaced", "secret").with(&[("in", "project")]),
            on("secret.read", "read", "secret").with(&[("in", "project")]),
            on("secret.deleted", "deleted", "secret").with(&[("in", "project")]),
            on("import.begun", "started the import of", "batch").with(&[("in", "project")]),
            on("import.stopped", "stopped the import of", "batch").with(&[("in", "project")]),
            on("import.retried", "retried the import of", "batch").with(&[("in", "project")]),
            on("import.finished", "finished the import of", "batch").with(&[("in", "project")]),
            on("sample.deleted", "deleted", "sample").with(&[("in", "project")]),
            on("sample.downloaded", "downloaded", "sample").with(&[("in", "project")]),
            on("node.created", "created", "node").with(&[("in", "project")]),
            on("node.renamed", "renamed", "node").with(&[("in", "project")]),
            on("node.deleted", "deleted", "node").with(&[("in", "project")]),
        ],
    },
    ActionGroup {
        label: "Corpora, services and providers",
        actions: &[
            on("corpus.created", "created", "corpus"),
            on("corpus.deleted", "deleted", "corpus"),
            on("corpus.upstream_set", "set the upstream of", "corpus"),
            on("corpus.upstream_removed", "removed the upstream of", "corpus"),
            on("document.indexed", "indexed", "document").with(&[("in corpus", "corpus")]),
            on("documents.uploaded", "uploaded documents to", "corpus").with(&[("number", "count")]),
            on("document.deleted", "deleted", "document").with(&[("from corpus", "corpus")]),
            on("service.created", "added", "service"),
            on("service.edited", "edited", "service"),
            on("service.deleted", "deleted", "service"),
            on("service.secret_echoed", "received a response with the masked credential of", "service").with(&[("masked occurrences", "count")]),
            on("provider.created", "added", "provider"),
            on("provider.edited", "edited", "provider"),
            on("provider.deleted", "deleted", "provider"),
            on("provider.secret_echoed", "received a response with the masked credential of", "provider").with(&[("masked occurrences", "count")]),
            on("model.created", "added", "model").with(&[("to", "provider")]),
            on("model.edited", "edited", "model"),
            on("model.deleted", "deleted", "model"),
            on("alias.created", "added", "alias"),
            on("alias.edited", "edited", "alias"),
            on("alias.deleted", "deleted", "alias"),
            on("call.bodies_read", "read the bodies of", "call").with(&[("of key", "key")]),
        ],
    },
    ActionGroup {
        label: "Organization",
        actions: &[
            on("organization.created", "created", "organization"),
            on("organization.edited", "edited", "organization"),
            on("organization.budget_set", "changed the budget of", "organization"),
            on("organization.agent_budget_set", "changed the default budget of agent keys of", "organization"),
            on("organization.call_log_days_set", "changed how long calls are logged for", "organization"),
            of_actor("signing_key.rotated", "rotated the signing key"),
            of_actor("master_key.rotated", "rotated the master key"),
        ],
    },
];

/// An event as a sentence: the actor, `verb`, the target, and each suffix with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    pub verb: String,
    /// Name of the target.
    pub target: Option<String>,
    pub suffixes: Vec<(&'static str, String)>,
}

impl Sentence {
    pub fn of(event: &AuditEventRow) -> Self {
        let Some(action) = ACTION_GROUPS.iter().flat_map(|group| group.actions).find(|action| action.code == event.action) else {
            return Self { verb: format!("· {} ·", action_label(&event.action)), target: Some(event.object.clone()), suffixes: Vec::new() };
        };
        let suffix = |&(words, name): &(&'static str, &str)| {
            let value = event.detail(name).filter(|value| !value.is_empty())?;
            Some((words, value.to_owned()))
        };
        Self {
            verb: action.verb_and_noun(event.detail("kind")),
            target: action.noun.map(|_| event.object.clone()),
            suffixes: action.suffixes.iter().filter_map(suffix).collect(),
        }
    }
}

impl Action {
    /// “created agent key”: `kind` is a kind of keys.
    fn verb_and_noun(&self, kind: Option<&str>) -> String {
        match (self.noun, kind) {
            (None | Some(""), _) => self.verb.to_owned(),
            (Some("key"), Some(kind)) => format!("{} {kind} key", self.verb),
            (Some(noun), _) => format!("{} {noun}", self.verb),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::time::Timestamp;

    fn event(action: &str, object: &str, details: &[(&str, &str)]) -> AuditEventRow {
        AuditEventRow {
            seq: 1,
            at: Timestamp(0),
            actor: "Ada".to_owned(),
            actor_id: String::new(),
            auth_method: None,
            action: action.to_owned(),
            object: object.to_owned(),
            object_kind: "key".to_owned(),
            object_id: String::new(),
            details: details.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            address: String::new(),
        }
    }

    /// The sentence without its actor.
    fn text(action: &str, object: &str, details: &[(&str, &str)]) -> String {
        let Sentence { verb, target, suffixes } = Sentence::of(&event(action, object, details));
        let suffixes = suffixes.into_iter().map(|(words, value)| format!(" {words} {value}")).collect::<Vec<_>>().concat();
        verb + &target.map(|target| String::from(" ") + &target).unwrap_or_default() + &suffixes
    }

    #[test]
    fn an_event_is_one_sentence() {
        assert_eq!(text("key.created", "ci", &[("kind", "agent")]), "created agent key ci");
        assert_eq!(text("key.rotated", "ci", &[("grace seconds", "60")]), "rotated key ci");
        assert_eq!(text("credential.edited", "openai", &[]), "edited stored key openai");
        assert_eq!(text("session.begun", "Ada", &[]), "signed in");
        assert_eq!(text("user.role_changed", "Grace", &[("from", "Member"), ("to", "Admin")]), "changed the role of Grace to Admin");
        assert_eq!(text("request.rejected", "Read", &[("user", "Mia"), ("reason", "")]), "rejected the request for Read from Mia");
    }

    #[test]
    fn an_unknown_action_is_shown_by_its_label() {
        assert_eq!(text("key.frozen", "ci", &[("kind", "agent")]), "· Key frozen · ci");
    }

    #[test]
    fn each_action_and_each_target_is_listed_once() {
        let codes: Vec<_> = ACTION_GROUPS.iter().flat_map(|group| group.actions).map(|action| action.code).collect();
        let kinds: Vec<_> = TARGETS.iter().map(|(kind, _)| *kind).collect();
        for names in [codes, kinds] {
            let unique: HashSet<_> = names.iter().collect();
            assert_eq!(unique.len(), names.len(), "{names:?}");
        }
    }
}
