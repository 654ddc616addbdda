//! Notifications shown in the page.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{Store, StoreError, Tx, columns::Columns, verdict_changes::VerdictChange};
use latchkey_types::{
    id::{AccessRequestId, ProjectId, UserId},
    notification::{Notification, NotificationEvent, RequestOutcome},
    time::Timestamp,
};

#[derive(Debug, Clone)]
pub struct NewNotification {
    pub event: NotificationEvent,
    /// `None` if it is not about a project.
    pub project_id: Option<ProjectId>,
    /// The access request that it is about, if any.
    pub request_id: Option<AccessRequestId>,
    /// Path of the page that it links to, if it is not about a project.
    pub link: Option<String>,
    /// The project's name, or the subject without a project.
    pub project: String,
    pub template: String,
    /// The name of the user who caused it.
    pub actor_name: String,
    /// Their comment; may be blank.
    pub comment: String,
}

impl NewNotification {
    /// A notification that is not about a project. `subject` and `detail` are the fields `project` and `template` of
    /// [`latchkey_types::notification::Notification`]; `link` is the path of a page.
    pub fn without_project(event: NotificationEvent, subject: &str, detail: String, link: &str) -> Self {
        Self {
            event,
            project_id: None,
            request_id: None,
            link: Some(link.to_owned()),
            project: subject.to_owned(),
            template: detail,
            actor_name: String::new(),
            comment: String::new(),
        }
    }
}

/// Whether a user received a notification of this event and subject, with this link, since a time.
pub async fn was_sent(tx: &mut Tx, user: UserId, notification: &NewNotification, since: Timestamp) -> Result<bool, StoreError> {
    let sql = "select count(*) from notifications where user_id = $1 and event = $2 and project = $3 and link = $4 and created_at >= $5";
    let NewNotification { event, project, link, .. } = notification;
    let query = sqlx::query_scalar::<_, i64>(sql).bind(user).bind(*event).bind(project).bind(link).bind(since);
    Ok(query.fetch_one(tx).await? > 0)
}

/// Stores a notification for one user, and queues it for mail if mail is configured. The commit reports it to all instances.
pub async fn insert(tx: &mut Tx, user: UserId, notification: &NewNotification) -> Result<(), StoreError> {
    let now = Timestamp::now();
    let seq = Columns::new()
        .set_sql("seq", tx.next_number("notifications", "seq"))
        .set("user_id", user)
        .set("event", notification.event)
        .set("project_id", notification.project_id)
        .set("request_id", notification.request_id)
        .set("link", &notification.link)
        .set("project", &notification.project)
        .set("template", &notification.template)
        .set("actor_name", &notification.actor_name)
        .set("comment", &notification.comment)
        .set("created_at", now)
        .insert_returning(tx, "notifications", "seq")
        .await?;
    tx.touch_added(VerdictChange::Notification(seq));
    if tx.notifies_by_mail() {
        let sql = "insert into mail_queue (notification_seq, attempts, next_attempt_at) values ($1, 0, $2)";
        sqlx::query(sql).bind(seq).bind(now).execute(tx).await?;
    }
    Ok(())
}

/// A notification as stored.
#[derive(Debug, sqlx::FromRow)]
pub struct NotificationRecord {
    /// Sequence number over all notifications.
    pub seq: i64,
    /// The recipient.
    pub user_id: UserId,
    /// A [`NotificationEvent`], possibly of a newer version.
    pub event: String,
    pub project_id: Option<ProjectId>,
    /// The access request that it is about, if any.
    pub request_id: Option<AccessRequestId>,
    /// Path of the page that it links to, if it is not about a project.
    pub link: Option<String>,
    /// The project's name at that time.
    pub project: String,
    /// The template's name at that time.
    pub template: String,
    /// The name of the user who caused it.
    pub actor_name: String,
    /// Their comment; may be blank.
    pub comment: String,
    /// The current state of the access request, and the name of the user who decided it.
    pub request_state: Option<String>,
    pub decided_by: Option<String>,
    pub created_at: Timestamp,
    /// `None` while unread.
    pub read_at: Option<Timestamp>,
}

/// The columns of a [`NotificationRecord`], of table alias `n`.
pub(super) const COLUMNS: &str = "n.seq, n.user_id, n.event, n.project_id, n.request_id, n.link, n.project, n.template, n.actor_name, n.comment, \
     (select q.state from access_requests q where q.id = n.request_id) as request_state, \
     (select d.name from access_requests q join users d on d.id = q.decided_by where q.id = n.request_id) as decided_by, n.created_at, n.read_at";

/// A user's notifications before a sequence number, newest first.
pub async fn of_user(store: &Store, user: UserId, before: i64, limit: i64) -> Result<Vec<NotificationRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("select {COLUMNS} from notifications n where n.user_id = $1 and n.seq < $2 order by n.seq desc limit $3"));
    Ok(sqlx::query_as(sql).bind(user).bind(before).bind(limit).fetch_all(store.read()?).await?)
}

/// Marks a user's notifications as read, from one sequence number up to and including another.
pub async fn mark_read(tx: &mut Tx, user: UserId, (from, up_to): (i64, i64)) -> Result<(), StoreError> {
    let sql = "update notifications set read_at = $1 where user_id = $2 and seq >= $3 and seq <= $4 and read_at is null";
    sqlx::query(sql).bind(Timestamp::now()).bind(user).bind(from).bind(up_to).execute(tx).await?;
    Ok(())
}

/// The sequence number of the newest notification; 0 if there is none.
pub async fn newest(store: &Store) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("select coalesce(max(seq), 0) from notifications").fetch_one(store.read()?).await?)
}

/// The notifications with these sequence numbers, of all users.
pub async fn with_numbers(store: &Store, numbers: &BTreeSet<i64>) -> Result<Vec<NotificationRecord>, StoreError> {
    let listed = store.json_rows();
    let sql = AssertSqlSafe(format!("select {COLUMNS} from notifications n where n.seq in (select cast(value ->> 0 as bigint) from {listed})"));
    let rows = numbers.iter().map(|number| json!([number])).collect::<Value>().to_string();
    Ok(sqlx::query_as(sql).bind(rows).fetch_all(store.read()?).await?)
}

/// At most a thousand notifications of all users after a sequence number, in order.
pub async fn after(store: &Store, seq: i64) -> Result<Vec<NotificationRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("select {COLUMNS} from notifications n where n.seq > $1 order by n.seq limit 1000"));
    Ok(sqlx::query_as(sql).bind(seq).fetch_all(store.read()?).await?)
}

impl NotificationRecord {
    /// `None` if a newer version stored the notification.
    pub fn to_notification(self) -> Option<Notification> {
        let event: NotificationEvent = self.event.parse().ok()?;
        // The state of an open request is not the name of an event.
        let end = self.request_state.and_then(|state| state.parse().ok()).filter(|_| event == NotificationEvent::Requested);
        Some(Notification {
            seq: self.seq,
            event,
            project_id: self.project_id,
            request_id: self.request_id,
            link: self.link,
            project: self.project,
            template: self.template,
            actor_name: self.actor_name,
            comment: self.comment,
            outcome: end.map(|event| RequestOutcome { event, by: self.decided_by.unwrap_or_default() }),
            created_at: self.created_at,
            is_read: self.read_at.is_some(),
        })
    }
}
