//! Notifications in the page.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    id::{AccessRequestId, ProjectId},
    permission::UnknownValue,
    time::Timestamp,
};

/// Maximum number of notifications in one response.
pub const NOTIFICATIONS_MAX: u8 = 50;

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident $code:literal),* $(,)?) => {
        /// Type of a notification.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum NotificationEvent { $($(#[$doc])* $name),* }

        impl NotificationEvent {
            /// Name in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }
        }

        impl FromStr for NotificationEvent {
            type Err = UnknownValue;

            fn from_str(text: &str) -> Result<Self, UnknownValue> {
                match text { $($code => Ok(Self::$name),)* _ => Err(UnknownValue) }
            }
        }
    };
}

events! {
    /// To approvers: a user requested a key.
    Requested "requested",
    /// To approvers: the request was withdrawn.
    Withdrawn "withdrawn",
    /// To the requester: the key was issued.
    Approved "approved",
    /// To the requester: the request was rejected.
    Rejected "rejected",
    /// To the requester: the template was deleted, which closed the request.
    Closed "closed",
    /// To the holder: the key was revoked.
    Revoked "revoked",
    /// To those who manage credentials: a provider of language models refuses its key.
    CredentialRefused "credential_refused",
    /// To owners, admins and the key's creator: 80 % of a budget for language models are used.
    BudgetWarning "budget_warning",
    /// To the same: a budget for language models is used up.
    BudgetUsed "budget_used",
}

impl NotificationEvent {
    /// Whether it goes to the approvers instead of the requester or holder.
    pub const fn is_for_approvers(self) -> bool {
        matches!(self, Self::Requested | Self::Withdrawn)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Position among all notifications.
    pub seq: i64,
    pub event: NotificationEvent,
    /// `None` if it is not about a project.
    pub project_id: Option<ProjectId>,
    /// The access request that it is about, if any.
    pub request_id: Option<AccessRequestId>,
    /// Path of the page that it links to, if it is not about a project.
    pub link: Option<String>,
    /// Name of the project at that time. Without a project: that of the provider, or whose budget it is.
    pub project: String,
    /// Name of the template at that time. Without a project: the name of the credential, or what is used of the budget.
    pub template: String,
    /// Name of the user who caused it.
    pub actor_name: String,
    /// Comment, such as the reason for a rejection; can be empty.
    pub comment: String,
    /// To approvers: how the request ended; `None` while it is open.
    pub outcome: Option<RequestOutcome>,
    pub created_at: Timestamp,
    pub is_read: bool,
}

/// The end of an access request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestOutcome {
    /// What ended it.
    pub event: NotificationEvent,
    /// Name of the user who decided.
    pub by: String,
}

impl RequestOutcome {
    pub fn label(&self) -> String {
        match self.event {
            NotificationEvent::Approved => format!("Approved by {}", self.by),
            NotificationEvent::Rejected => format!("Rejected by {}", self.by),
            NotificationEvent::Withdrawn => "Withdrawn".to_owned(),
            _ => "Closed".to_owned(),
        }
    }
}

impl Notification {
    /// Text of the notification.
    pub fn sentence(&self) -> String {
        let Self { project, template, actor_name, .. } = self;
        match self.event {
            NotificationEvent::Requested => format!("{actor_name} requested “{template}” in {project}."),
            NotificationEvent::Withdrawn => format!("{actor_name} withdrew their request for “{template}” in {project}."),
            NotificationEvent::Approved => format!("Your key “{template}” for {project} is ready."),
            NotificationEvent::Rejected => format!("{actor_name} rejected your request for “{template}” in {project}."),
            NotificationEvent::Closed => format!("“{template}” in {project} was deleted, and your request for it was closed."),
            NotificationEvent::Revoked => format!("{actor_name} revoked your key “{template}” for {project}."),
            NotificationEvent::CredentialRefused => format!("{project} refuses the key “{template}”. Replace it."),
            NotificationEvent::BudgetWarning => format!("80 % of the budget of {project} are used: {template}."),
            NotificationEvent::BudgetUsed => format!("The budget of {project} is used up: {template}."),
        }
    }

    /// Path of the page that it links to. Approvers get to the list of requests, in which the page marks the request.
    pub fn path(&self) -> String {
        let Some(project) = self.project_id else { return self.link.clone().unwrap_or_else(|| "/notifications".to_owned()) };
        let project = format!("/projects/{project}");
        if !self.event.is_for_approvers() {
            return project;
        }
        let request = self.request_id.map(|id| format!("?request={id}")).unwrap_or_default();
        format!("{project}/keys{request}#requests")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_has_a_text_and_a_link() {
        let notice = |event| Notification {
            seq: 1,
            event,
            project_id: Some("prj_0193456789ab7cdef0123456789abcde".parse().unwrap()),
            request_id: None,
            link: None,
            project: "Genomics".to_owned(),
            template: "Read access".to_owned(),
            actor_name: "Mia".to_owned(),
            comment: String::new(),
            outcome: None,
            created_at: Timestamp(0),
            is_read: false,
        };
        let (requested, ready) = (notice(NotificationEvent::Requested), notice(NotificationEvent::Approved));
        assert_eq!(requested.sentence(), "Mia requested “Read access” in Genomics.");
        assert_eq!(requested.path(), "/projects/prj_0193456789ab7cdef0123456789abcde/keys#requests");
        let request = "ask_0193456789ab7cdef0123456789abcdf";
        let with_request = Notification { request_id: Some(request.parse().unwrap()), ..requested };
        assert_eq!(with_request.path(), format!("/projects/prj_0193456789ab7cdef0123456789abcde/keys?request={request}#requests"));
        assert_eq!(ready.sentence(), "Your key “Read access” for Genomics is ready.");
        assert_eq!(ready.path(), "/projects/prj_0193456789ab7cdef0123456789abcde");
        let refused = Notification { project_id: None, link: Some("/keys/general".to_owned()), ..notice(NotificationEvent::CredentialRefused) };
        assert_eq!((refused.sentence().as_str(), refused.path().as_str()), ("Genomics refuses the key “Read access”. Replace it.", "/keys/general"));
        for word in ["requested", "withdrawn", "approved", "rejected", "closed", "revoked", "credential_refused", "budget_warning", "budget_used"] {
            assert_eq!(word.parse::<NotificationEvent>().unwrap().as_str(), word);
        }
    }

    #[test]
    fn an_outcome_says_who_decided() {
        let label = |event| RequestOutcome { event, by: "Ada".to_owned() }.label();
        assert_eq!(label(NotificationEvent::Approved), "Approved by Ada");
        assert_eq!(label(NotificationEvent::Rejected), "Rejected by Ada");
        assert_eq!((label(NotificationEvent::Withdrawn), label(NotificationEvent::Closed)), ("Withdrawn".to_owned(), "Closed".to_owned()));
    }
}
