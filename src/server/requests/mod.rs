//! The rules for requests: somebody asks for a key by a template, somebody else decides.

mod ask;
mod decide;
mod tiles;

pub use ask::{ask, withdraw};
pub use decide::{approve, reject};
pub use tiles::tiles;

use super::{
    actor::Actor,
    audit::{Auditor, Event},
    notices,
    projects::Reached,
    store::{
        self, Tx,
        notices::NewNotice,
        requests::{RequestRecord, state},
    },
};
use crate::model::{
    fault::Fault,
    id::{ProjectId, TemplateId, UserId},
    notice::NoticeEvent,
    template::RequestRow,
    time::Timestamp,
};

impl RequestRecord {
    fn row(self) -> Result<RequestRow, Fault> {
        Ok(RequestRow {
            id: self.id.parse().map_err(|_| Fault::Internal)?,
            requested_at: Timestamp(self.requested_at),
            user: self.user_name,
            email: self.email,
            template_id: self.template_id.parse().map_err(|_| Fault::Internal)?,
            template: self.template,
        })
    }

    fn asker(&self) -> Result<UserId, Fault> {
        self.user_id.parse().map_err(|_| Fault::Internal)
    }

    /// Goes on only while it waits.
    ///
    /// # Errors
    /// `Conflict` at `request`, telling what became of it.
    fn require_open(&self) -> Result<(), Fault> {
        let by = self.decider.as_deref().unwrap_or("somebody");
        let told = match self.state.as_str() {
            state::OPEN => return Ok(()),
            state::APPROVED => format!("This request was approved already by {by}."),
            state::REJECTED => format!("This request was rejected already by {by}."),
            state::WITHDRAWN => format!("{} withdrew this request, so there is nothing to decide.", self.user_name),
            _ => "The template was deleted, and this request was closed with it.".to_owned(),
        };
        Err(Fault::conflict("request", told))
    }
}

/// The requests of a project that wait, the oldest first.
///
/// # Errors
/// `Unavailable`.
pub async fn waiting(db: &mut Tx, project: ProjectId) -> Result<Vec<RequestRow>, Fault> {
    store::requests::open_of_project(db, project).await?.into_iter().map(RequestRecord::row).collect()
}

/// Closes the open requests of a template that is being deleted. Answers how many there were.
///
/// # Errors
/// `Unavailable`.
pub async fn close_all(tx: &mut Tx, auditor: &Auditor, actor: &Actor, reached: &Reached, template: TemplateId) -> Result<usize, Fault> {
    let open = store::requests::open_of_template(tx, template).await?;
    for request in &open {
        store::requests::decide(tx, &request.id, state::CLOSED, actor.user, "", Timestamp::now()).await?;
        auditor.record(tx, about(actor, "request.closed", reached, request)).await?;
        tell(tx, actor, &[request.asker()?], NoticeEvent::Closed, reached, &request.template, "").await?;
    }
    Ok(open.len())
}

/// Something that was done with a request.
fn about(actor: &Actor, action: &'static str, reached: &Reached, request: &RequestRecord) -> Event {
    Event::new(actor, action, "request", &request.id, &request.template)
        .with("project", reached.record.name.as_str())
        .with("user", request.user_name.as_str())
}

/// Tells people, but not the actor themself.
async fn tell(tx: &mut Tx, actor: &Actor, people: &[UserId], event: NoticeEvent, reached: &Reached, template: &str, word: &str) -> Result<(), Fault> {
    let others: Vec<_> = people.iter().copied().filter(|person| *person != actor.user).collect();
    let notice = NewNotice {
        event,
        project_id: reached.id,
        project: reached.record.name.clone(),
        template: template.to_owned(),
        person: actor.name.clone(),
        word: word.to_owned(),
    };
    notices::tell(tx, &others, &notice).await
}
