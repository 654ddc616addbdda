//! Content of notification emails.

use lettre::{
    Address, Message,
    message::{Mailbox, header::ContentType},
};

use crate::public_url::PublicUrl;
use latchkey_types::notification::{Notification, NotificationEvent};

/// Maximum length of the subject, in characters.
const SUBJECT_MAX: usize = 150;

/// Builds a plain-text message; `None` if the recipient's address is invalid.
pub(super) fn build(from: &Mailbox, email: &str, name: &str, notice: &Notification, public_url: &PublicUrl) -> Option<Message> {
    let address: Address = email.parse().ok()?;
    // The same for every attempt, so that mail clients can detect duplicates.
    let id = format!("<notice.{}.{}@{}>", notice.seq, notice.created_at.0, from.email.domain());
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(Some(one_line(name)), address))
        .subject(subject(notice))
        .message_id(Some(id))
        .header(ContentType::TEXT_PLAIN)
        .body(body(notice, public_url))
        .ok()
}

fn subject(notice: &Notification) -> String {
    let line = one_line(&notice.sentence());
    let line = line.strip_suffix('.').unwrap_or(&line);
    match line.char_indices().nth(SUBJECT_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

fn body(notice: &Notification, public_url: &PublicUrl) -> String {
    let comment = if notice.comment.is_empty() { String::new() } else { format!("Comment: “{}”\n\n", notice.comment) };
    let reason = match notice.event {
        event if event.is_for_approvers() => "you manage this project",
        NotificationEvent::CredentialRefused => "you manage the credentials of your organization",
        NotificationEvent::BudgetWarning | NotificationEvent::BudgetUsed => "you manage your organization or created the key",
        _ => "it concerns one of your keys",
    };
    let link = public_url.link(notice.path().trim_start_matches('/'));
    format!("{}\n\n{comment}{link}\n\n-- \nYou receive this email because {reason}.\n", notice.sentence())
}

/// Replaces control characters and line separators by spaces: names come from users and must not inject headers.
fn one_line(text: &str) -> String {
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.split(is_break).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::time::Timestamp;

    fn formatted(project: &str, name: &str) -> String {
        let notice = Notification {
            seq: 7,
            event: NotificationEvent::Requested,
            project_id: Some("prj_0193456789ab7cdef0123456789abcde".parse().unwrap()),
            request_id: None,
            link: None,
            project: project.to_owned(),
            template: "Read access".to_owned(),
            actor_name: "Mia".to_owned(),
            comment: String::new(),
            outcome: None,
            created_at: Timestamp(0),
            is_read: false,
        };
        let url = PublicUrl::new(Some("https://keys.example.com"), ([127, 0, 0, 1], 1).into()).unwrap();
        let message = build(&"Latchkey <keys@example.com>".parse().unwrap(), "ada@example.com", name, &notice, &url).unwrap();
        String::from_utf8(message.formatted()).unwrap()
    }

    #[test]
    fn names_cannot_inject_headers() {
        for breaks in ["\r\n", "\n", "\r", "\u{2028}", "\u{85}", "\0"] {
            let input = format!("x{breaks}Bcc: eve@example.com{breaks}{breaks}Body");
            let mail = formatted(&input, &input);
            let head = mail.split("\r\n\r\n").next().unwrap();
            assert!(!head.lines().any(|line| line.to_lowercase().starts_with("bcc")), "{breaks:?}: {head}");
            assert_eq!(head.matches("Subject:").count(), 1, "{head}");
        }
    }

    #[test]
    fn the_subject_is_short_and_the_link_is_complete() {
        let mail = formatted(&"Ж".repeat(400), "Ada");
        assert!(mail.contains("Subject: ") && mail.contains("<notice.7.0@example.com>"), "{mail}");
        let mail = formatted("Genomics", "Ada");
        assert!(mail.contains("https://keys.example.com/projects/prj_0193456789ab7cdef0123456789abcde/keys"), "{mail}");
    }
}
