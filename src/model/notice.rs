//! What somebody is told in the page.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{id::ProjectId, permission::UnknownWord, time::Timestamp};

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident $word:literal),* $(,)?) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum NoticeEvent { $($(#[$doc])* $name),* }

        impl NoticeEvent {
            /// The word in stored data.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }
        }

        impl FromStr for NoticeEvent {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word { $($word => Ok(Self::$name),)* _ => Err(UnknownWord) }
            }
        }
    };
}

events! {
    /// To those who decide: somebody asks for a key.
    Requested "requested",
    /// To those who decide: somebody no longer asks.
    Withdrawn "withdrawn",
    /// To who asked: the key is theirs.
    Approved "approved",
    /// To who asked: they don't get it.
    Rejected "rejected",
    /// To who asked: the template is gone, and their request with it.
    Closed "closed",
    /// To the holder: their key was taken back.
    Revoked "revoked",
}

impl NoticeEvent {
    /// Whether those are told who decide, and not the one whose key or request it is.
    pub const fn is_for_deciders(self) -> bool {
        matches!(self, Self::Requested | Self::Withdrawn)
    }
}

/// One notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its place among all.
    pub seq: i64,
    /// What happened.
    pub event: NoticeEvent,
    /// In which project.
    pub project_id: ProjectId,
    /// That project's name then.
    pub project: String,
    /// The template's name then.
    pub template: String,
    /// The name of who did it.
    pub person: String,
    /// What they said.
    pub word: String,
    /// When.
    pub created_at: Timestamp,
    /// Whether its reader saw it.
    pub is_read: bool,
}

impl Notice {
    /// What happened, as a sentence to its reader.
    pub fn sentence(&self) -> String {
        let Self { project, template, person, .. } = self;
        match self.event {
            NoticeEvent::Requested => format!("{person} asks for “{template}” in {project}."),
            NoticeEvent::Withdrawn => format!("{person} no longer asks for “{template}” in {project}."),
            NoticeEvent::Approved => format!("Your key “{template}” for {project} is ready."),
            NoticeEvent::Rejected => format!("{person} rejected your request for “{template}” in {project}."),
            NoticeEvent::Closed => format!("“{template}” in {project} was deleted, and your request for it was closed."),
            NoticeEvent::Revoked => format!("{person} revoked your key “{template}” for {project}."),
        }
    }

    /// The page where its reader finds what it is about.
    pub fn path(&self) -> String {
        let keys = if self.event.is_for_deciders() { "/keys" } else { "" };
        format!("/projects/{}{keys}", self.project_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_a_sentence_that_leads_to_its_page() {
        let notice = |event| Notice {
            seq: 1,
            event,
            project_id: "prj_0193456789ab7cdef0123456789abcde".parse().unwrap(),
            project: "Genomics".to_owned(),
            template: "Read access".to_owned(),
            person: "Mia".to_owned(),
            word: String::new(),
            created_at: Timestamp(0),
            is_read: false,
        };
        let (asked, ready) = (notice(NoticeEvent::Requested), notice(NoticeEvent::Approved));
        assert_eq!(asked.sentence(), "Mia asks for “Read access” in Genomics.");
        assert_eq!(asked.path(), "/projects/prj_0193456789ab7cdef0123456789abcde/keys");
        assert_eq!(ready.sentence(), "Your key “Read access” for Genomics is ready.");
        assert_eq!(ready.path(), "/projects/prj_0193456789ab7cdef0123456789abcde");
        for word in ["requested", "withdrawn", "approved", "rejected", "closed", "revoked"] {
            assert_eq!(word.parse::<NoticeEvent>().unwrap().word(), word);
        }
    }
}
