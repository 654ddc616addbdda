//! Templates, requests for a key by one, and what those who ask see of both.

use serde::{Deserialize, Serialize};

use super::{
    fault::Fault,
    id::{FieldId, KeyId, KeyRequestId, RoleId, TemplateId},
    money::Money,
    permission::Permissions,
    policy::Status,
    project::ProjectRow,
    text,
    time::Timestamp,
};

/// The most templates of one project.
pub const TEMPLATES_MAX: usize = 50;
/// The most information fields of one template.
pub const FIELDS_MAX: usize = 20;
/// The longest word that is said with a rejection, in characters.
pub const WORD_MAX: usize = 500;
/// For how many days a key may be good at most: ten years.
pub const DAYS_MAX: i64 = 3650;

/// An information field: it is imported, as a secret, together with the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldRow {
    /// Its id.
    pub id: FieldId,
    /// Its name, unique in the template.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it holds.
    pub value: String,
}

/// An information field as a key has it: as it was when the key was granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedField {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it holds.
    pub value: String,
}

impl From<FieldRow> for IssuedField {
    fn from(field: FieldRow) -> Self {
        Self { name: field.name, description: field.description, value: field.value }
    }
}

/// A template, as those who manage its project see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateRow {
    /// Its id.
    pub id: TemplateId,
    /// Its name, unique in the project.
    pub name: String,
    /// What its keys are for.
    pub description: String,
    /// The role of its keys.
    pub role: RoleId,
    /// Of one request.
    pub price: Money,
    /// How long its keys are good, in days; `None` for ever.
    pub duration_days: Option<i64>,
    /// Its information fields, in their order.
    pub fields: Vec<FieldRow>,
    /// How many of its keys are in use.
    pub keys: i64,
}

/// A role that a template may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleChoice {
    /// Its id.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// What it permits.
    pub permissions: Permissions,
    /// Whether the reader holds all of that, and so may give it.
    pub may_give: bool,
}

/// A node of the project, to be named in a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeChoice {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
}

/// A request that waits to be decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRow {
    /// Its id.
    pub id: KeyRequestId,
    /// When it was made.
    pub requested_at: Timestamp,
    /// The name of who asks.
    pub user: String,
    /// What they sign in with.
    pub email: String,
    /// The template.
    pub template_id: TemplateId,
    /// Its name.
    pub template: String,
}

/// All that the page of a project's templates shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateDesk {
    /// The project.
    pub project: ProjectRow,
    /// Its templates, the oldest first.
    pub templates: Vec<TemplateRow>,
    /// The organization's roles.
    pub roles: Vec<RoleChoice>,
    /// The project's nodes.
    pub nodes: Vec<NodeChoice>,
    /// The requests that wait, the oldest first.
    pub requests: Vec<RequestRow>,
    /// Of prices: ISO 4217.
    pub currency: String,
}

/// A value of a template that is edited on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateValue {
    /// Its name.
    Name,
    /// Its description.
    Description,
    /// Its role, by id.
    Role,
    /// The price of a request, as [`Money`] prints it.
    Price,
    /// How long its keys are good, as [`days_text`] has it.
    DurationDays,
}

impl TemplateValue {
    /// Its name in the call.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Description => "description",
            Self::Role => "role",
            Self::Price => "price",
            Self::DurationDays => "duration_days",
        }
    }
}

/// A value of an information field that is edited on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldValue {
    /// Its name.
    Name,
    /// Its description.
    Description,
    /// What it holds.
    Value,
}

impl FieldValue {
    /// Its name in the call.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Description => "description",
            Self::Value => "value",
        }
    }
}

/// A value as somebody typed it, and as they saw it before: where it is another by now, nothing is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit<Which> {
    /// Which value.
    pub which: Which,
    /// What stood there when they began.
    pub before: String,
    /// What they typed.
    pub after: String,
}

/// How long keys are good, as text: a number of days, or nothing for ever.
pub fn days_text(days: Option<i64>) -> String {
    days.map(|days| days.to_string()).unwrap_or_default()
}

/// Reads a number of days as somebody typed it. Nothing, or `never`, is for ever.
///
/// # Errors
/// `Invalid` for what is no whole number from 1 to [`DAYS_MAX`].
pub fn days(field: &str, typed: &str) -> Result<Option<i64>, Fault> {
    let typed = typed.trim().to_lowercase();
    if typed.is_empty() || typed == "never" {
        return Ok(None);
    }
    let number = typed.strip_suffix("days").or_else(|| typed.strip_suffix("day")).unwrap_or(&typed).trim_end();
    let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    let days = number.parse().ok().filter(|days| is_number && (1..=DAYS_MAX).contains(days));
    days.map(Some).ok_or_else(|| Fault::invalid(field, format!("Enter a number of days from 1 to {DAYS_MAX}, or nothing for never.")))
}

/// What is said with a rejection, without the blanks around it.
///
/// # Errors
/// `Invalid` for what is longer than [`WORD_MAX`] or holds characters that can't be seen.
pub fn word(field: &str, typed: &str) -> Result<String, Fault> {
    let word = text::description(field, typed)?;
    let length = word.chars().count();
    if length > WORD_MAX {
        return Err(Fault::invalid(field, format!("Use at most {WORD_MAX} characters; this has {length}.")));
    }
    Ok(word)
}

/// A key that somebody holds, or held last, by a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldKey {
    /// Its id.
    pub id: KeyId,
    /// When it was granted.
    pub received_at: Timestamp,
    /// When its holder was given it, if they were.
    pub revealed_at: Option<Timestamp>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// What it is now.
    pub status: Status,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

impl HeldKey {
    /// Whether it is in use or at rest, so that no other is given by its template.
    pub fn is_live(&self) -> bool {
        matches!(self.status, Status::Active | Status::Disabled)
    }
}

/// A request of the reader's that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Its id.
    pub id: KeyRequestId,
    /// When it was made.
    pub asked_at: Timestamp,
}

/// A request of the reader's that was turned down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// When.
    pub at: Timestamp,
    /// The name of who did it.
    pub by: String,
    /// What they said; blank for nothing.
    pub word: String,
}

/// A template, as those see it who may ask for its key, and where they stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyTile {
    /// The template.
    pub template: TemplateId,
    /// Whether it was deleted; its key then is the reader's alone to see.
    pub is_deleted: bool,
    /// Its name.
    pub name: String,
    /// What its keys are for.
    pub description: String,
    /// The name of the role of its keys.
    pub role: String,
    /// What that role permits in the project.
    pub permits: Permissions,
    /// Its fields; those of the key, where the reader holds one.
    pub fields: Vec<IssuedField>,
    /// Of one request.
    pub price: Money,
    /// How long its keys are good, in days; `None` for ever.
    pub duration_days: Option<i64>,
    /// The reader's open request.
    pub waiting: Option<Waiting>,
    /// The reader's last request, where it was turned down.
    pub rejected: Option<Rejection>,
    /// The reader's key, or their last one.
    pub key: Option<HeldKey>,
}

/// The tiles of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyTiles {
    /// The tiles: the project's templates, the oldest first, then what the reader holds by templates that are gone.
    pub tiles: Vec<KeyTile>,
    /// Of prices: ISO 4217.
    pub currency: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_read_back_and_nonsense_is_refused() {
        for (typed, read) in [("", None), (" never ", None), ("1", Some(1)), (" 90 days", Some(90)), ("1 Day", Some(1)), ("3650", Some(3650))] {
            let days_read = days("duration_days", typed).unwrap();
            assert_eq!(days_read, read, "{typed}");
            assert_eq!(days("duration_days", &days_text(days_read)), Ok(read));
        }
        for bad in ["0", "-1", "3651", "1.5", "+7", "days", "a", "99999999999999999999", "٣"] {
            assert!(days("duration_days", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_word_is_counted_in_characters() {
        assert_eq!(word("word", " Not yet. ").unwrap(), "Not yet.");
        assert!(word("word", &"ä".repeat(WORD_MAX)).is_ok());
        assert!(word("word", &"ä".repeat(WORD_MAX + 1)).is_err());
        assert!(word("word", "a\u{202E}b").is_err());
    }
}
