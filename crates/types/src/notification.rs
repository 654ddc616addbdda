//! Notifications in the page.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{id::ProjectId, permission::UnknownValue, time::Timestamp};

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
    pub project_id: ProjectId,
    /// Name of the project at that time.
    pub project: String,
    /// Name of the template at that time.
    pub template: String,
    /// Name of the user who caused it.
    pub actor_name: String,
    /// Comment, such as the reason for a rejection; can be empty.
    pub comment: String,
    pub created_at: Timestamp,
    pub is_read: bool,
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
        }
    }

    /// Path of the page that it links to.
    pub fn path(&self) -> String {
        let keys = if self.event.is_for_approvers() { "/keys" } else { "" };
        format!("/projects/{}{keys}", self.project_id)
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
            project_id: "prj_0193456789ab7cdef0123456789abcde".parse().unwrap(),
            project: "Genomics".to_owned(),
            template: "Read access".to_owned(),
            actor_name: "Mia".to_owned(),
            comment: String::new(),
            created_at: Timestamp(0),
            is_read: false,
        };
        let (requested, ready) = (notice(NotificationEvent::Requested), notice(NotificationEvent::Approved));
        assert_eq!(requested.sentence(), "Mia requested “Read access” in Genomics.");
        assert_eq!(requested.path(), "/projects/prj_0193456789ab7cdef0123456789abcde/keys");
        assert_eq!(ready.sentence(), "Your key “Read access” for Genomics is ready.");
        assert_eq!(ready.path(), "/projects/prj_0193456789ab7cdef0123456789abcde");
        for word in ["requested", "withdrawn", "approved", "rejected", "closed", "revoked"] {
            assert_eq!(word.parse::<NotificationEvent>().unwrap().as_str(), word);
        }
    }
}
